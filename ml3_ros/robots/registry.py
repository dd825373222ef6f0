# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Registry of robot arms: loads the description of an arm by name, or from URDF or MJCF."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np

from ml3_ros.errors import DataError, RobotError
from ml3_ros.files import user_path
from ml3_ros.robots.base import Array, JointLimits, RobotDescription
from ml3_ros.robots.sources import pinocchio_model, read_root

if TYPE_CHECKING:
    import mujoco
    import pinocchio

BUILT_IN = ("sawyer", "reacher")

# Where the package example-robot-data (the extra "ur10") keeps the arm's URDF.
_UR10 = "cmeel.prefix/share/example-robot-data/robots/ur_description/urdf/ur10_robot.urdf"

# Where a file names no payload limit: this share of the moving mass (industrial arms carry 10 to
# 30 %).
_PAYLOAD_SHARE = 0.15


def load_robot(name_or_path: str | Path, *, simulated: bool = True) -> RobotDescription:
    """Return the arm of that name, or of a .urdf or MJCF .xml file.

    Names are "sawyer", "reacher" and, with the package example-robot-data, "ur10".

    The arm must be fixed to the world and every joint revolute or prismatic. From a URDF come
    position, velocity and effort limits (0 means none), home is zero or the nearest reachable
    position, and the tool is the last link. An MJCF file may add `<custom>` fields: text "tool";
    numerics "velocity_limits", "acceleration_limits" (one per joint) and "payload_limit" [kg]; its
    first keyframe is home; effort limits come from its actuators.

    Args:
        name_or_path: Of the arm.
        simulated: Whether MuJoCo must be able to simulate it; without, a URDF with inertias that
            no body can have will do, as it does for identification, which estimates them.

    Raises:
        RobotError: Unknown name, unreadable file, or an arm of a kind that is not modelled.
    """
    name = str(name_or_path)
    if name in BUILT_IN:
        return _from_mjcf(name, Path(__file__).with_name("models") / f"{name}.xml")
    try:
        path = _ur10_path() if name == "ur10" else user_path(name)
    except DataError as error:
        raise RobotError(str(error)) from error
    if path.suffix not in (".urdf", ".xml"):
        raise RobotError(
            f"there is no robot {name!r}: use {', '.join(BUILT_IN)}, ur10 or a .urdf or .xml file"
        )
    root = read_root(path)
    if root.tag == "robot":
        description = _from_urdf(root.get("name", path.stem), path)
    elif root.tag == "mujoco":
        description = _from_mjcf(root.get("model", path.stem), path)
    else:
        raise RobotError(
            f"{path} has the root <{root.tag}>: a robot file starts with <robot> or <mujoco>"
        )
    _check_ranges(description)
    if simulated:
        _check_twins(description)
    return description


def _ur10_path() -> Path:
    try:
        return Path(str(metadata.distribution("example-robot-data").locate_file(_UR10)))
    except metadata.PackageNotFoundError:
        raise RobotError(
            "robot 'ur10' needs a package: run `pip install example-robot-data` "
            "(extra ml3_ros[ur10])"
        ) from None


def _from_urdf(name: str, path: Path) -> RobotDescription:
    model = pinocchio_model(path, "urdf")
    _check_joints([(j.nq, j.nv, n) for n, j in zip(model.names, model.joints, strict=True)][1:])
    lower, upper = np.array(model.lowerPositionLimit), np.array(model.upperPositionLimit)
    # urdfdom reads 0 where the file gives no limit
    free = (lower == 0.0) & (upper == 0.0)
    lower, upper = np.where(free, -np.inf, lower), np.where(free, np.inf, upper)
    effort, velocity = np.array(model.effortLimit), np.array(model.velocityLimit)
    return RobotDescription(
        name=name,
        path=path,
        format="urdf",
        names=tuple(model.names)[1:],
        limits=JointLimits(
            lower=lower,
            upper=upper,
            velocity=np.where(velocity > 0.0, velocity, np.inf),
            effort=np.where(effort > 0.0, effort, np.inf),
            acceleration=np.full(model.nv, np.inf),
        ),
        home=np.clip(0.0, lower, upper),
        tool=_last_link(model),
        base=_root_link(read_root(path)),
        payload_limit=_PAYLOAD_SHARE * sum(link.mass for link in model.inertias.tolist()[1:]),
        gravity=np.array(model.gravity.linear),
    )


def _last_link(model: pinocchio.Model) -> str:
    import pinocchio

    frames = [
        f
        for f in model.frames
        if f.type == pinocchio.FrameType.BODY and f.parentJoint == model.njoints - 1
    ]
    return str(frames[-1].name)


def _root_link(root: ElementTree.Element) -> str:
    children = {child.get("link") for child in root.iterfind("joint/child")}
    links = (link.get("name", "") for link in root.iterfind("link"))
    return next(name for name in links if name not in children)


def _from_mjcf(name: str, path: Path) -> RobotDescription:
    import mujoco

    try:
        model = mujoco.MjModel.from_xml_path(str(path))
    except ValueError as error:
        raise RobotError(f"MuJoCo cannot read {path}: {error}") from None
    _check_mjcf(model)
    n = model.nv
    limited = model.jnt_limited.astype(bool)
    lower = np.where(limited, model.jnt_range[:, 0], -np.inf)
    upper = np.where(limited, model.jnt_range[:, 1], np.inf)
    home = model.key_qpos[0] if model.nkey else np.clip(model.qpos0, lower, upper)
    moving = model.body_mass[model.body_weldid > 0].sum()
    return RobotDescription(
        name=name,
        path=path,
        format="mjcf",
        names=tuple(model.joint(i).name for i in range(n)),
        limits=JointLimits(
            lower=lower,
            upper=upper,
            velocity=_numeric(model, "velocity_limits", np.full(n, np.inf)),
            effort=_mjcf_effort(model),
            acceleration=_numeric(model, "acceleration_limits", np.full(n, np.inf)),
        ),
        home=np.array(home),
        tool=_mjcf_tool(model),
        base=_mjcf_base(model),
        payload_limit=float(
            _numeric(model, "payload_limit", np.array([_PAYLOAD_SHARE * moving]))[0]
        ),
        gravity=np.array(model.opt.gravity),
    )


def _check_mjcf(model: mujoco.MjModel) -> None:
    """Reject what would make MuJoCo's arm another one than the rigid-body model."""
    import mujoco

    single = (int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE))
    _check_joints(
        [
            (1 if kind in single else 7, 1, model.joint(i).name)
            for i, kind in enumerate(model.jnt_type)
        ]
    )
    if model.neq or model.ntendon:
        raise RobotError(
            "the arm has equality constraints or tendons: remove them, and the gripper with them"
        )
    if model.jnt_stiffness.any() or model.body_gravcomp.any():
        raise RobotError(
            "the arm has joint springs or gravity compensation: remove stiffness and gravcomp"
        )


def _check_joints(joints: list[tuple[int, int, str]]) -> None:
    """Check (nq, nv, name) of every joint."""
    if not joints:
        raise RobotError("the robot has no joints: give an arm with revolute or prismatic joints")
    for nq, nv, name in joints:
        if (nq, nv) != (1, 1):
            raise RobotError(
                f"joint {name!r} is neither revolute nor prismatic: use a fixed arm with such "
                "joints only (give a continuous joint limits and the type revolute)"
            )
    names = [name for *_, name in joints]
    if "" in names or len(set(names)) < len(names):
        raise RobotError(
            "a joint has no name, or two have the same: give every joint a name of its own"
        )


def _check_ranges(description: RobotDescription) -> None:
    """Reject joints that cannot move, as those whose limits were exchanged."""
    limits = description.limits
    stuck = ", ".join(
        f"{name!r} ({lower:g} to {upper:g})"
        for name, lower, upper in zip(description.names, limits.lower, limits.upper, strict=True)
        if not lower < upper
    )
    if stuck:
        raise RobotError(
            f"no range to move in: {stuck} of {description.path}: give each joint its lower and "
            "upper limit, or the type fixed"
        )


def _numeric(model: mujoco.MjModel, name: str, default: Array) -> Array:
    try:
        data = np.array(model.numeric(name).data, dtype=np.float64)
    except KeyError:
        return default
    if data.shape != default.shape or not (data > 0.0).all():
        raise RobotError(
            f"custom numeric {name!r} is {data.tolist()}: give {default.size} numbers > 0"
        )
    return data


def _mjcf_effort(model: mujoco.MjModel) -> Array:
    """Return the largest torque [N m] (n,) that actuators and joint force ranges allow."""
    import mujoco

    joint_limit = np.where(
        model.jnt_actfrclimited, np.abs(model.jnt_actfrcrange).min(axis=1), np.inf
    )
    driven = np.zeros(model.nv)
    for i in range(model.nu):
        if model.actuator_trntype[i] != mujoco.mjtTrn.mjTRN_JOINT:
            continue
        limit = (
            np.abs(model.actuator_forcerange[i]).min()
            if model.actuator_forcelimited[i]
            else np.inf
        )
        driven[model.actuator_trnid[i, 0]] += limit * abs(model.actuator_gear[i, 0])
    return np.minimum(joint_limit, np.where(driven > 0.0, driven, np.inf))


def _mjcf_tool(model: mujoco.MjModel) -> str:
    """Return the frame that the file's text "tool" names, or else the last site or body."""
    import mujoco

    index = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_TEXT, "tool")
    if index >= 0:
        start = model.text_adr[index]
        text = model.text_data[start : start + model.text_size[index]]
        return str(text.decode().rstrip("\0"))
    return str(
        model.site(model.nsite - 1).name if model.nsite else model.body(model.nbody - 1).name
    )


def _mjcf_base(model: mujoco.MjModel) -> str:
    """Return a name for the world, which is where the arm stands, that no body or site has."""
    taken = {model.body(i).name for i in range(1, model.nbody)}
    taken |= {model.site(i).name for i in range(model.nsite)}
    return next(name for name in ("base", "world", "ml3_base") if name not in taken)


def _check_twins(description: RobotDescription, states: int = 3) -> None:
    """Reject a file that MuJoCo and Pinocchio read differently, as they do Euler sequences."""
    from ml3_ros.robots.mujoco_arm import MujocoArm
    from ml3_ros.robots.pinocchio_model import PinocchioModel

    arm, model = MujocoArm(description), PinocchioModel(description)
    rng = np.random.default_rng(0)
    for _ in range(states):
        q, v, a = (
            description.home + rng.uniform(-1.0, 1.0, model.nq),
            *rng.normal(size=(2, model.nv)),
        )
        compared = (
            ("inverse dynamics", arm.rnea(q, v, a), model.rnea(q, v, a)),
            ("tool pose", arm.forward_kinematics(q), model.forward_kinematics(q)),
        )
        for what, by_mujoco, by_pinocchio in compared:
            if not np.allclose(by_mujoco, by_pinocchio, rtol=1e-6, atol=1e-6):
                raise RobotError(
                    f"MuJoCo and Pinocchio disagree on the {what} of {description.path}: write "
                    "orientations as quaternions and give every moving link an explicit inertia"
                )
