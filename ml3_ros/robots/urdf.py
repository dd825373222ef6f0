# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""URDF of an arm: its own file, or one made from its MJCF, with shapes to look at."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
from scipy.spatial.transform import Rotation

from ml3_ros.robots.base import Array, RobotDescription
from ml3_ros.robots.shapes import Shape, shapes_of

if TYPE_CHECKING:
    import mujoco

FAR, UNLIMITED = 1e6, 1e9  # stand for infinity: of a position [rad, m]; of velocity and effort
_MESH = re.compile(r'(<mesh\b[^>]*?\bfilename\s*=\s*")([^"]+)(")')


def urdf_text(description: RobotDescription) -> str:
    """Return the URDF of an arm, whose root link is `description.base`.

    Joints that are held are fixed in it. Otherwise a URDF file stays as it is, but for meshes:
    those named by a path of this machine become file URLs, as viewers want them. A MJCF file
    becomes a URDF with the same frames, inertias and limits. Armature is left out: a URDF has no
    word for it.
    """
    if description.urdf:
        folder = description.path.resolve().parent
        return _MESH.sub(
            lambda match: match[1] + _url(match[2], folder) + match[3], description.urdf
        )
    from ml3_ros.robots.reading.mjcf import shown_model

    return _from_mjcf(description, shown_model(description.path))


def with_armature(description: RobotDescription, armature: float) -> str:
    """Return the URDF of an arm whose moving joints have rotors, where the file gives them none.

    Args:
        description: The arm.
        armature: Inertia of each rotor, seen through its gear [kg m^2].
    """
    root = ElementTree.fromstring(urdf_text(description))
    for joint in root.findall("joint"):
        if joint.get("name") in description.names:
            dynamics = joint.find("dynamics")
            if dynamics is None:
                dynamics = ElementTree.SubElement(joint, "dynamics", damping="0")
            dynamics.set("armature", dynamics.get("armature", f"{armature:.12g}"))
    return ElementTree.tostring(root, encoding="unicode")


def _url(name: str, folder: Path) -> str:
    path = folder / name
    return name if "://" in name or not path.is_file() else path.as_uri()


def _from_mjcf(description: RobotDescription, model: mujoco.MjModel) -> str:
    from ml3_ros.robots.reading.mjcf_tree import held_motion, joints_of_body, motion_of

    robot = ElementTree.Element("robot", name=description.name)
    names = {i: model.body(i).name or f"body_{i}" for i in range(1, model.nbody)}
    names[0] = description.base
    add_link(robot, names[0], shapes=shapes_of(model, 0))
    # A URDF turns a link about its own origin, so a link's frame is moved to its joint.
    origins: dict[int, Array] = {0: np.eye(4)}  # of a link in its body
    for i in range(1, model.nbody):
        body = model.body(i)
        above = int(body.parentid[0])
        link = names[above]
        place = np.asarray(np.linalg.inv(origins[above]) @ pose(body.pos, body.quat))
        moving = [j for j in joints_of_body(model, i) if model.joint(j).name in description.names]
        for j in joints_of_body(model, i):
            if j not in moving:
                place = place @ held_motion(model, j, description.held).homogeneous
                continue
            # of several joints in a body, all but the last move a link without mass
            child = names[i] if j == moving[-1] else f"{names[i]}_{model.joint(j).name}"
            anchor = pose(model.jnt_pos[j])
            at = place @ motion_of(model, j, 0.0).homogeneous @ anchor
            _add_moving(robot, description, model, j, link, child, at)
            if child != names[i]:
                add_link(robot, child)
            link, place = child, np.asarray(np.linalg.inv(anchor))
        if not moving:
            add_joint(robot, f"{names[i]}_fixed", "fixed", link, names[i], place)
        origins[i] = np.asarray(np.linalg.inv(place)) if moving else np.eye(4)
        add_link(robot, names[i], body, shapes_of(model, i), origins[i])
    _add_tool(robot, description, model, names, origins)
    ElementTree.indent(robot)
    return ElementTree.tostring(robot, encoding="unicode")


def _add_tool(
    robot: ElementTree.Element,
    description: RobotDescription,
    model: mujoco.MjModel,
    names: dict[int, str],
    origins: dict[int, Array],
) -> None:
    """Add the frame of the tool, where that is a site and no body."""
    if description.tool in names.values():
        return
    site = model.site(description.tool)
    body = int(site.bodyid[0])
    add_link(robot, description.tool)
    origin = np.linalg.inv(origins[body]) @ pose(site.pos, site.quat)
    name = f"{description.tool}_fixed"
    add_joint(robot, name, "fixed", names[body], description.tool, origin)


def _add_moving(
    robot: ElementTree.Element,
    description: RobotDescription,
    model: mujoco.MjModel,
    j: int,
    parent: str,
    child: str,
    origin: Array,
) -> None:
    import mujoco

    name, limits = model.joint(j).name, description.limits
    k = description.names.index(name)
    ends = np.array([limits.lower[k], limits.upper[k]])
    kind = "revolute" if np.isfinite(ends).all() else "continuous"
    if model.jnt_type[j] == mujoco.mjtJoint.mjJNT_SLIDE:
        kind, ends = "prismatic", np.clip(ends, -FAR, FAR)
    most = {"velocity": limits.velocity[k], "effort": limits.effort[k]}
    bounds = {key: min(float(value), UNLIMITED) for key, value in most.items()}
    if kind != "continuous":
        bounds |= {"lower": float(ends[0]), "upper": float(ends[1])}
    add_joint(robot, name, kind, parent, child, origin, model.jnt_axis[j], bounds)


def add_link(
    robot: ElementTree.Element,
    name: str,
    body: Any = None,
    shapes: Sequence[Shape] = (),
    origin: Array | None = None,
) -> None:
    """Add a link.

    Args:
        robot: The element to add it to.
        name: Of the link.
        body: Body of a MuJoCo model, whose inertia it gets; None: none.
        shapes: To look at, placed in the body.
        origin: Pose of the link's frame in the body (4, 4); None: the body's own.
    """
    link = ElementTree.SubElement(robot, "link", name=name)
    into_link = np.eye(4) if origin is None else np.linalg.inv(origin)
    if body is not None and body.mass[0] > 0.0:
        inertial = ElementTree.SubElement(link, "inertial")
        centre = into_link @ pose(body.ipos, body.iquat)
        ElementTree.SubElement(inertial, "origin", xyz=text_of(centre[:3, 3]), rpy="0 0 0")
        ElementTree.SubElement(inertial, "mass", value=f"{body.mass[0]:.12g}")
        tensor = centre[:3, :3] @ np.diag(body.inertia) @ centre[:3, :3].T
        entries = {f"i{'xyz'[i]}{'xyz'[j]}": tensor[i, j] for i in range(3) for j in range(i, 3)}
        ElementTree.SubElement(inertial, "inertia", {k: f"{v:.12g}" for k, v in entries.items()})
    for shape in shapes:
        visual = ElementTree.SubElement(link, "visual")
        ElementTree.SubElement(visual, "origin", _placed(into_link @ shape.pose))
        geometry = ElementTree.SubElement(visual, "geometry")
        ElementTree.SubElement(geometry, shape.kind, shape.size)
        rgba = " ".join(f"{share:.4g}" for share in shape.rgba)
        colour = ElementTree.SubElement(visual, "material", name=f"rgba {rgba}")
        ElementTree.SubElement(colour, "color", rgba=rgba)


def add_joint(
    robot: ElementTree.Element,
    name: str,
    kind: str,
    parent: str,
    child: str,
    origin: Array,
    axis: Array | None = None,
    limits: dict[str, float] | None = None,
) -> None:
    """Add a joint of a URDF's `kind`; `origin` (4, 4) is that of the child in the parent."""
    joint = ElementTree.SubElement(robot, "joint", name=name, type=kind)
    ElementTree.SubElement(joint, "parent", link=parent)
    ElementTree.SubElement(joint, "child", link=child)
    ElementTree.SubElement(joint, "origin", _placed(origin))
    if axis is not None:
        ElementTree.SubElement(joint, "axis", xyz=text_of(axis))
    if limits is not None:
        ElementTree.SubElement(joint, "limit", {k: f"{v:.9g}" for k, v in limits.items()})


def pose(position: Array, quat_wxyz: Array | None = None) -> Array:
    """Return the homogeneous matrix (4, 4) of a position [m] (3,) and MuJoCo's quaternion (4,)."""
    T = np.eye(4)
    T[:3, 3] = position
    if quat_wxyz is not None:
        T[:3, :3] = Rotation.from_quat(np.roll(quat_wxyz, -1)).as_matrix()
    return T


def text_of(numbers: Array) -> str:
    """Return numbers as a URDF has them."""
    return " ".join(f"{number:.12g}" for number in numbers)


def _placed(T: Array) -> dict[str, str]:
    return {"xyz": text_of(T[:3, 3]), "rpy": text_of(_rpy(T[:3, :3]))}


def _rpy(R: Array) -> Array:
    """Return roll, pitch and yaw about fixed axes [rad]; at a pitch of 90 degrees yaw is 0."""
    pitch = np.arctan2(-R[2, 0], np.hypot(R[0, 0], R[1, 0]))
    if np.abs(R[2, 0]) > 1.0 - 1e-9:
        return np.array([np.sign(pitch) * np.arctan2(R[0, 1], R[1, 1]), pitch, 0.0])
    return np.array([np.arctan2(R[2, 1], R[2, 2]), pitch, np.arctan2(R[1, 0], R[0, 0])])
