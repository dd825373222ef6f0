# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Comparison of a robot's own limits and URDF with the nominal model of its kind."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np
from scipy.spatial.transform import Rotation

from ml3_ros.errors import RobotError
from ml3_ros.robots.base import Array
from ml3_ros.robots.reading.xml_files import parse_root


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a joint is in its parent link: position [m] (3,), rotation."""

    position: Array
    rotation: Rotation


def joint_origins(urdf: str) -> dict[str, Origin]:
    """Return the origin of every joint of a URDF text.

    Raises:
        RobotError: It is no URDF, or its numbers are none.
    """
    root = parse_root(urdf.encode(), "the robot's description")
    if root.tag != "robot":
        raise RobotError(f"the robot's description has the root <{root.tag}>: it is no URDF")
    try:
        return {joint.get("name", ""): _origin(joint) for joint in root.findall("joint")}
    except ValueError as error:
        raise RobotError(
            f"an origin in the robot's description is not readable: {error}"
        ) from None


def largest_difference(a: dict[str, Origin], b: dict[str, Origin]) -> tuple[float, float]:
    """Return the largest distance [m] and angle [rad] between origins of the same joint."""
    both = sorted(set(a) & set(b))
    distance = max(
        (float(np.linalg.norm(a[j].position - b[j].position)) for j in both), default=0.0
    )
    angle = max(
        (float((a[j].rotation.inv() * b[j].rotation).magnitude()) for j in both), default=0.0
    )
    return distance, angle


def _origin(joint: ElementTree.Element) -> Origin:
    element = joint.find("origin")
    values = {} if element is None else element.attrib
    xyz, rpy = (
        np.array([float(x) for x in values.get(key, "0 0 0").split()]) for key in ("xyz", "rpy")
    )
    if not (xyz.shape == rpy.shape == (3,) and np.isfinite([xyz, rpy]).all()):
        raise ValueError(f"{joint.get('name')}: {values}")
    return Origin(xyz, Rotation.from_euler("xyz", rpy))
