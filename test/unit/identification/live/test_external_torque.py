# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""External torques of a simulated arm: against the truth, their spread, and the contact flag."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.errors import ConfigError
from ml3_ros.identification.live.external_torque import (
    ExternalTorqueConfig,
    ExternalTorqueObserver,
)
from ml3_ros.identification.live.physical_model import PhysicalModel
from ml3_ros.robots.pinocchio_model import PinocchioModel


def late_errors(touched, seen):
    """Return errors (T, n) of the last third, and the truth there."""
    torque = np.stack([each.torque for each in seen])
    late = touched.t > 16.0
    return (torque - touched.external)[late], touched.external[late]


def test_robust_least_squares_does_not_learn_the_hands(touched, robust, observe):
    errors, truth = late_errors(touched, robust[1])
    assert 0.1 < touched.pushed.mean() < 0.6
    share = np.sqrt(np.square(errors).mean() / np.square(truth).mean())
    assert share < 0.35
    of_squares = late_errors(touched, observe(fit="least_squares")[1])[0]
    assert np.square(errors).mean() < 0.5 * np.square(of_squares).mean()


def test_most_free_samples_are_within_two_standard_deviations(touched, robust):
    errors, _ = late_errors(touched, robust[1])
    late = touched.t > 16.0
    std = np.stack([each.std for each in robust[1]])[late]
    free = ~touched.pushed[late].astype(bool)
    within = (np.abs(errors) < 2.0 * std)[free].mean()
    assert within > 0.9
    assert (std[free].mean(axis=0) < 0.03 * np.array([80, 80, 40, 40, 9, 9, 9])).all()


def test_the_flag_tells_touched_samples_from_free_ones(touched, robust):
    late = touched.t > 16.0
    flag = np.array([each.contact for each in robust[1]])[late]
    strong = (np.abs(touched.external) > [4.0, 4.0, 2.0, 2.0, 0.5, 0.5, 0.5]).any(axis=1)[late]
    assert flag[strong].mean() > 0.8
    assert flag[~touched.pushed[late].astype(bool)].mean() < 0.1


def test_a_flag_falls_at_a_lower_threshold_than_it_rises(sawyer):
    model = PhysicalModel(PinocchioModel(sawyer), sawyer.home)
    observer = ExternalTorqueObserver(
        model, PinocchioModel(sawyer), ExternalTorqueConfig(gain=1e4, touched=4.0, free=2.0)
    )
    arm = PinocchioModel(sawyer)
    q, v = sawyer.home, np.zeros(7)
    std, flags = model.deviation(v), []
    for k, size in enumerate((0.0, 3.0, 5.0, 3.0, 1.0, 3.0)):
        # the observer follows at once, as its bandwidth is far above the rate
        tau = arm.nle(q, v) - size * std
        flags.append(observer.observe(0.01 * k, q, v, tau).contact)
        flags[-1] = observer.observe(0.01 * k + 0.009, q, v, tau).contact
    assert flags == [False, False, True, True, False, False]


@pytest.mark.parametrize("wrong", [{"free": 6.0}, {"free": 0.0}, {"touched": np.inf}])
def test_thresholds_that_cannot_work_are_rejected(wrong):
    with pytest.raises(ConfigError, match="free and touched"):
        ExternalTorqueConfig(**wrong)
