# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tree of a URDF's links and joints: what hangs on what, and the numbers of its elements."""

from __future__ import annotations

from functools import cache
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from ml3_ros.errors import RobotError
from ml3_ros.robots.reading.xml_files import RobotFile

_TENSOR = ("ixx", "ixy", "ixz", "iyy", "iyz", "izz")


class UrdfTree:
    """Links and joints of a URDF file, as they are when this is made."""

    def __init__(self, file: RobotFile) -> None:
        """Read what hangs on what."""
        self.file = file
        self.joints = file.root.findall("joint")
        self._links = {link.get("name", ""): link for link in file.root.findall("link")}
        self._children: dict[str, list[ElementTree.Element]] = {}
        for joint in self.joints:
            self._children.setdefault(end_of(joint, "parent"), []).append(joint)
        self.below = cache(self._below)

    def _below(self, joint: str) -> tuple[frozenset[str], frozenset[str]]:
        """Return the links that a joint carries, and the moving joints among them, by name."""
        (first,) = [j for j in self.joints if j.get("name", "") == joint][:1]
        links, joints, waiting = set(), set(), [end_of(first, "child")]
        while waiting:
            link = waiting.pop()
            if link in links:
                continue
            links.add(link)
            for element in self._children.get(link, []):
                waiting.append(end_of(element, "child"))
                if element.get("type") != "fixed":
                    joints.add(element.get("name", ""))
        return frozenset(links), frozenset(joints)

    def root_link(self) -> str:
        """Return the link that hangs on none.

        Raises:
            RobotError: There is none, or no link at all.
        """
        if not self._links:
            raise RobotError(f"{self.file.path} has no link: give the URDF of an arm")
        children = {end_of(joint, "child") for joint in self.joints}
        for name in self._links:
            if name not in children:
                return name
        raise RobotError(
            f"{self.file.path} has no root link, one that is no joint's child: open the loop"
        )

    def mass_on(self, joint: str) -> float:
        """Return the mass of all links that a joint carries [kg]; one that is no number is inf."""
        return sum(self._mass(link) for link in self.below(joint)[0])

    def _mass(self, link: str) -> float:
        element = self._links.get(link)
        mass = None if element is None else element.find("inertial/mass")
        try:
            value = 0.0 if mass is None else float(mass.get("value", "0"))
        except ValueError:
            value = np.nan
        return float(np.inf if np.isnan(value) else value)

    def drop_resting_inertias(self) -> None:
        """Remove inertias of links that no joint moves: whatever they are, nobody feels them."""
        moving = [j.get("name", "") for j in self.joints if j.get("type") != "fixed"]
        moved = frozenset().union(*(self.below(name)[0] for name in moving))
        for name, link in self._links.items():
            if name not in moved:
                for inertial in link.findall("inertial"):
                    link.remove(inertial)

    def check_inertias(self) -> None:
        """Reject inertias of which a number is missing or none; parsers only say that they fail.

        Raises:
            RobotError: Names the link.
        """
        for name, link in self._links.items():
            for inertial in link.findall("inertial"):
                self._check_inertial(name, inertial)

    def _check_inertial(self, link: str, inertial: ElementTree.Element) -> None:
        for tag, keys in (("mass", ("value",)), ("inertia", _TENSOR)):
            element = inertial.find(tag)
            for key in keys:
                text = None if element is None else element.get(key)
                try:
                    good = text is not None and np.isfinite(float(text))
                except ValueError:
                    good = False
                if not good:
                    has = f"no <{tag}>" if element is None else f"{key}={text!r} in its <{tag}>"
                    raise RobotError(
                        f"link {link!r} ({self.file.place_of('link', link)}) moves, but has "
                        f"{has}: give its mass and inertia in numbers"
                    )


def end_of(joint: ElementTree.Element, tag: str) -> str:
    """Return the link that a joint names as its "parent" or "child"."""
    end = joint.find(tag)
    return "" if end is None else end.get("link", "")


def numbers_of(
    file: RobotFile, joint: ElementTree.Element, tag: str, key: str, default: str
) -> NDArray[np.float64]:
    """Return the numbers in an attribute of a joint's element `tag`, or else those of `default`.

    Raises:
        RobotError: They are not as many finite numbers as `default` has; names the joint.
    """
    element = joint.find(tag)
    text = default if element is None else element.get(key, default)
    try:
        values = np.array([float(word) for word in text.split()])
    except ValueError:
        values = np.array([np.nan])
    if len(values) != len(default.split()) or np.isnan(values).any():
        name = joint.get("name", "")
        raise RobotError(
            f"joint {name!r} ({file.place_of('joint', name)}) has {key}={text!r} in its <{tag}>: "
            f"give {len(default.split())} of numbers"
        )
    return values
