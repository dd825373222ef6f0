# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reader of robot files: brings a URDF or MJCF file into MuJoCo and Pinocchio alike."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import TYPE_CHECKING

from ml3_ros.errors import RobotError

if TYPE_CHECKING:
    import mujoco
    import pinocchio

# The inertial model needs none of these, and meshes are rarely where the file says.
_URDF_NOT_INERTIAL = ("visual", "collision")
_LIMITED = ("revolute", "prismatic")  # joints that have to have a <limit>


def read_root(path: Path) -> ElementTree.Element:
    """Return the root element of a robot file.

    Raises:
        RobotError: The file is missing, not XML, or declares a document type: entities could pull
            in other files or grow without bound, and no robot needs them.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RobotError(
            f"cannot read {path} ({error.strerror}): give the path of a .urdf or .xml file"
        ) from None
    return parse_root(data, str(path))


def parse_root(data: bytes, what: str) -> ElementTree.Element:
    """Return the root element of a robot file's content.

    Raises:
        RobotError: `what` is not XML, or declares a document type.
    """
    try:
        return ElementTree.fromstring(data, parser=ElementTree.XMLParser(target=_NoDoctype()))
    except ElementTree.ParseError as error:
        raise RobotError(
            f"{what} is not well-formed XML ({error}): repair or export it again"
        ) from None


class _NoDoctype(ElementTree.TreeBuilder):
    """Builds a tree, but rejects a document type before anything in it is read."""

    def doctype(self, *_: object) -> None:
        raise RobotError("the robot file declares a DOCTYPE: remove it, entities are not read")


def inertial_urdf(path: Path) -> str:
    """Return the URDF text without visual and collision elements, read by MuJoCo link by link."""
    root = read_root(path)
    if root.tag != "robot":
        raise RobotError(
            f"{path} has the root <{root.tag}>: a URDF starts with <robot> (run xacro first)"
        )
    mimics = [
        joint.get("name", "?")
        for joint in root.findall("joint")
        if joint.find("mimic") is not None
    ]
    if mimics:
        raise RobotError(
            f"joint {mimics[0]} mimics another: make it fixed, coupled joints are not modelled"
        )
    _check_limits(root, path)
    for link in root.findall("link"):
        for tag in _URDF_NOT_INERTIAL:
            for element in link.findall(tag):
                link.remove(element)
    for extension in root.findall("mujoco"):
        root.remove(extension)
    # Without this MuJoCo merges fixed links into their parents, and the tool's frame is lost.
    ElementTree.SubElement(ElementTree.SubElement(root, "mujoco"), "compiler", fusestatic="false")
    return ElementTree.tostring(root, encoding="unicode")


def _check_limits(root: ElementTree.Element, path: Path) -> None:
    """Name the joint that lacks limits; a URDF parser only says that it cannot read the file."""
    for joint in root.findall("joint"):
        limit = joint.find("limit")
        given = {} if limit is None else limit.attrib
        missing = " and ".join(name for name in ("effort", "velocity") if name not in given)
        if missing and joint.get("type") in _LIMITED:
            raise RobotError(
                f"joint {joint.get('name', '?')!r} of {path} has no limit of {missing}: add "
                '<limit effort="..." velocity="..."/>, 0 for none; without lower and upper in it '
                "the joint moves freely"
            )


def mujoco_spec(path: Path, file_format: str) -> mujoco.MjSpec:
    """Return an editable MuJoCo model of the arm alone, without actuators and contacts.

    Torques enter as applied joint forces instead, so that every file behaves alike.
    """
    import mujoco

    try:
        if file_format == "urdf":
            spec = mujoco.MjSpec.from_string(inertial_urdf(path))
        else:
            spec = mujoco.MjSpec.from_file(str(path))
    except ValueError as error:
        raise RobotError(f"MuJoCo cannot read {path}: {error}") from None
    for element in (*spec.actuators, *spec.sensors, *spec.keys):
        spec.delete(element)
    spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_CONTACT
    return spec


def compile_spec(spec: mujoco.MjSpec, path: Path) -> mujoco.MjModel:
    """Return the compiled model, or raise a RobotError with MuJoCo's reason."""
    try:
        return spec.compile()
    except ValueError as error:
        raise RobotError(f"MuJoCo cannot build {path}: {error}") from None


def pinocchio_model(path: Path, file_format: str) -> pinocchio.Model:
    """Return Pinocchio's model of a fixed-base arm."""
    import pinocchio

    try:
        if file_format == "urdf":
            return pinocchio.buildModelFromXML(inertial_urdf(path))
        return pinocchio.buildModelFromMJCF(str(path))
    except (ValueError, RuntimeError) as error:
        raise RobotError(f"Pinocchio cannot read {path}: {error}") from None
