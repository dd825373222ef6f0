# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""URDF of a Sawyer robot with measured offsets, made from the nominal arm."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np

from ml3_ros.robots.base import RobotDescription
from ml3_ros.robots.reading.mjcf import shaped_model
from ml3_ros.robots.shapes import shapes_of
from ml3_ros.robots.urdf import add_joint, add_link, pose

# head_pan, which the arm's own model leaves fixed: range [rad], [rad/s], [N m].
_HEAD = {"lower": -5.0952, "upper": 0.9064, "velocity": 1.8, "effort": 8.0}
Z = np.array([0.0, 0.0, 1.0])


def sawyer_urdf(description: RobotDescription, offset: float = 0.0, seed: int = 0) -> str:
    """Return the URDF text of the arm with head and torso.

    Args:
        description: The arm, from a MJCF file whose bodies are the links.
        offset: Every coordinate of the origin of an arm joint is moved by a draw from -offset to
            offset [m]: robots describe themselves as they were calibrated.
        seed: Of these draws.
    """
    model = shaped_model(description.path)
    limits, moved = description.limits, np.random.default_rng(seed)
    robot = ElementTree.Element("robot", name=description.name)
    for link in (description.base, "torso"):
        add_link(robot, link)
    add_joint(robot, "torso_t0", "fixed", description.base, "torso", np.eye(4))
    arm = model.body(1).name
    add_joint(robot, "right_arm_mount", "fixed", description.base, arm, np.eye(4))
    for i in range(1, model.nbody):
        body = model.body(i)
        add_link(robot, body.name, body, shapes_of(model, i))
        parent = model.body(body.parentid[0]).name
        origin = pose(body.pos, body.quat)
        if body.jntnum[0]:
            j = description.names.index(model.joint(body.jntadr[0]).name)
            origin[:3, 3] += moved.uniform(-offset, offset, 3)
            bounds = {
                "lower": limits.lower[j],
                "upper": limits.upper[j],
                "velocity": limits.velocity[j],
                "effort": limits.effort[j],
            }
            name = description.names[j]
            add_joint(robot, name, "revolute", parent, body.name, origin, Z, bounds)
        elif parent != "world":
            add_joint(robot, "head_pan", "revolute", parent, body.name, origin, Z, _HEAD)
    tool = model.site(description.tool)
    add_link(robot, description.tool)
    last, origin = model.body(tool.bodyid[0]).name, pose(tool.pos, tool.quat)
    add_joint(robot, description.tool, "fixed", last, description.tool, origin)
    ElementTree.indent(robot)
    return ElementTree.tostring(robot, encoding="unicode")


def nominal_urdf(description: RobotDescription) -> str:
    """Return the URDF text of an arm: its own file, or one made from a MJCF file."""
    if description.format == "urdf":
        return description.urdf
    return sawyer_urdf(description)
