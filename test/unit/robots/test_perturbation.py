# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Perturbations: validated values, random draws, friction."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ml3_ros.errors import ConfigError, RobotError
from ml3_ros.robots.perturbation import Perturbation, friction_torque


def test_default_is_the_arm_as_described():
    nominal = Perturbation()
    np.testing.assert_array_equal(nominal.per_joint("mass_scale", 3), np.ones(3))
    for name in ("viscous", "coulomb", "position_noise", "velocity_noise", "torque_noise"):
        np.testing.assert_array_equal(nominal.per_joint(name, 3), np.zeros(3))
    assert Perturbation(mass_scale=(), coulomb=()) == nominal


def test_survives_json_and_can_be_a_key():
    perturbation = Perturbation(payload=1.5, mass_scale=(0.9, 1.1), viscous=0.2, coulomb=[1, 2])
    text = json.dumps(perturbation.to_dict())
    assert Perturbation.from_dict(json.loads(text)) == perturbation
    assert len({perturbation, Perturbation.from_dict(json.loads(text))}) == 1


@pytest.mark.parametrize(
    "values",
    [
        {"payload": -0.1},
        {"payload": float("nan")},
        {"payload": (1.0, 2.0)},
        {"mass_scale": 0.0},
        {"mass_scale": (1.0, -1.0)},
        {"viscous": (0.1, float("inf"))},
        {"coulomb": "much"},
        {"velocity_noise": ((0.1,),)},
        {"command_delay": -0.01},
    ],
)
def test_impossible_values_are_rejected(values):
    (name,) = values
    with pytest.raises(ConfigError, match=f"perturbation {name}"):
        Perturbation(**values)


def test_unknown_keys_and_wrong_lengths_are_rejected():
    with pytest.raises(ConfigError, match=r"no payloda: use payload"):
        Perturbation.from_dict({"payloda": 1.0})
    with pytest.raises(RobotError, match="viscous has 2 values for 7 joints"):
        Perturbation(viscous=(0.1, 0.2)).per_joint("viscous", 7)


def test_samples_stay_in_their_ranges(arm):
    rng = np.random.default_rng(0)
    effort, velocity = arm.limits.effort, arm.limits.velocity
    draws = [Perturbation.sample(arm, rng, command_delay=(0.0, 0.02)) for _ in range(300)]
    payload = np.array([draw.payload for draw in draws])
    mass = np.array([draw.mass_scale for draw in draws])
    viscous, coulomb = (np.array([getattr(d, k) for d in draws]) for k in ("viscous", "coulomb"))
    delay = np.array([draw.command_delay for draw in draws])
    for values, low, high in (
        (payload / arm.payload_limit, 0.0, 1.0),
        (mass, 0.8, 1.2),
        (viscous * velocity / effort, 0.0, 0.03),
        (coulomb / effort, 0.0, 0.03),
        (delay, 0.0, 0.02),
    ):
        assert values.min() >= low and values.max() <= high
        assert np.ptp(values) > 0.9 * (high - low)
    assert abs(np.corrcoef(mass[:, 0], mass[:, 1])[0, 1]) < 0.3


def test_equal_seeds_draw_equal_robots_whatever_the_ranges(sawyer):
    first = Perturbation.sample(sawyer, np.random.default_rng(5))
    assert first == Perturbation.sample(sawyer, np.random.default_rng(5))
    assert first != Perturbation.sample(sawyer, np.random.default_rng(6))
    light = Perturbation.sample(sawyer, np.random.default_rng(5), payload=(0.0, 0.0))
    assert light.payload == 0.0
    assert light.mass_scale == first.mass_scale


def test_invalid_ranges_are_rejected(sawyer):
    rng = np.random.default_rng(0)
    with pytest.raises(ConfigError, match="empty"):
        Perturbation.sample(sawyer, rng, payload=(3.0, 0.0))
    with pytest.raises(ConfigError, match="mass_share"):
        Perturbation.sample(sawyer, rng, mass_share=1.0)


def test_friction_is_viscous_plus_smoothed_dry_friction():
    perturbation = Perturbation(viscous=(2.0, 0.0), coulomb=(0.0, 3.0))
    v = np.array([[0.5, 0.05], [-0.5, -10.0], [0.0, 0.0]])
    expected = [[1.0, 3.0 * np.tanh(1.0)], [-1.0, -3.0], [0.0, 0.0]]
    np.testing.assert_allclose(friction_torque(perturbation, v, smooth=0.05), expected)
    with pytest.raises(ConfigError, match="smooth"):
        friction_torque(perturbation, v, smooth=0.0)
