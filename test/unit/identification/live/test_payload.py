# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A payload that is taken up is told from a hand, also while one pushes, and is put down again."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.data.filters import FilteredSample
from ml3_ros.errors import ConfigError
from ml3_ros.identification.live.payload import PayloadChange, PayloadChangeConfig
from ml3_ros.identification.live.physical_model import PhysicalModel, PhysicalModelConfig
from ml3_ros.robots.pinocchio_model import PinocchioModel

CARRIED = np.array([2.0, 0.1, -0.05, 0.2])  # [kg, kg m]
STILL = np.zeros((10, 7))  # velocities, which decide nothing


@pytest.fixture
def moving(sawyer):
    """Return lots of (times, columns) of a Sawyer on a smooth path, ten samples each."""
    model, k = PinocchioModel(sawyer), np.arange(10)

    def lots(count, start=0):
        for lot in range(start, start + count):
            t = 0.05 * (10 * lot + k)
            rate = 1.0 + 0.3 * np.arange(7)
            angle = rate * t[:, None]
            q = sawyer.home + 0.4 * np.sin(angle)
            v, a = 0.4 * rate * np.cos(angle), -0.4 * rate**2 * np.sin(angle)
            yield t, model.regressor(q, v, a)[..., 60:64]

    return lots


def test_a_payload_is_taken_on_within_its_window_and_put_down_again(moving):
    change, rng = PayloadChange(), np.random.default_rng(0)
    for lot, (t, columns) in enumerate(moving(24)):
        carried = CARRIED if 4 <= lot < 14 else np.zeros(4)
        noise = rng.normal(size=(10, 7))
        changed = change.take(t, columns / 0.2, columns @ carried / 0.2 + noise, STILL)
        if lot < 4 or lot >= 18:
            np.testing.assert_array_equal(change.parameters, np.zeros(4))
        if 8 <= lot < 14:
            np.testing.assert_allclose(change.parameters, CARRIED, atol=0.15)
            assert changed


def test_a_hand_is_no_payload(moving):
    change, rng = PayloadChange(), np.random.default_rng(0)
    for t, columns in moving(10):
        push = np.array([3.0, -4.0, 2.0, -3.0, 1.0, 0.5, 0.0])
        change.take(t, columns / 0.2, push / 0.2 + rng.normal(size=(10, 7)), STILL)
        np.testing.assert_array_equal(change.parameters, np.zeros(4))


def test_a_payload_stays_while_a_hand_pushes(moving):
    change, rng = PayloadChange(), np.random.default_rng(0)
    for lot, (t, columns) in enumerate(moving(14)):
        push = np.array([0.0, 0.0, 4.0, 0.0, 2.0, 0.0, 0.0]) * (8 <= lot < 11)
        noise = rng.normal(size=(10, 7))
        change.take(t, columns / 0.2, (columns @ CARRIED + push) / 0.2 + noise, STILL)
        if lot >= 5:
            assert change.parameters[0] == pytest.approx(2.0, abs=0.6)


def test_a_model_that_tells_payloads_carries_one_in_its_last_link(sawyer):
    config = PhysicalModelConfig(fit="robust", update_period=0.25, payload=PayloadChangeConfig())
    arm = PinocchioModel(sawyer)
    heavy = arm.inertial_parameters()
    heavy[60:64] += CARRIED
    model = PhysicalModel(PinocchioModel(sawyer), sawyer.home, config)
    rate, errors = 1.0 + 0.3 * np.arange(7), []
    for k in range(360):
        t = 0.05 * k
        q, v = sawyer.home + 0.4 * np.sin(rate * t), 0.4 * rate * np.cos(rate * t)
        a = -0.4 * rate**2 * np.sin(rate * t)
        parameters = heavy if t > 12.0 else arm.inertial_parameters()
        tau = arm.regressor(q, v, a) @ parameters
        if model.take(FilteredSample(t, q, v, a, tau)):
            model.update()
        errors.append(np.abs(model.feedforward()(q, v, a) - tau).max())
    assert max(errors[245:260]) > 5.0
    assert max(errors[300:]) < 0.5
    assert model.inertial_parameters[60] == pytest.approx(heavy[60], abs=0.4)


@pytest.mark.parametrize(
    "wrong", [{"window": 0.0}, {"heaviest": 0.0}, {"explained": 1.0}, {"noticed": 1.0}]
)
def test_settings_that_cannot_work_are_rejected(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        PayloadChangeConfig(**wrong)
