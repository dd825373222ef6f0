# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""URDF of an identified arm: its links' inertias, joint damping and friction.

A URDF knows viscous and Coulomb friction alone; what friction with memory comes nearest to is
written (`IdentifiedArm.simple_friction`). For rotor inertia it has no word of its own: MJCF's,
`armature`, is an attribute that `load_robot` reads and other programs pass over.
"""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from ml3_ros.errors import DataError
from ml3_ros.identification.physical.identified import IdentifiedArm
from ml3_ros.identification.physical.inertia import centre_and_tensor
from ml3_ros.robots.reading.xml_files import parse_root

Array = NDArray[np.float64]


def identified_urdf(text: str, arm: IdentifiedArm, simple: Array) -> str:
    """Return a URDF with what was identified.

    A joint's link gets the inertia of all that moves with it; links that are fixed to it lose
    theirs, which is in there.

    Args:
        text: URDF of the arm.
        arm: As identified.
        simple: Viscous [N m s/rad], Coulomb [N m], offset and rotor inertia of each joint, (n, 4).

    Raises:
        DataError: The URDF lacks a joint of the arm.
    """
    root = parse_root(text.encode(), "the arm's URDF")
    joints = {joint.get("name", ""): joint for joint in root.findall("joint")}
    missing = [name for name in arm.names if name not in joints]
    if missing:
        raise DataError(f"the arm's URDF has no joint {', '.join(missing)}")
    links = {link.get("name", ""): link for link in root.findall("link")}
    for j, name in enumerate(arm.names):
        carrier = _child(joints[name])
        for carried in _fixed_to(carrier, list(joints.values())):
            for inertial in links[carried].findall("inertial"):
                links[carried].remove(inertial)
        _write_inertial(links[carrier], arm.links[j])
        for dynamics in joints[name].findall("dynamics"):
            joints[name].remove(dynamics)
        ElementTree.SubElement(
            joints[name],
            "dynamics",
            damping=f"{simple[j, 0]:.12g}",
            friction=f"{simple[j, 1]:.12g}",
            armature=f"{simple[j, 3]:.12g}",
        )
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _child(joint: ElementTree.Element) -> str:
    child = joint.find("child")
    return "" if child is None else child.get("link", "")


def _fixed_to(link: str, joints: list[ElementTree.Element]) -> list[str]:
    """Return the links that fixed joints tie to a link, and those tied to them."""
    tied = []
    for joint in joints:
        parent = joint.find("parent")
        if joint.get("type") == "fixed" and parent is not None and parent.get("link") == link:
            tied += [_child(joint), *_fixed_to(_child(joint), joints)]
    return tied


def _write_inertial(link: ElementTree.Element, parameters: Array) -> None:
    mass, centre, tensor = centre_and_tensor(parameters)
    for inertial in link.findall("inertial"):
        link.remove(inertial)
    inertial = ElementTree.Element("inertial")
    place = " ".join(f"{x:.15g}" for x in centre)
    ElementTree.SubElement(inertial, "origin", xyz=place, rpy="0 0 0")
    ElementTree.SubElement(inertial, "mass", value=f"{mass:.15g}")
    moments = {
        f"i{'xyz'[i]}{'xyz'[j]}": f"{tensor[i, j]:.15g}" for i in range(3) for j in range(i, 3)
    }
    ElementTree.SubElement(inertial, "inertia", moments)
    link.insert(0, inertial)
