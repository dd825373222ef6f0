# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of bodies are Pinocchio's, about any point."""

from __future__ import annotations

import numpy as np
import pinocchio

from ml3_ros.learners.inverse_dynamics.bodies import body_parameters, from_tool

CENTRE, EDGES = np.array([0.1, -0.05, 0.2]), np.array([0.1, 0.2, 0.3])


def test_a_box_is_that_of_pinocchio():
    box = pinocchio.Inertia.FromBox(2.0, *EDGES)
    placed = pinocchio.SE3(np.eye(3), CENTRE).act(box)
    found = body_parameters(2.0, CENTRE, EDGES)
    np.testing.assert_allclose(found, placed.toDynamicParameters(), atol=1e-12)


def test_a_body_about_the_tool_is_the_same_one_about_the_joint():
    tool = np.array([0.02, 0.117, -0.03])
    about_tool = body_parameters(1.5, CENTRE, EDGES)
    about_joint = body_parameters(1.5, CENTRE + tool, EDGES)
    np.testing.assert_allclose(from_tool(tool) @ about_tool, about_joint, atol=1e-12)
