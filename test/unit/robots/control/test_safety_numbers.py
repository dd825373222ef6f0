# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""NaN, infinite and huge numbers on their way through the last stage before motors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml3_ros.errors import ConfigError, RobotError
from ml3_ros.robots.control.safety import SafetyStage
from ml3_ros.robots.control.safety_config import NoTorqueError, SafetyConfig
from test.unit.robots.control.safety_bench import (
    HOME,
    LIMITS,
    MODEL,
    RATE,
    REST,
    SAWYER,
    gravity,
    kinds,
    one,
    stage,
)

INPUTS = {"tau": gravity(), "q": HOME, "v": REST, "gravity": gravity()}
NAMES = {"tau": "torque", "q": "position", "v": "velocity", "gravity": "gravity torque"}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("what", INPUTS)
def test_one_number_that_is_not_finite_costs_its_period_only(what, bad):
    safety = stage(effort_rate=10.0)
    push = gravity() + one(0, 40.0)
    first = safety.limit(push, HOME, REST).added
    safety.limit(push, HOME, REST)
    with pytest.raises(NoTorqueError, match=rf"^{NAMES[what]} of right_j3 is {bad}: .*; check"):
        safety.limit(**{**INPUTS, what: INPUTS[what] + one(3, bad)})
    np.testing.assert_array_equal(safety.limit(push, HOME, REST).added, first)  # as after hold


@pytest.mark.parametrize("what", INPUTS)
def test_a_quantity_of_other_joints_gives_no_torque(what):
    sentence = rf"{NAMES[what]} has shape \(6,\) for 7 joints"
    with pytest.raises(NoTorqueError, match=sentence):
        stage().limit(**{**INPUTS, what: INPUTS[what][:6]})


class Broken:
    """A Sawyer's model of which, once a stage is built, one method is another."""

    names, limits, nv = SAWYER.names, LIMITS, SAWYER.nv
    M, nle = MODEL.M, MODEL.nle

    def __init__(self, **methods):
        self.methods = methods

    def built(self, **config):
        safety = SafetyStage(self, SafetyConfig(**config), rate=RATE)
        vars(self).update(self.methods)
        return safety


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (Broken(M=lambda q: np.full((7, 7), np.nan)), "inertia of right_j0 is nan.*masses"),
        (Broken(M=lambda q: np.diag([1.0, np.inf] + 5 * [1.0])), "inertia of right_j1 is inf"),
        (Broken(M=lambda q: np.zeros((7, 7))), "inertia matrix is singular.*masses"),
        (Broken(M=lambda q: np.eye(6)), r"inertia has shape \(6, 6\)"),
        (Broken(nle=lambda q, v: one(2, np.nan)), "gravity torque of right_j2 is nan"),
        (Broken(nle=lambda q, v: 1e300 * v), "Coriolis and gravity torque of right_j4 is inf"),
    ],
)
def test_a_model_that_returns_nonsense_gives_no_torque(model, sentence):
    safety, fast = model.built(), one(4, 1e9)
    with pytest.raises(NoTorqueError, match=sentence):
        safety.limit(gravity(), HOME, fast)
    vars(model).clear()
    assert safety.limit(gravity(), HOME, REST).violations == ()


def limited(**limits):
    """Return a Sawyer's model with other limits."""
    model = Broken()
    model.limits = replace(LIMITS, **limits)
    return model


NONE = np.full(7, np.inf)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("effort", [LIMITS.effort, NONE, REST])
@pytest.mark.parametrize("rate", [200.0, np.inf])
def test_a_joint_exactly_at_its_soft_limit_rests_there(effort, rate):
    model = limited(effort=effort, acceleration=NONE)
    safety = SafetyStage(model, SafetyConfig(position_margin=0.1, effort_rate=rate), rate=RATE)
    q = np.where(np.arange(7) == 5, LIMITS.upper - 0.1, HOME)
    command = safety.limit(gravity(q), q, REST)
    np.testing.assert_array_equal(command.added, 0.0)
    command = safety.limit(gravity(q) + one(5, 1.0), q, one(5, 1e-3))
    assert "right_j5" in kinds(command)["position limit"]
    assert command.added[5] <= 0.0


@pytest.mark.filterwarnings("error")
def test_a_joint_without_any_limit_but_also_without_strength_is_left_alone():
    model = limited(lower=-NONE, upper=NONE, velocity=NONE, acceleration=REST)
    command = SafetyStage(model, SafetyConfig(), rate=RATE).limit(gravity(), HOME, one(3, 50.0))
    assert command.violations == ()


def test_numbers_whose_difference_is_infinite_give_no_torque_where_nothing_bounds_it():
    safety = SafetyStage(limited(effort=NONE), SafetyConfig(), rate=RATE)
    with pytest.raises(NoTorqueError, match=r"safe torque of right_j2 is inf: .*too large"):
        safety.limit(one(2, 1e308), HOME, REST, one(2, -1e308))
    command = stage().limit(one(2, 1e308), HOME, REST, one(2, -1e308))
    assert (np.abs(command.tau) <= LIMITS.effort).all()


def test_a_gravity_that_the_motors_cannot_bear_gets_what_they_have():
    model = limited(effort=0.1 * LIMITS.effort)
    command = SafetyStage(model, SafetyConfig(), rate=RATE).limit(gravity(), HOME, REST)
    assert (np.abs(command.tau) <= model.limits.effort).all()
    assert (np.abs(gravity()) > model.limits.effort).any()


@pytest.mark.parametrize(
    ("limits", "error", "sentence"),
    [
        ({"effort": one(1, np.nan)}, RobotError, "effort limit of right_j1 is nan"),
        ({"velocity": one(2, -1.0)}, RobotError, r"velocity limit of right_j2 is -1\.0"),
        ({"acceleration": one(0, np.nan)}, RobotError, "acceleration limit of right_j0 is nan"),
        ({"upper": LIMITS.lower}, RobotError, r"right_j0 may move from -3\.\d+ to -3\.\d+"),
        ({"lower": one(3, np.nan) + LIMITS.lower}, RobotError, "lower limit of right_j3 is nan"),
        ({"effort": np.ones(6)}, RobotError, r"effort limits have shape \(6,\) for 7 joints"),
    ],
)
def test_limits_without_a_meaning_are_rejected(limits, error, sentence):
    with pytest.raises(error, match=sentence):
        SafetyStage(limited(**limits), SafetyConfig(), rate=RATE)


@pytest.mark.parametrize("inertia", [np.nan, 0.0, -1.0, np.inf])
def test_an_arm_without_an_inertia_is_rejected(inertia):
    model = Broken()
    model.M = lambda q: np.diag(1.0 + one(6, inertia - 1.0))
    with pytest.raises(RobotError, match=f"right_j6 moves is {inertia} kg"):
        SafetyStage(model, SafetyConfig(), rate=RATE)


@pytest.mark.parametrize("rate", [0.0, -1.0, np.nan, np.inf])
def test_invalid_rates_are_rejected(rate):
    with pytest.raises(ConfigError, match=f"rate is {rate}: it must be finite"):
        stage(rate=rate)
