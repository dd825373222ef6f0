# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A robot's own description against the model of its kind."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.errors import RobotError
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.sawyer.calibration import joint_origins, largest_difference
from ml3_ros.robots.sawyer.urdf import nominal_urdf, sawyer_urdf

SAWYER = load_robot("sawyer")
NOMINAL = joint_origins(nominal_urdf(SAWYER))


def urdf(origin):
    return f'<robot name="r"><joint name="right_j1" type="revolute">{origin}</joint></robot>'


def test_the_nominal_arm_does_not_differ_from_itself():
    assert set(SAWYER.names) <= set(NOMINAL)
    assert largest_difference(NOMINAL, NOMINAL) == pytest.approx((0.0, 0.0), abs=1e-12)


def test_a_calibrated_arm_differs_by_its_offsets():
    distance, angle = largest_difference(joint_origins(sawyer_urdf(SAWYER, 0.004, 1)), NOMINAL)
    assert 1e-3 < distance < 0.004 * np.sqrt(3.0)
    assert angle < 1e-6


def test_turned_origins_are_measured_by_their_angle():
    straight = joint_origins(urdf('<origin xyz="0 0 1"/>'))
    turned = joint_origins(urdf('<origin xyz="0 0 1" rpy="0.3 0 0"/>'))
    assert largest_difference(straight, turned) == pytest.approx((0.0, 0.3))
    assert largest_difference(joint_origins(urdf("")), straight)[0] == pytest.approx(1.0)


def test_a_urdf_itself_is_its_nominal_description(tmp_path):
    path = tmp_path / "sawyer.urdf"
    path.write_text(sawyer_urdf(SAWYER))
    assert nominal_urdf(load_robot(path)) == path.read_text()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("no xml", "not well-formed XML"),
        ("<mujoco/>", "is no URDF"),
        (urdf('<origin xyz="0 0"/>'), "right_j1"),
        (urdf('<origin xyz="0 0 nan"/>'), "not readable"),
        (urdf('<origin xyz="a b c"/>'), "not readable"),
        ('<!DOCTYPE r [<!ENTITY e "x">]><robot name="r"/>', "DOCTYPE"),
    ],
)
def test_a_description_that_cannot_be_read_is_rejected(text, sentence):
    with pytest.raises(RobotError, match=sentence):
        joint_origins(text)
