# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Joints of a MJCF model: which of them can move an arm."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np

from ml3_ros.errors import RobotError
from ml3_ros.robots.reading.choice import Joint, usually_idle

SINGLE = (int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE))


def joints_of(model: mujoco.MjModel, path: Path) -> dict[str, Joint]:
    """Return the joints of a model by name, in its order; they rest in the first keyframe.

    Raises:
        RobotError: A joint that could move an arm has no name.
    """
    tied = _tied(model)
    start = model.key_qpos[0] if model.nkey else model.qpos0
    joints: dict[str, Joint] = {}
    for i in range(model.njnt):
        name, body = model.joint(i).name, int(model.jnt_bodyid[i])
        single = int(model.jnt_type[i]) in SINGLE
        obstacle = tied.get(i, "")
        if not single:
            obstacle = "is a free or ball joint, neither revolute nor prismatic"
            name = name or f"free joint of body {model.body(body).name}"
        elif model.jnt_stiffness[i]:
            obstacle = f"has a spring (stiffness {model.jnt_stiffness[i]:g}): remove it"
        if not name:
            raise RobotError(
                f"a joint of {path}, in the body {model.body(body).name!r}, has no name: give "
                "every joint a name of its own"
            )
        heavy = model.body_subtreemass[body] > 0.0
        limited = bool(model.jnt_limited[i]) and single
        joints[name] = Joint(
            name=name,
            slides=int(model.jnt_type[i]) == int(mujoco.mjtJoint.mjJNT_SLIDE),
            lower=float(model.jnt_range[i, 0]) if limited else -np.inf,
            upper=float(model.jnt_range[i, 1]) if limited else np.inf,
            rest=float(start[model.jnt_qposadr[i]]) if single else 0.0,
            obstacle=obstacle,
            idle=usually_idle(name) if heavy else "moves nothing that has mass",
        )
    return joints


def _tied(model: mujoco.MjModel) -> dict[int, str]:
    """Return why joints cannot move by themselves: equality constraints and tendons tie them."""
    tied: dict[int, str] = {}
    for i in range(model.ntendon):
        first = model.tendon_adr[i]
        for wrap in range(first, first + model.tendon_num[i]):
            if model.wrap_type[wrap] == mujoco.mjtWrap.mjWRAP_JOINT:
                tied[int(model.wrap_objid[wrap])] = f"is tied by tendon {model.tendon(i).name!r}"
    for i in range(model.neq):
        said = "is tied by an equality constraint"
        kind, ends = int(model.eq_type[i]), (int(model.eq_obj1id[i]), int(model.eq_obj2id[i]))
        if kind == int(mujoco.mjtEq.mjEQ_JOINT):
            tied.update({end: said for end in ends if end >= 0})
        elif kind in (int(mujoco.mjtEq.mjEQ_CONNECT), int(mujoco.mjtEq.mjEQ_WELD)):
            if int(model.eq_objtype[i]) == int(mujoco.mjtObj.mjOBJ_SITE):
                ends = (int(model.site_bodyid[ends[0]]), int(model.site_bodyid[ends[1]]))
            tied.update({joint: said for joint in _joints_between(model, *ends)})
    return tied


def _joints_between(model: mujoco.MjModel, one: int, other: int) -> set[int]:
    """Return the joints that move one body in the other."""

    def joints_above(body: int) -> set[int]:
        found: set[int] = set()
        while body > 0:
            first = int(model.body_jntadr[body])
            found |= set(range(first, first + int(model.body_jntnum[body])))
            body = int(model.body_parentid[body])
        return found

    return joints_above(one) ^ joints_above(max(other, 0))
