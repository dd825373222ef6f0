# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reader of URDF files: the rigid-body model of the joints that move, by Pinocchio alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from xml.etree import ElementTree

import numpy as np
import pinocchio

from ml3_ros.errors import RobotError
from ml3_ros.robots.base import JointLimits
from ml3_ros.robots.reading.arm_file import ArmFile
from ml3_ros.robots.reading.choice import choose
from ml3_ros.robots.reading.urdf_joints import armature_of, fix_joints, joints_of
from ml3_ros.robots.reading.urdf_tree import UrdfTree
from ml3_ros.robots.reading.xml_files import RobotFile

# The inertial model needs none of these, and meshes are rarely where the file says.
_NOT_INERTIAL = ("visual", "collision")
_LIMITED = ("revolute", "prismatic")  # joints that have to have a <limit>


def read_urdf(
    file: RobotFile,
    *,
    chosen: Sequence[str] | None = None,
    recorded: Sequence[str] | None = None,
    held: Mapping[str, float] | None = None,
) -> ArmFile:
    """Return the arm of a URDF; `choose` tells what the arguments are. The root is changed.

    Beside what a URDF has, a joint may have the inertia of its rotor, seen through the gear:
    <dynamics damping="0" armature="0.1"/> [kg m^2], by MJCF's word for it. Other readers pass
    over it.

    Raises:
        RobotError: It has no joints to move, or cannot be read; with the line where that is known.
    """
    joints = joints_of(file)
    base = UrdfTree(file).root_link()
    choice = choose(joints, str(file.path), chosen=chosen, recorded=recorded, held=held)
    fix_joints(file, choice.held)
    text = file.text
    if choice.held:
        text = ElementTree.tostring(file.root, encoding="unicode")
    model = _model(file)
    names = tuple(model.names)[1:]
    if set(names) != set(choice.moving):
        lost = ", ".join(sorted(set(choice.moving) - set(names)))
        raise RobotError(
            f"{file.path}: joints {lost} hang on no link of the robot: tie them to it"
        )
    model.armature = armature_of(file, names)
    effort, velocity = np.array(model.effortLimit), np.array(model.velocityLimit)
    return ArmFile(
        name=file.root.get("name", file.path.stem),
        model=model,
        choice=choice,
        limits=JointLimits(
            lower=np.array([joints[name].lower for name in names]),
            upper=np.array([joints[name].upper for name in names]),
            velocity=np.where(velocity > 0.0, velocity, np.inf),
            effort=np.where(effort > 0.0, effort, np.inf),
            acceleration=np.full(model.nv, np.inf),
            slides=np.array([joints[name].slides for name in names]),
            names=names,
        ),
        home=None,
        tool=_last_link(model),
        base=base,
        payload_limit=None,
        urdf=text,
    )


def _model(file: RobotFile) -> pinocchio.Model:
    """Return Pinocchio's model of a URDF whose joints all move, or are fixed."""
    bare = RobotFile(path=file.path, text=file.text, root=deepcopy(file.root))
    for joint in bare.root.findall("joint"):
        if joint.get("type") == "continuous":
            _make_revolute(joint)
        elif joint.get("type") in _LIMITED:
            _check_limit(bare, joint)
    for link in bare.root.findall("link"):
        for tag in _NOT_INERTIAL:
            for element in link.findall(tag):
                link.remove(element)
    tree = UrdfTree(bare)
    tree.drop_resting_inertias()
    tree.check_inertias()
    try:
        return pinocchio.buildModelFromXML(ElementTree.tostring(bare.root, encoding="unicode"))
    except (ValueError, RuntimeError) as error:
        raise RobotError(f"Pinocchio cannot read {file.path}: {error}") from None


def _make_revolute(joint: ElementTree.Element) -> None:
    """Make a continuous joint revolute without position limits: one number is its position."""
    joint.set("type", "revolute")
    limit = joint.find("limit")
    if limit is None:
        limit = ElementTree.SubElement(joint, "limit")
    for key in ("effort", "velocity"):
        limit.set(key, limit.get(key, "0"))
    for key in ("lower", "upper"):
        limit.attrib.pop(key, None)


def _check_limit(file: RobotFile, joint: ElementTree.Element) -> None:
    """Name the joint that lacks limits; a URDF parser only says that it cannot read the file."""
    limit = joint.find("limit")
    given = {} if limit is None else limit.attrib
    missing = " and ".join(name for name in ("effort", "velocity") if name not in given)
    if missing:
        name = joint.get("name", "?")
        raise RobotError(
            f"joint {name!r} of {file.place_of('joint', name)} has no limit of {missing}: add "
            '<limit effort="..." velocity="..."/>, 0 for none; without lower and upper in it '
            "the joint moves freely"
        )


def _last_link(model: pinocchio.Model) -> str:
    """Return the last link that the last joint moves."""
    frames = [
        f
        for f in model.frames.tolist()
        if f.type == pinocchio.FrameType.BODY and f.parentJoint == model.njoints - 1
    ]
    return str(frames[-1].name)
