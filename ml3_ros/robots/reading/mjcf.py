# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reader of MJCF files, scenes with includes among them: MuJoCo reads, Pinocchio gets the arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import mujoco
import numpy as np

from ml3_ros.errors import RobotError
from ml3_ros.robots.base import Array, JointLimits
from ml3_ros.robots.reading.arm_file import ArmFile
from ml3_ros.robots.reading.choice import choose
from ml3_ros.robots.reading.mjcf_joints import SINGLE, joints_of
from ml3_ros.robots.reading.mjcf_tree import body_name, model_of


def read_mjcf(
    path: Path,
    *,
    chosen: Sequence[str] | None = None,
    recorded: Sequence[str] | None = None,
    held: Mapping[str, float] | None = None,
) -> ArmFile:
    """Return the arm of a MJCF file; `choose` tells what the arguments are.

    Raises:
        RobotError: It has no joints to move, or MuJoCo cannot read it.
    """
    source = inertial_model(path)
    joints = joints_of(source, path)
    choice = choose(joints, str(path), chosen=chosen, recorded=recorded, held=held)
    names = choice.moving
    single = [source.joint(i).name for i in range(source.njnt) if source.jnt_type[i] in SINGLE]
    at = [single.index(name) for name in names]
    endless = np.full(len(single), np.inf)
    gravcomp = "gravity compensation of bodies is left out: motors bear the whole weight"
    return ArmFile(
        name=model_name(source) or path.stem,
        model=model_of(source, choice),
        choice=choice,
        limits=JointLimits(
            lower=np.array([joints[name].lower for name in names]),
            upper=np.array([joints[name].upper for name in names]),
            velocity=_numeric(source, "velocity_limits", endless)[at],
            effort=np.array([_effort(source, name) for name in names]),
            acceleration=_numeric(source, "acceleration_limits", endless)[at],
            slides=np.array([joints[name].slides for name in names]),
            names=names,
        ),
        home=np.array([joints[name].rest for name in names]) if source.nkey else None,
        tool=_tool(source, names),
        base=_base(source),
        payload_limit=_payload_limit(source),
        notes=(gravcomp,) if source.body_gravcomp.any() else (),
    )


def inertial_model(path: Path) -> mujoco.MjModel:
    """Return MuJoCo's model of a file without shapes that no inertia depends on.

    So meshes are neither needed nor loaded, as a rule.

    Raises:
        RobotError: MuJoCo cannot read it; with its reason.
    """
    try:
        return _bare_spec(path).compile()
    except ValueError:
        return shaped_model(path)  # what was taken away may be what something else refers to


def shown_model(path: Path) -> mujoco.MjModel:
    """Return MuJoCo's model of a file with its shapes, or without where meshes are missing.

    Raises:
        RobotError: MuJoCo cannot read it; with its reason.
    """
    try:
        return shaped_model(path)
    except RobotError:
        return inertial_model(path)


def shaped_model(path: Path) -> mujoco.MjModel:
    """Return MuJoCo's model of a file as it is, with shapes.

    Raises:
        RobotError: MuJoCo cannot read it; with its reason.
    """
    try:
        return mujoco.MjModel.from_xml_path(str(path))
    except ValueError as error:
        raise RobotError(f"MuJoCo cannot read {path}: {error}") from None


def _bare_spec(path: Path) -> mujoco.MjSpec:
    spec = mujoco.MjSpec.from_file(str(path))
    explicit = spec.compiler.inertiafromgeom != mujoco.mjtInertiaFromGeom.mjINERTIAFROMGEOM_TRUE
    for element in (*spec.pairs, *spec.sensors, *spec.skins):
        spec.delete(element)
    for body in spec.bodies:
        if not _moves(body) or (explicit and body.explicitinertial):
            for geom in body.geoms:
                spec.delete(geom)
    for geom in spec.geoms:
        geom.material = ""
    used = {geom.meshname for geom in spec.geoms}
    unused = [mesh for mesh in spec.meshes if mesh.name not in used]
    for element in (*spec.materials, *spec.textures, *unused):
        spec.delete(element)
    return spec


def _moves(body: mujoco.MjsBody) -> bool:
    """Return whether a joint moves a body in the world."""
    while body.name != "world":
        if body.joints:
            return True
        body = body.parent
    return False


def model_name(model: mujoco.MjModel) -> str:
    """Return the name that the file gives the model."""
    return str(model.names[: model.names.index(b"\0")].decode())


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


def _payload_limit(model: mujoco.MjModel) -> float | None:
    limit = _numeric(model, "payload_limit", np.array([np.inf]))[0]
    return float(limit) if np.isfinite(limit) else None


def _effort(model: mujoco.MjModel, name: str) -> float:
    """Return the largest torque [N m] or force [N] that actuators and the joint's range allow."""
    joint, most = model.joint(name).id, 0.0
    for i in range(model.nu):
        on_joint = model.actuator_trntype[i] == mujoco.mjtTrn.mjTRN_JOINT
        if on_joint and model.actuator_trnid[i, 0] == joint:
            limited, ends = model.actuator_forcelimited[i], model.actuator_forcerange[i]
            limit = np.abs(ends).min() if limited else np.inf
            most += limit * abs(model.actuator_gear[i, 0])
    own = np.abs(model.jnt_actfrcrange[joint]).min() if model.jnt_actfrclimited[joint] else np.inf
    return float(min(own, most if most > 0.0 else np.inf))


def _tool(model: mujoco.MjModel, moving: Sequence[str]) -> str:
    """Return the frame that the file's text "tool" names, or else the last named one that moves.

    Sites come before bodies.
    """
    index = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_TEXT, "tool")
    if index >= 0:
        start = model.text_adr[index]
        text = model.text_data[start : start + model.text_size[index]]
        return str(text.decode().rstrip("\0"))
    last = {int(model.joint(moving[-1]).bodyid[0])}
    for i in range(min(last) + 1, model.nbody):  # parents come before children
        if int(model.body_parentid[i]) in last:
            last.add(i)
    sites = [model.site(i).name for i in range(model.nsite) if int(model.site_bodyid[i]) in last]
    bodies = [body_name(model, i) for i in sorted(last)]
    return next((name for name in reversed(sites) if name), bodies[-1])


def _base(model: mujoco.MjModel) -> str:
    """Return a name for the world, which is where the arm stands, that no body or site has."""
    taken = {model.body(i).name for i in range(1, model.nbody)}
    taken |= {model.site(i).name for i in range(model.nsite)}
    return next(name for name in ("base", "world", "ml3_base") if name not in taken)
