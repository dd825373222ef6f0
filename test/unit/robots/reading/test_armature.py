# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Rotor inertia in a URDF: read for each joint, simulated, and added where it is left out."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.errors import RobotError
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_urdf
from ml3_ros.robots.urdf import with_armature
from test.unit.robots.reading.files import chain


def arm(first="", second=""):
    """Return a URDF of two joints with these elements beside what they need."""
    return chain(("a", {"extra": first}), ("b", {"extra": second}))


BARE = arm()
GIVEN = '<dynamics damping="0.5" friction="0.2" armature="0.03"/>'


def test_a_joint_with_a_rotor_is_heavier_by_it_in_both_simulations():
    bare, described = load_urdf(BARE), load_urdf(arm(second=GIVEN))
    q = np.array([0.3, -0.4])
    for model in (PinocchioModel, MujocoArm):
        np.testing.assert_allclose(
            model(described).M(q) - model(bare).M(q), np.diag([0.0, 0.03]), atol=1e-9
        )


def test_a_joint_that_is_held_has_none():
    described = load_urdf(arm(first=GIVEN), joints=["b"])
    np.testing.assert_array_equal(described.model.armature, [0.0])


@pytest.mark.parametrize("value", ["-0.1", "inf", "nan", "0.1 0.2", "much"])
def test_what_is_no_inertia_is_rejected_by_the_joints_name(value):
    with pytest.raises(RobotError, match="'b'"):
        load_urdf(arm(second=GIVEN.replace("0.03", value)))


def test_rotors_are_added_where_the_file_leaves_them_out():
    text = with_armature(load_urdf(arm(second=GIVEN)), 0.1)
    described = load_urdf(text)
    np.testing.assert_allclose(described.model.armature, [0.1, 0.03])
    np.testing.assert_allclose(described.model.damping, [0.0, 0.5])
