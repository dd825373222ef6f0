# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Joints of a URDF: which of them can move an arm, and the URDF in which others are fixed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

import numpy as np
from scipy.spatial.transform import Rotation

from ml3_ros.errors import RobotError
from ml3_ros.robots.base import Array
from ml3_ros.robots.reading.choice import Joint, usually_idle
from ml3_ros.robots.reading.urdf_tree import UrdfTree, numbers_of
from ml3_ros.robots.reading.xml_files import RobotFile

_SINGLE = ("revolute", "continuous", "prismatic")
_ONLY_OF_MOVING_JOINTS = ("axis", "calibration", "dynamics", "limit", "mimic", "safety_controller")


def joints_of(file: RobotFile) -> dict[str, Joint]:
    """Return the joints of a URDF that are not fixed, by name, in the order of the file.

    Raises:
        RobotError: Two have the same name, or one has none, or a number is none.
    """
    tree = UrdfTree(file)
    followers = {
        joint.get("name", ""): mimic.get("joint", "")
        for joint in tree.joints
        if (mimic := joint.find("mimic")) is not None
    }
    joints: dict[str, Joint] = {}
    for element in tree.joints:
        name = element.get("name", "")
        if element.get("type") == "fixed":
            continue
        if not name or name in joints:
            raise RobotError(
                f"a joint of {file.path} has no name, or two are named {name!r}: give every joint "
                "a name of its own"
            )
        joints[name] = _joint(tree, element, followers)
    return joints


def _joint(tree: UrdfTree, element: ElementTree.Element, followers: Mapping[str, str]) -> Joint:
    file, name, kind = tree.file, element.get("name", ""), element.get("type", "")
    (lower,), (upper,) = (numbers_of(file, element, "limit", k, "0") for k in ("lower", "upper"))
    free = kind not in ("revolute", "prismatic") or lower == upper == 0.0
    driver = followers.get(name, "")
    obstacle = f"follows {driver}" if driver else ""
    if kind not in _SINGLE:
        obstacle = f"is {kind or 'of no type'}, neither revolute nor prismatic"
    coupled = set(followers) | set(followers.values())
    idle = usually_idle(name)
    if not tree.mass_on(name) > 0.0:
        idle = "moves nothing that has mass"
    elif name in coupled and tree.below(name)[1] <= coupled:
        idle = "is coupled to others, as those of grippers are"
    return Joint(
        name=name,
        slides=kind == "prismatic",
        lower=-np.inf if free else float(lower),
        upper=np.inf if free else float(upper),
        obstacle=obstacle,
        idle=idle,
        driver=driver,
        multiplier=float(numbers_of(file, element, "mimic", "multiplier", "1")[0]),
        offset=float(numbers_of(file, element, "mimic", "offset", "0")[0]),
    )


def armature_of(file: RobotFile, names: Sequence[str]) -> Array:
    """Return rotor inertias that a URDF gives its joints [kg m^2], (n,); 0 where it gives none.

    Raises:
        RobotError: One is no number, negative or not finite.
    """
    joints = {joint.get("name", ""): joint for joint in file.root.findall("joint")}
    given = [numbers_of(file, joints[name], "dynamics", "armature", "0") for name in names]
    for name, (value,) in zip(names, given, strict=True):
        if not 0.0 <= value < np.inf:
            raise RobotError(
                f"joint {name!r} ({file.place_of('joint', name)}) has the armature {value:g}: "
                "give the inertia of its rotor seen through the gear, finite and >= 0 kg m^2"
            )
    return np.array(given).ravel()


def fix_joints(file: RobotFile, held: Mapping[str, float]) -> None:
    """Make joints of a URDF fixed, each at its position [rad, m]; the root element is changed.

    Raises:
        RobotError: An axis or origin is not readable.
    """
    for element in file.root.findall("joint"):
        name = element.get("name", "")
        if name not in held or element.get("type") == "fixed":
            continue
        if held[name]:
            _move_origin(file, element, held[name])
        element.set("type", "fixed")
        for tag in _ONLY_OF_MOVING_JOINTS:
            for child in element.findall(tag):
                element.remove(child)


def _move_origin(file: RobotFile, joint: ElementTree.Element, position: float) -> None:
    """Put a joint's origin where its child is at that position."""
    axis = numbers_of(file, joint, "axis", "xyz", "1 0 0")
    xyz = numbers_of(file, joint, "origin", "xyz", "0 0 0")
    turn = Rotation.from_euler("xyz", numbers_of(file, joint, "origin", "rpy", "0 0 0"))
    length = np.linalg.norm(axis)
    if not length > 0.0:
        name = joint.get("name", "")
        raise RobotError(
            f"joint {name!r} ({file.place_of('joint', name)}) has the axis 0 0 0: give it a "
            "direction"
        )
    way = position * axis / length
    if joint.get("type") == "prismatic":
        xyz = xyz + turn.apply(way)
    else:
        turn = turn * Rotation.from_rotvec(way)
    origin = joint.find("origin")
    if origin is None:
        origin = ElementTree.SubElement(joint, "origin")
    origin.set("xyz", " ".join(f"{x:.17g}" for x in xyz))
    origin.set("rpy", " ".join(f"{x:.17g}" for x in turn.as_euler("xyz")))
