# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Home of an arm: zero where it can stay there, given, or found inside the limits."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.errors import RobotError
from ml3_ros.robots.control.trajectories import Excitation, ExcitationConfig, within_effort
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_urdf
from test.unit.robots.reading.files import chain


def limit(lower, upper, effort=100):
    return {"limit": f'<limit lower="{lower}" upper="{upper}" effort="{effort}" velocity="2"/>'}


def turning(*ranges):
    axes = ("0 1 0", "1 0 0", "0 1 0", "1 0 0")
    joints = [(f"j{i}", limit(*ends) | {"axis": axes[i]}) for i, ends in enumerate(ranges)]
    return chain(*joints)


FINGER = chain(("a", {}), ("finger", limit(0.0, 0.04) | {"kind": "prismatic"}))
RANGES = {
    "begins at zero": turning((0.0, 3.0), (-1.0, 1.0)),
    "ends at zero": turning((-1.0, 1.0), (-3.0, 0.0), (-2.0, 2.0)),
    "without zero": turning((-2.0, 2.0), (-3.07, -0.07), (0.5, 4.0)),
    "narrow": turning((0.02, 0.12), (-1.0, 1.0)),
    "a finger": FINGER,
}


@pytest.mark.parametrize("case", RANGES)
def test_a_home_that_is_found_leaves_room_to_move_by_the_motors_that_there_are(case):
    arm = load_urdf(RANGES[case])
    limits, span = arm.limits, arm.limits.span
    room = np.minimum(limits.as_far_as(0.3), 0.25 * span) - 1e-12
    assert (arm.home >= limits.lower + room).all()
    assert (arm.home <= limits.upper - room).all()
    model = PinocchioModel(arm)
    config = ExcitationConfig(amplitude=0.3, centre=0.1)
    path = within_effort(Excitation(limits, arm.home, 0, config), model, 10.0)
    q, _, _ = path.at(np.arange(0.0, 10.0, 0.02))
    assert ((q > limits.lower) & (q < limits.upper)).all()
    assert (np.ptp(q, axis=0) > 0.1 * np.minimum(span, limits.as_far_as(0.5))).all()


def test_home_is_zero_where_the_arm_can_stay_there():
    np.testing.assert_array_equal(load_urdf(turning((-2.0, 2.0), (-1.0, 1.0))).home, (0.0, 0.0))


def test_a_home_that_is_found_is_lighter_than_zero():
    heavy = turning((-3.0, 3.0, 6.0), (-3.0, 3.0, 100.0))
    arm = load_urdf(heavy)
    model = PinocchioModel(arm)
    at_zero, found = (np.abs(model.nle(q, np.zeros(2)))[0] for q in (np.zeros(2), arm.home))
    assert at_zero > 0.5 * 6.0 > found


def test_an_elbow_whose_range_ends_straight_is_bent():
    arm = load_urdf(turning((-2.0, 2.0), (-1.0, 1.0), (0.0, 2.8)))
    assert 0.5 < arm.home[2] < 2.3


def test_a_home_is_given_by_order_or_by_name():
    text = turning((-2.0, 2.0), (-1.0, 1.0))
    np.testing.assert_array_equal(load_urdf(text, home=[0.5, -0.5]).home, (0.5, -0.5))
    by_name = load_urdf(text, home={"j1": -0.5, "j0": 0.5})
    np.testing.assert_array_equal(by_name.home, (0.5, -0.5))


@pytest.mark.parametrize(
    ("home", "sentence"),
    [
        ([0.0], "home has 1 positions: give one for each of j0, j1"),
        ({"j0": 0.0, "j2": 0.0}, "give one for each of j0, j1"),
        ([0.0, 1.5], "home of joint 'j1' is 1.5, outside of -1 to 1"),
        ([0.0, np.nan], "home of joint 'j1' is nan"),
    ],
)
def test_a_home_that_does_not_fit_is_rejected(home, sentence):
    with pytest.raises(RobotError, match=sentence):
        load_urdf(turning((-2.0, 2.0), (-1.0, 1.0)), home=home)


def test_margins_and_distances_of_joints_that_slide_are_in_metres():
    limits = load_urdf(FINGER).limits
    assert limits.units == ("rad", "m")
    np.testing.assert_allclose(limits.as_far_as(0.5), (0.5, 0.1))
    np.testing.assert_allclose(limits.margin(0.05), (0.05, 0.008))
    path = Excitation(limits, np.array([0.0, 0.02]), 0)
    q, _, _ = path.at(np.arange(0.0, 20.0, 0.02))
    assert np.abs(q[:, 1] - 0.02).max() < 0.0121


def test_a_home_that_is_found_is_told_once_with_what_it_does_not_look_at(caplog):
    text = turning((0.4, 2.0), (-1.0, 1.0))
    arm = load_urdf(text, "told_once.urdf")
    load_urdf(text, "told_once.urdf")
    (said,) = (r.message for r in caplog.records if "told_once" in r.message)
    assert said == arm.notes[-1]
    assert f"j0 {arm.home[0]:.3g} rad" in said
    assert "collisions are not looked at" in said
    assert not load_urdf(text, home=arm.home).notes
    assert not load_urdf(text, simulated=False).notes  # nothing moves
