# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Messages of a Sawyer from the driver's side: what it reports to arrays, commands to it.

Arrays are in the order of `names`, SI units. Whatever must not be used raises `MessageError`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from sensor_msgs.msg import JointState

from ml3_ros.errors import ConfigError, MessageError
from ml3_ros.nodes.messages.joint_states import (
    ImplausibleError,
    JointSample,
    NotFiniteError,
    listed,
    sample_from_msg,
)
from ml3_ros.robots.base import Array, JointLimits
from ml3_ros.robots.sawyer.driving_config import Send
from ml3_ros.robots.sawyer.interface import BASE, CUFF_SIGNAL, Mode, SawyerMessages
from ml3_ros.robots.sawyer.reports import RobotView

SAME_LIMIT = 1e-2  # share by which a limit of the robot may differ from the model's


def joints_from_msg(msg: JointState, names: Sequence[str], dead_band: float) -> JointSample:
    """Read the arm's joints; velocities within the robot's dead band are 0.

    Raises:
        MessageError: Joints are missing (grippers publish on the same topic), not finite, ...
    """
    sample = sample_from_msg(msg, names)
    v = np.where(np.abs(sample.v) < dead_band, 0.0, sample.v)
    return JointSample(stamp=sample.stamp, q=sample.q, v=v, tau=sample.tau)


def view_from_msg(msg: Any) -> RobotView:
    """Read a RobotAssemblyState."""
    return RobotView(
        enabled=msg.enabled,
        ready=msg.ready,
        stopped=msg.stopped,
        error=msg.error,
        estop_button=msg.estop_button,
        estop_source=msg.estop_source,
    )


def gravity_from_msg(
    msg: Any, names: Sequence[str], field: str, limits: JointLimits
) -> Array | None:
    """Read what the robot adds by itself [N m], (n,), or None: its arrays may be empty.

    Raises:
        MessageError: The joints are others, a number is not finite, or is beyond the joint's
            effort limit.
    """
    values = np.asarray(getattr(msg, field), dtype=float)
    if values.size == 0:
        return None
    index = {name: i for i, name in enumerate(msg.name)}
    missing = [name for name in names if name not in index]
    if missing or values.size != len(msg.name):
        raise MessageError(
            f"gravity_compensation_torques has {values.size} numbers of {field} for "
            f"{listed(msg.name) or 'no joints'}: it is skipped; {', '.join(names)} are needed"
        )
    tau = values[[index[name] for name in names]]
    if not np.isfinite(tau).all():
        raise NotFiniteError(f"{field} of gravity_compensation_torques is not finite: skipped")
    if (np.abs(tau) > limits.effort).any():
        raise ImplausibleError(
            f"{field} of gravity_compensation_torques is beyond an effort limit: it is skipped"
        )
    return tau


def cuff_from_msg(msg: Any) -> bool:
    """Return whether the cuff is squeezed.

    Raises:
        MessageError: The signal's data cannot be read.
    """
    for signal in msg.signals:
        if signal.name == CUFF_SIGNAL:
            try:
                return bool(json.loads(signal.data)[0])
            except (ValueError, LookupError, TypeError, RecursionError):
                raise MessageError(
                    f"the cuff's signal is {signal.data[:40]!r}, not a list of one number: the "
                    "robot's software may be of another version"
                ) from None
    return False


def command_msg(send: Send, names: Sequence[str], stamp: Time, messages: SawyerMessages) -> Any:
    """Return the JointCommand: effort in torque mode, or a position; no other array is filled.

    In torque mode the robot may add feed-forward for a commanded acceleration.
    """
    msg = messages.JointCommand(names=list(names))
    msg.header.stamp, msg.header.frame_id = stamp, BASE
    if send.torque is not None:
        msg.mode, msg.effort = int(Mode.TORQUE), send.torque.tolist()
    elif send.position is not None:
        msg.mode, msg.position = int(Mode.POSITION), send.position.tolist()
    return msg


def check_limits(msg: Any, names: Sequence[str], limits: JointLimits) -> None:
    """Reject a robot that is not the one of the model.

    Raises:
        ConfigError: Joints are missing, an array has another length, or a limit differs from
            the model's.
    """
    index = {name: i for i, name in enumerate(msg.joint_names)}
    missing = [name for name in names if name not in index]
    if missing:
        raise ConfigError(
            f"the robot's joint_limits name no {', '.join(missing)} (they name "
            f"{listed(msg.joint_names)}): the model is of another robot"
        )
    pick = [index[name] for name in names]
    for field, known in (
        ("position_lower", limits.lower),
        ("position_upper", limits.upper),
        ("velocity", limits.velocity),
        ("effort", limits.effort),
    ):
        values = np.asarray(getattr(msg, field), dtype=float)
        if len(values) != len(msg.joint_names):
            raise ConfigError(
                f"the robot's joint_limits name {len(msg.joint_names)} joints but {field} has "
                f"{len(values)} numbers: check the bridge"
            )
        reported = values[pick]
        differ = ~(np.abs(reported - known) <= SAME_LIMIT * np.abs(known))
        if differ.any():
            j = int(np.argmax(differ))
            raise ConfigError(
                f"the robot's {field} of {names[j]} is {reported[j]:g}, the model's {known[j]:g}: "
                "describe this robot in a URDF and give it as `robot`"
            )
