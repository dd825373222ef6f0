"""URDF of a Sawyer robot with measured offsets, made from the nominal arm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import numpy as np
from scipy.spatial.transform import Rotation

from ml3_ros.robots.base import Array, RobotDescription
from ml3_ros.robots.sources import compile_spec, mujoco_spec

# head_pan, which the arm's own model leaves fixed: range [rad], [rad/s], [N m].
_HEAD = {"lower": "-5.0952", "upper": "0.9064", "velocity": "1.8", "effort": "8"}


def sawyer_urdf(description: RobotDescription, offset: float = 0.0, seed: int = 0) -> str:
    """Return the URDF text of the arm with head and torso, links with inertia only.

    Args:
        description: The arm, from a MJCF file whose bodies are the links.
        offset: Every coordinate of the origin of an arm joint is moved by a draw from -offset to
            offset [m]: robots describe themselves as they were calibrated.
        seed: Of these draws.
    """
    model = compile_spec(mujoco_spec(description.path, description.format), description.path)
    limits, moved = description.limits, np.random.default_rng(seed)
    robot = ElementTree.Element("robot", name=description.name)
    for link in ("base", "torso"):
        ElementTree.SubElement(robot, "link", name=link)
    _joint(robot, "torso_t0", "fixed", "base", "torso")
    _joint(robot, "right_arm_mount", "fixed", "base", model.body(1).name)
    for i in range(1, model.nbody):
        body = model.body(i)
        _link(robot, body)
        parent = model.body(body.parentid[0]).name
        where = (body.pos, body.quat)
        if body.jntnum[0]:
            j = description.names.index(model.joint(body.jntadr[0]).name)
            shift = moved.uniform(-offset, offset, 3)
            bounds = {
                "lower": limits.lower[j],
                "upper": limits.upper[j],
                "velocity": limits.velocity[j],
                "effort": limits.effort[j],
            }
            texts = {name: f"{value:.9g}" for name, value in bounds.items()}
            where = (body.pos + shift, body.quat)
            _joint(robot, description.names[j], "revolute", parent, body.name, *where, texts)
        elif parent != "world":
            _joint(robot, "head_pan", "revolute", parent, body.name, *where, _HEAD)
    tool = model.site(description.tool)
    ElementTree.SubElement(robot, "link", name=description.tool)
    last = model.body(tool.bodyid[0]).name
    _joint(robot, description.tool, "fixed", last, description.tool, tool.pos, tool.quat)
    ElementTree.indent(robot)
    return ElementTree.tostring(robot, encoding="unicode")


def _link(robot: ElementTree.Element, body: Any) -> None:
    link = ElementTree.SubElement(robot, "link", name=body.name)
    inertial = ElementTree.SubElement(link, "inertial")
    ElementTree.SubElement(inertial, "origin", xyz=_text(body.ipos), rpy="0 0 0")
    ElementTree.SubElement(inertial, "mass", value=f"{body.mass[0]:.9g}")
    R = Rotation.from_quat(np.roll(body.iquat, -1)).as_matrix()
    tensor = R @ np.diag(body.inertia) @ R.T
    entries = {f"i{'xyz'[i]}{'xyz'[j]}": tensor[i, j] for i in range(3) for j in range(i, 3)}
    ElementTree.SubElement(inertial, "inertia", {k: f"{v:.12g}" for k, v in entries.items()})


def _joint(
    robot: ElementTree.Element,
    name: str,
    kind: str,
    parent: str,
    child: str,
    pos: Array | None = None,
    quat_wxyz: Array | None = None,
    limits: dict[str, str] | None = None,
) -> None:
    joint = ElementTree.SubElement(robot, "joint", name=name, type=kind)
    ElementTree.SubElement(joint, "parent", link=parent)
    ElementTree.SubElement(joint, "child", link=child)
    if pos is not None and quat_wxyz is not None:
        origin = {"xyz": _text(pos), "rpy": _text(np.fromiter(_rpy(quat_wxyz), float))}
        ElementTree.SubElement(joint, "origin", origin)
    if limits is not None:
        ElementTree.SubElement(joint, "axis", xyz="0 0 1")
        ElementTree.SubElement(joint, "limit", limits)


def _rpy(quat_wxyz: Array) -> Iterator[float]:
    """Yield roll, pitch and yaw about fixed axes [rad]; at a pitch of 90 degrees yaw is 0."""
    R = Rotation.from_quat(np.roll(quat_wxyz, -1)).as_matrix()
    pitch = np.arctan2(-R[2, 0], np.hypot(R[0, 0], R[1, 0]))
    if np.abs(R[2, 0]) > 1.0 - 1e-9:
        yield from (np.sign(pitch) * np.arctan2(R[0, 1], R[1, 1]), pitch, 0.0)
    else:
        yield from (np.arctan2(R[2, 1], R[2, 2]), pitch, np.arctan2(R[1, 0], R[0, 0]))


def _text(numbers: Array) -> str:
    return " ".join(f"{number:.12g}" for number in numbers)


def nominal_urdf(description: RobotDescription) -> str:
    """Return the URDF text of an arm: its own file, or one made from a MJCF file."""
    if description.format == "urdf":
        return description.path.read_text()
    return sawyer_urdf(description)
