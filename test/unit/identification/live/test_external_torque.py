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


@pytest.fixture
def flags(sawyer):
    """Return which joints count as touched while a push has sizes one after the other [N m]."""

    def observed(model, pushes):
        observer = ExternalTorqueObserver(
            model, PinocchioModel(sawyer), ExternalTorqueConfig(gain=1e4, touched=4.0, free=2.0)
        )
        q, v = sawyer.home, np.zeros(7)
        free, found = PinocchioModel(sawyer).nle(q, v), []
        for k, push in enumerate(pushes):
            # the observer follows at once, as its bandwidth is far above the rate
            for t in (0.01 * k, 0.01 * k + 0.009):
                seen = observer.observe(t, q, v, free - push)
            found.append(seen.touched)
        return np.stack(found)

    return observed


def test_a_flag_falls_at_a_lower_threshold_than_it_rises(sawyer, flags):
    model = PhysicalModel(PinocchioModel(sawyer), sawyer.home)
    found = flags(model, [size * model.unexplained for size in (0.0, 3.0, 5.0, 3.0, 1.0, 3.0)])
    assert found.any(axis=1).tolist() == [False, False, True, True, False, False]


def test_a_standing_joint_is_touched_beyond_what_its_dry_friction_can_hold(sawyer, flags):
    model = PhysicalModel(PinocchioModel(sawyer), sawyer.home)
    dry = 100.0 * model.unexplained
    model.learned.parameters[-14:-7] = dry
    still = np.zeros(7)
    np.testing.assert_allclose(model.stuck(still), dry)
    np.testing.assert_allclose(model.deviation(still), np.hypot(dry, model.unexplained))
    found = flags(model, [0.0 * dry, 0.98 * dry, 1.06 * dry])
    assert found.all(axis=1).tolist() == found.any(axis=1).tolist() == [False, False, True]


@pytest.mark.parametrize("wrong", [{"free": 6.0}, {"free": 0.0}, {"touched": np.inf}])
def test_thresholds_that_cannot_work_are_rejected(wrong):
    with pytest.raises(ConfigError, match="free and touched"):
        ExternalTorqueConfig(**wrong)
