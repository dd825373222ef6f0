# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Frames of a URDF's links, each in that of its parent: what tf tells of an arm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np
from scipy.spatial.transform import Rotation

from ml3_ros.errors import RobotError
from ml3_ros.robots.base import Array
from ml3_ros.robots.reading.xml_files import parse_root

TURNING = ("revolute", "continuous")
SINGLE = (*TURNING, "prismatic")


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """A link's frame: position [m] (3,) and quaternion x, y, z, w (4,) in that of its parent."""

    parent: str
    child: str
    position: Array
    quaternion: Array


@dataclass(frozen=True, kw_only=True, slots=True)
class Joint:
    """A joint of a URDF that moves.

    Attributes:
        driver: The joint whose position it takes, itself as a rule.
        factor: Its position over that of the driver [-].
        shift: Is added to it [rad, m].
        turns: Whether it turns about its axis, and does not move along it.
        position: Of its origin in the parent link [m], (3,).
        axis: Unit vector, (3,).
    """

    parent: str
    child: str
    driver: str
    factor: float
    shift: float
    turns: bool
    position: Array
    rotation: Rotation
    axis: Array


class LinkFrames:
    """The links of a robot, from the text of its URDF.

    Attributes:
        fixed: Frames that never move in those of their parents.
    """

    def __init__(self, urdf: str) -> None:
        """Read the joints.

        Raises:
            RobotError: It is no URDF, or its numbers are none.
        """
        root = parse_root(urdf.encode(), "the robot's description")
        if root.tag != "robot":
            raise RobotError(f"the robot's description has the root <{root.tag}>: it is no URDF")
        self.fixed: list[Frame] = []
        self._joints: list[Joint] = []
        for element in root.findall("joint"):
            try:
                self._add(element)
            except (AttributeError, ValueError) as error:
                raise RobotError(
                    f"joint {element.get('name')} of the robot's description is not readable: "
                    f"{error}"
                ) from None

    def moving(self, positions: Mapping[str, float]) -> list[Frame]:
        """Return the frames of joints whose positions [rad, m] are known."""
        return [
            _at(joint, joint.factor * positions[joint.driver] + joint.shift)
            for joint in self._joints
            if joint.driver in positions
        ]

    def _add(self, element: ElementTree.Element) -> None:
        name, kind = element.get("name", ""), element.get("type", "")
        numbers = _reader(element)
        position = numbers("origin", "xyz", "0 0 0")
        rotation = Rotation.from_euler("xyz", numbers("origin", "rpy", "0 0 0"))
        parent = str(element.find("parent").attrib.get("link"))  # type: ignore[union-attr]
        child = str(element.find("child").attrib.get("link"))  # type: ignore[union-attr]
        if kind == "fixed":
            fixed = Frame(
                parent=parent, child=child, position=position, quaternion=rotation.as_quat()
            )
            self.fixed.append(fixed)
        if kind not in SINGLE:  # floating and planar ones have no single position
            return
        axis = numbers("axis", "xyz", "1 0 0")
        length = np.linalg.norm(axis)
        if not length > 0.0:
            raise ValueError("its axis is zero")
        mimic = element.find("mimic")
        mimicked = {} if mimic is None else mimic.attrib
        self._joints.append(
            Joint(
                parent=parent,
                child=child,
                driver=mimicked.get("joint", name),
                factor=float(mimicked.get("multiplier", 1.0)),
                shift=float(mimicked.get("offset", 0.0)),
                turns=kind in TURNING,
                position=position,
                rotation=rotation,
                axis=axis / length,
            )
        )


def _reader(element: ElementTree.Element) -> Callable[[str, str, str], Array]:
    def numbers(tag: str, key: str, default: str) -> Array:
        found = element.find(tag)
        text = default if found is None else found.get(key, default)
        values = np.array([float(word) for word in text.split()])
        if values.shape != (3,) or not np.isfinite(values).all():
            raise ValueError(f"its {tag} has {key} {text!r}")
        return values

    return numbers


def _at(joint: Joint, q: float) -> Frame:
    position, rotation = joint.position, joint.rotation
    if joint.turns:
        rotation = rotation * Rotation.from_rotvec(q * joint.axis)
    else:
        position = position + rotation.apply(q * joint.axis)
    return Frame(
        parent=joint.parent,
        child=joint.child,
        position=position,
        quaternion=rotation.as_quat(),
    )
