# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Registry of robot arms: loads the description of an arm by name, or from URDF or MJCF."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ml3_ros.errors import DataError, RobotError
from ml3_ros.files import user_path
from ml3_ros.robots.base import Array, RobotDescription
from ml3_ros.robots.home import find_home, given_home
from ml3_ros.robots.reading.inertias import mend_inertias
from ml3_ros.robots.reading.urdf import read_urdf
from ml3_ros.robots.reading.xml_files import RobotFile, read_robot_file, robot_file

if TYPE_CHECKING:
    from ml3_ros.robots.reading.arm_file import ArmFile

BUILT_IN = ("sawyer", "reacher")
_TOLD: set[str] = set()  # sentences on robots that were logged
_MODELS = Path(__file__).with_name("models")

# Where the package example-robot-data (the extra "ur10") keeps its robots, and those with a name.
_PACKAGE = "cmeel.prefix/share/example-robot-data/robots"
PACKAGED = {
    "ur10": "ur_description/urdf/ur10_robot.urdf",
    "panda": "panda_description/urdf/panda.urdf",
}

# Where a file names no payload limit: this share of the moving mass (industrial arms carry 10 to
# 30 %).
_PAYLOAD_SHARE = 0.15


def load_robot(
    name_or_path: str | Path,
    *,
    joints: Sequence[str] | None = None,
    recorded: Sequence[str] | None = None,
    held: Mapping[str, float] | None = None,
    home: Sequence[float] | Mapping[str, float] | None = None,
    simulated: bool = True,
) -> RobotDescription:
    """Return the arm of that name, or of a .urdf, .xacro or MJCF .xml file.

    Names are "sawyer", "reacher" and, with the package example-robot-data, "ur10" and
    "panda".

    Revolute, continuous and prismatic joints move; continuous ones have no position limits. All
    others are held: floating and planar ones, wheels and casters, those that mimic others or are
    tied by equality constraints and tendons, grippers that others mimic, joints that move no mass,
    and what `joints` and `recorded` leave out. `notes` of the description tells of them, and is
    logged.

    From a URDF come position, velocity and effort limits (0 means none); the tool is the last
    link. A MJCF file may add `<custom>` fields: text "tool"; numerics "velocity_limits",
    "acceleration_limits" (one per joint) and "payload_limit" [kg]; its first keyframe is home;
    effort limits come from its actuators. Otherwise home is found (`find_home`), collisions
    apart.

    Args:
        name_or_path: Of the arm.
        joints: Names of the joints that shall move; default: see above.
        recorded: Names that a recording or stream carries: of the joints that move by default
            those among them do. Names of other devices' joints are left alone.
        held: Positions [rad, m] of joints that are held, where they are known; default: zero, or
            the nearest position inside the limits; those of the keyframe of a MJCF.
        home: Positions [rad, m] where the arm rests, in the order of the joints or by name.
        simulated: Whether the arm shall be simulated: inertias that no body can have are mended,
            or rejected. Identification, which estimates them, does without.

    Raises:
        RobotError: Unknown name, unreadable file, or an arm of a kind that is not modelled.
    """
    file = read_robot_file(_path(name_or_path))
    arm = _read(file, joints, recorded, held)
    return _description(file.path, arm, home, simulated=simulated)


def load_urdf(
    text: str,
    name: str = "robot_description",
    *,
    joints: Sequence[str] | None = None,
    recorded: Sequence[str] | None = None,
    held: Mapping[str, float] | None = None,
    home: Sequence[float] | Mapping[str, float] | None = None,
    simulated: bool = True,
) -> RobotDescription:
    """Return the arm of a URDF's text, as a topic carries it; `name` is its source in errors.

    The other arguments are those of `load_robot`.

    Raises:
        RobotError: It is no URDF, or of an arm of a kind that is not modelled.
    """
    file = robot_file(text.encode(), Path(name))
    if file.root.tag != "robot":
        raise RobotError(f"{name} has the root <{file.root.tag}>: it is no URDF")
    return _description(file.path, _read(file, joints, recorded, held), home, simulated=simulated)


def movable_joints(name_or_path: str | Path) -> tuple[str, ...]:
    """Return the joints of an arm that `load_robot` lets move when none are chosen.

    Raises:
        RobotError: As `load_robot`.
    """
    return load_robot(name_or_path, simulated=False).names


def _path(name_or_path: str | Path) -> Path:
    name = str(name_or_path)
    if name in BUILT_IN:
        return _MODELS / f"{name}.xml"
    try:
        path = package_file(PACKAGED[name]) if name in PACKAGED else user_path(name)
    except DataError as error:
        raise RobotError(str(error)) from error
    if path.suffix not in (".urdf", ".xml", ".xacro"):
        raise RobotError(
            f"there is no robot {name!r}: use {', '.join((*BUILT_IN, *PACKAGED))} or a .urdf, "
            ".xacro or .xml file"
        )
    return path


def _read(
    file: RobotFile,
    joints: Sequence[str] | None,
    recorded: Sequence[str] | None,
    held: Mapping[str, float] | None,
) -> ArmFile:
    if file.root.tag == "robot":
        return read_urdf(file, chosen=joints, recorded=recorded, held=held)
    if file.root.tag == "mujoco":
        from ml3_ros.robots.reading.mjcf import read_mjcf  # MuJoCo is for these files alone

        return read_mjcf(file.path, chosen=joints, recorded=recorded, held=held)
    raise RobotError(
        f"{file.path} has the root <{file.root.tag}>: a robot file starts with <robot> or <mujoco>"
    )


def package_file(path: str) -> Path:
    """Return a file of the robots in the package example-robot-data.

    Raises:
        RobotError: The package is not installed.
    """
    try:
        found = metadata.distribution("example-robot-data").locate_file(f"{_PACKAGE}/{path}")
    except metadata.PackageNotFoundError:
        raise RobotError(
            f"{path} is in a package: run `pip install example-robot-data` (extra ml3_ros[ur10])"
        ) from None
    return Path(str(found))


def _description(
    path: Path,
    arm: ArmFile,
    home: Sequence[float] | Mapping[str, float] | None,
    *,
    simulated: bool,
) -> RobotDescription:
    names = tuple(arm.model.names)[1:]
    if not arm.model.existFrame(arm.tool):
        raise RobotError(
            f"there is no frame {arm.tool!r} for the tool: name a site, body or link of {path}"
        )
    _check_ranges(path, names, arm)
    notes = (*arm.notes, *((arm.choice.note,) if arm.choice.note else ()))
    if simulated:
        notes += mend_inertias(arm.model, str(path))
    moving = sum(link.mass for link in arm.model.inertias.tolist()[1:])
    if home is not None:
        rest = given_home(home, names, arm.limits)
    elif arm.home is not None:
        rest = np.clip(arm.home, arm.limits.lower, arm.limits.upper)
    else:
        rest = find_home(arm.model, arm.limits)
        if simulated and rest.any():
            notes += (_found(path, names, rest, arm.limits.units),)
    _tell(notes)
    return RobotDescription(
        name=arm.name,
        path=path,
        format="urdf" if arm.urdf else "mjcf",
        names=names,
        limits=arm.limits,
        home=rest,
        tool=arm.tool,
        base=arm.base,
        payload_limit=_PAYLOAD_SHARE * moving if arm.payload_limit is None else arm.payload_limit,
        gravity=np.array(arm.model.gravity.linear),
        model=arm.model,
        held=arm.choice.held,
        urdf=arm.urdf,
        notes=notes,
    )


def _found(path: Path, names: tuple[str, ...], home: Array, units: tuple[str, ...]) -> str:
    listed = ", ".join(f"{n} {q:.3g} {u}" for n, q, u in zip(names, home, units, strict=True))
    return (
        f"home of {path} is chosen within the limits, {listed}: collisions are not looked at; "
        "compare it with the real arm, or give its home"
    )


def _tell(notes: tuple[str, ...]) -> None:
    """Log sentences, each once in a process: arms are loaded anew for every use."""
    for note in notes:
        if note not in _TOLD:
            _TOLD.add(note)
            logging.getLogger(__name__).warning(note)


def _check_ranges(path: Path, names: tuple[str, ...], arm: ArmFile) -> None:
    """Reject joints that cannot move, as those whose limits were exchanged."""
    limits = arm.limits
    stuck = ", ".join(
        f"{name!r} ({lower:g} to {upper:g})"
        for name, lower, upper in zip(names, limits.lower, limits.upper, strict=True)
        if not lower < upper
    )
    if stuck:
        raise RobotError(
            f"no range to move in: {stuck} of {path}: give each joint its lower and upper limit, "
            "or the type fixed"
        )
