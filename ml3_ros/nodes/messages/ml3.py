# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The messages of ml3_msgs to arrays or bytes and back, checked, without state."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from ml3_msgs.msg import ExternalTorque, InertiaPrior, LearnedLoss, LearnedModel
from ml3_ros.errors import MessageError
from ml3_ros.nodes.messages.joint_states import NotFiniteError, listed, nanoseconds, time_msg


def prior_to_msg(
    names: Sequence[str],
    stamp: int,
    q: np.ndarray,
    v: np.ndarray,
    M: np.ndarray,
    nle: np.ndarray,
    frame_id: str = "",
) -> InertiaPrior:
    """Return the rigid-body dynamics at the joint state stamped `stamp` [ns].

    Args:
        names: Joint names, n of them.
        stamp: Stamp of the joint state [ns].
        q: Position [rad], shape (n,).
        v: Velocity [rad/s], shape (n,).
        M: Joint-space inertia [kg m^2], shape (n, n).
        nle: Coriolis, centrifugal and gravity torque [N m], shape (n,).
        frame_id: Frame of the robot's base.
    """
    msg = InertiaPrior(joint_names=list(names))
    msg.header.stamp, msg.header.frame_id = time_msg(stamp), frame_id
    msg.position, msg.velocity = q.tolist(), v.tolist()
    msg.inertia, msg.nle = M.ravel().tolist(), nle.tolist()
    return msg


def prior_from_msg(msg: InertiaPrior, names: Sequence[str]) -> tuple[int, np.ndarray, np.ndarray]:
    """Read a prior in the order of `names`.

    Returns:
        Stamp of its joint state [ns], M [kg m^2] of shape (n, n), nle [N m] of shape (n,).

    Raises:
        MessageError: Another set of joints, wrong lengths, or numbers that are not finite.
    """
    n = len(names)
    if sorted(msg.joint_names) != sorted(names):
        raise MessageError(
            f"inertia_prior is for {listed(msg.joint_names)}, not for {', '.join(names)}: "
            "start rigid_body_prior with the same robot"
        )
    if len(msg.inertia) != n * n or len(msg.nle) != n:
        raise MessageError(
            f"inertia_prior of {n} joints carries {len(msg.inertia)} inertias and "
            f"{len(msg.nle)} torques, not {n * n} and {n}: its sender is faulty, restart it"
        )
    order = [list(msg.joint_names).index(name) for name in names]
    M = np.asarray(msg.inertia, dtype=float).reshape(n, n)[np.ix_(order, order)]
    nle = np.asarray(msg.nle, dtype=float)[order]
    if not (np.isfinite(M).all() and np.isfinite(nle).all()):
        raise NotFiniteError(
            "inertia_prior holds NaN or infinity: it is skipped; check the masses of the model"
        )
    return nanoseconds(msg.header.stamp), M, nle


def loss_to_msg(
    name: str,
    data: bytes,
    *,
    stamp: int,
    task_family: str,
    robot: str,
    joint_names: Sequence[str],
    frame_id: str = "",
) -> LearnedLoss:
    """Return a learned loss with its checksum; `data` are the bytes of its file."""
    msg = LearnedLoss(
        name=name,
        task_family=task_family,
        robot=robot,
        joint_names=list(joint_names),
        sha256=hashlib.sha256(data).hexdigest(),
    )
    msg.header.stamp, msg.header.frame_id = time_msg(stamp), frame_id
    msg.data = data
    return msg


def loss_from_msg(msg: LearnedLoss) -> bytes:
    """Return the bytes of the loss file that a message carries.

    Raises:
        MessageError: The checksum does not match the bytes.
    """
    data = bytes(msg.data)
    if hashlib.sha256(data).hexdigest() != msg.sha256:
        raise MessageError(
            f"learned_loss '{listed([msg.name])}' arrived damaged ({len(data)} bytes do not "
            "match its checksum): it is rejected and the loss in use stays; publish it again"
        )
    return data


def model_to_msg(
    method: str,
    data: bytes,
    *,
    stamp: int,
    update: int,
    joint_names: Sequence[str],
    frame_id: str = "",
) -> LearnedModel:
    """Return a model as it is after `update` gradient updates; `data` are its file's bytes."""
    msg = LearnedModel(method=method, update=update, joint_names=list(joint_names))
    msg.header.stamp, msg.header.frame_id = time_msg(stamp), frame_id
    msg.data = data
    return msg


def model_from_msg(msg: LearnedModel, names: Sequence[str]) -> bytes:
    """Return the bytes of the model that a message carries.

    Raises:
        MessageError: It is for other joints, or for these in another order.
    """
    if list(msg.joint_names) != list(names):
        raise MessageError(
            f"learned_model '{listed([msg.method])}' is for {listed(msg.joint_names)}, not for "
            f"{', '.join(names)}: it is not used; start the learner with the same robot"
        )
    return bytes(msg.data)


def external_torque_to_msg(
    names: Sequence[str],
    stamp: int,
    torque: np.ndarray,
    std: np.ndarray,
    touched: np.ndarray,
    *,
    update: int,
    frame_id: str = "",
) -> ExternalTorque:
    """Return the external torque at the joint state stamped `stamp` [ns].

    Args:
        names: Joint names, n of them.
        stamp: Stamp of the joint state [ns].
        torque: External torque [N m], shape (n,).
        std: Its standard deviation [N m], shape (n,).
        touched: Which joints count as touched, shape (n,).
        update: How often the physical model has been updated so far.
        frame_id: Frame of the robot's base.
    """
    msg = ExternalTorque(joint_names=list(names), update=update)
    msg.header.stamp, msg.header.frame_id = time_msg(stamp), frame_id
    msg.torque, msg.std, msg.touched = torque.tolist(), std.tolist(), touched.tolist()
    msg.contact = bool(touched.any())
    return msg
