# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Arm as a part of a larger robot: a URDF in which all other joints are fixed at zero.

Use it where a file describes a mobile base, a gripper or a second arm, too, and only some joints
were recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from ml3_ros.errors import RobotError
from ml3_ros.files import write_atomically
from ml3_ros.robots.sources import read_root

_ONLY_OF_MOVING_JOINTS = ("axis", "calibration", "dynamics", "limit", "mimic", "safety_controller")


def sub_chain(path: Path, joints: Sequence[str]) -> str:
    """Return the URDF of a robot whose joints are those of `joints` alone.

    Raises:
        RobotError: The file cannot be read, is no URDF, or has no such moving joint.
    """
    root = read_root(path)
    if root.tag != "robot":
        raise RobotError(f"{path} has the root <{root.tag}>: joints are chosen from a URDF")
    moving = [j.get("name", "") for j in root.findall("joint") if j.get("type") != "fixed"]
    missing = [name for name in joints if name not in moving]
    if missing or not joints:
        raise RobotError(
            f"{path} has no moving joint {', '.join(missing) or '(none given)'}: it has "
            f"{', '.join(moving)}"
        )
    for joint in root.findall("joint"):
        if joint.get("name") not in joints and joint.get("type") != "fixed":
            joint.set("type", "fixed")
            for tag in _ONLY_OF_MOVING_JOINTS:
                for element in joint.findall(tag):
                    joint.remove(element)
    for link in _at_rest(root, joints):
        for inertial in link.findall("inertial"):
            link.remove(inertial)
    return ElementTree.tostring(root, encoding="unicode")


def _at_rest(root: ElementTree.Element, joints: Sequence[str]) -> list[ElementTree.Element]:
    """Return the links that no joint moves: whatever their inertia is, it is felt nowhere."""
    above: dict[str, tuple[str, str]] = {}
    for joint in root.findall("joint"):
        parent, child = joint.find("parent"), joint.find("child")
        if parent is not None and child is not None:
            above[child.get("link", "")] = (parent.get("link", ""), joint.get("name", ""))

    def moves(link: str) -> bool:
        seen = {link}
        while link in above:
            link, joint = above[link]
            if joint in joints:
                return True
            if link in seen:  # a loop, which is an error of whoever reads the file next
                return True
            seen.add(link)
        return False

    return [link for link in root.findall("link") if not moves(link.get("name", ""))]


def write_sub_chain(path: Path, joints: Sequence[str], out: Path) -> Path:
    """Write the URDF of `sub_chain` to the file `out`, and return it."""
    write_atomically(out, sub_chain(path, joints).encode())
    return out
