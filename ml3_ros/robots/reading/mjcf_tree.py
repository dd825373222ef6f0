# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pinocchio's model of the arm in a MuJoCo model: bodies, joints, frames, one by one.

Pinocchio's own parser of MJCF drops the pose of the first body, and knows no several joints in a
body. Here both engines have one model by construction.
"""

from __future__ import annotations

from collections.abc import Mapping

import mujoco
import numpy as np
import pinocchio
from scipy.spatial.transform import Rotation

from ml3_ros.robots.base import Array
from ml3_ros.robots.reading.choice import Choice
from ml3_ros.robots.reading.mjcf_joints import SINGLE

_AXES = np.eye(3)
_TURNING = (pinocchio.JointModelRX, pinocchio.JointModelRY, pinocchio.JointModelRZ)
_SLIDING = (pinocchio.JointModelPX, pinocchio.JointModelPY, pinocchio.JointModelPZ)


def model_of(source: mujoco.MjModel, choice: Choice) -> pinocchio.Model:
    """Return the rigid-body model in which the chosen joints move.

    Others are held at the positions of `choice`; free and ball joints where the file places their
    bodies. Frames are bodies (BODY) and sites (OP_FRAME) by name.
    """
    model = pinocchio.Model()
    placed = {0: (0, pinocchio.SE3.Identity())}  # joint that moves a body, and the body in it
    dofs = []
    for body in range(1, source.nbody):
        joint, at = placed[int(source.body_parentid[body])]
        at = at * _pose(source.body_pos[body], source.body_quat[body])
        for j in joints_of_body(source, body):
            name = source.joint(j).name
            if name in choice.moving:
                joint, at = _add_joint(model, source, j, joint, at)
                dofs.append(int(source.jnt_dofadr[j]))
            else:
                at = at * held_motion(source, j, choice.held)
        placed[body] = (joint, at)
        if joint:
            model.appendBodyToJoint(joint, _inertia(source, body), at)
        model.addBodyFrame(body_name(source, body), joint, at, 0)
    for i in range(source.nsite):
        joint, at = placed[int(source.site_bodyid[i])]
        at = at * _pose(source.site_pos[i], source.site_quat[i])
        kind = pinocchio.FrameType.OP_FRAME
        model.addFrame(pinocchio.Frame(source.site(i).name, joint, 0, at, kind), False)
    model.gravity.linear = np.array(source.opt.gravity)
    model.armature = np.array(source.dof_armature[dofs])
    model.damping = np.array(source.dof_damping[dofs])
    model.friction = np.array(source.dof_frictionloss[dofs])
    return model


def body_name(source: mujoco.MjModel, body: int) -> str:
    """Return a body's name, or one made from its number."""
    return str(source.body(body).name or f"body_{body}")


def joints_of_body(source: mujoco.MjModel, body: int) -> range:
    """Return the numbers of a body's joints."""
    first = int(source.body_jntadr[body])
    return range(first, first + int(source.body_jntnum[body]))


def _add_joint(
    model: pinocchio.Model, source: mujoco.MjModel, j: int, parent: int, at: pinocchio.SE3
) -> tuple[int, pinocchio.SE3]:
    """Add a joint of a body that is `at` in its parent; return it, and the body in its frame."""
    axis, anchor = np.array(source.jnt_axis[j]), np.array(source.jnt_pos[j])
    slides = source.jnt_type[j] == mujoco.mjtJoint.mjJNT_SLIDE
    aligned = np.flatnonzero((axis == _AXES).all(axis=1))
    if aligned.size:
        kind = (_SLIDING if slides else _TURNING)[int(aligned[0])]()
    elif slides:
        kind = pinocchio.JointModelPrismaticUnaligned(axis)
    else:
        kind = pinocchio.JointModelRevoluteUnaligned(axis)
    origin = pinocchio.SE3(np.eye(3), anchor)
    zero = motion_of(source, j, 0.0)  # at 0, which need not be where the file places the body
    new = model.addJoint(parent, kind, at * zero * origin, source.joint(j).name)
    model.addJointFrame(new)
    return int(new), origin.inverse()


def motion_of(source: mujoco.MjModel, j: int, position: float) -> pinocchio.SE3:
    """Return how a joint at that position moves its body from where the file places it."""
    axis, anchor = source.jnt_axis[j], np.array(source.jnt_pos[j])
    way = (position - float(source.qpos0[source.jnt_qposadr[j]])) * np.array(axis)
    if source.jnt_type[j] == mujoco.mjtJoint.mjJNT_SLIDE:
        return pinocchio.SE3(np.eye(3), way)
    turn = Rotation.from_rotvec(way).as_matrix() if way.any() else np.eye(3)
    return pinocchio.SE3(turn, anchor - turn @ anchor)


def held_motion(source: mujoco.MjModel, j: int, held: Mapping[str, float]) -> pinocchio.SE3:
    """Return likewise for a joint that is held; a free or ball joint stays as the file has it."""
    if int(source.jnt_type[j]) not in SINGLE:
        return pinocchio.SE3.Identity()
    return motion_of(source, j, held[source.joint(j).name])


def _inertia(source: mujoco.MjModel, body: int) -> pinocchio.Inertia:
    turn = _pose(np.zeros(3), source.body_iquat[body]).rotation
    tensor = turn @ np.diag(source.body_inertia[body]) @ turn.T
    return pinocchio.Inertia(
        float(source.body_mass[body]), np.array(source.body_ipos[body]), tensor
    )


def _pose(position: Array, quat_wxyz: Array) -> pinocchio.SE3:
    turn = Rotation.from_quat(np.roll(quat_wxyz, -1)).as_matrix()
    return pinocchio.SE3(turn, np.array(position))
