# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A found motion keeps every limit and tells more than a random one of twice its length."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.errors import ConfigError
from ml3_ros.identification.confidence.base_fit import VAGUE
from ml3_ros.identification.confidence.parameters import nominal_values, torque_columns
from ml3_ros.identification.excitation.comparison import (
    compared_with_random,
    random_information,
)
from ml3_ros.identification.excitation.knowledge import known_before
from ml3_ros.identification.excitation.limits import MARGIN, SHARE, MotionLimits
from ml3_ros.identification.excitation.objective import Objective, path_information
from ml3_ros.identification.excitation.search import (
    SearchConfig,
    most_telling_motion,
    random_series,
    within,
)
from ml3_ros.identification.excitation.series import FourierSeries
from ml3_ros.robots.base import JointLimits
from ml3_ros.robots.control.trajectories import Excitation

START = np.array([0.3, -0.5])


@pytest.mark.parametrize("box", [None, np.array([[-0.3, -0.1, -0.9], [0.3, 0.1, -0.75]])])
def test_the_gradient_is_that_of_the_value(model, series, known, box):
    """Beyond every limit, so that each penalty has its part."""
    limits = MotionLimits.of(model.limits, START, reach=0.3, acceleration=2.0, box=box)
    limits.effort[:] = 8.0
    objective = Objective(model, series, limits, known, 40)
    rng = np.random.default_rng(0)
    x = random_series(model, series, MotionLimits.of(model.limits, START), rng).ravel()
    _, gradient = objective(x, 30.0)
    for k in range(0, x.size, 5):
        step = np.zeros(x.size)
        step[k] = 1e-5
        change = objective(x + step, 30.0)[0] - objective(x - step, 30.0)[0]
        assert change / 2e-5 == pytest.approx(gradient[k], rel=1e-3, abs=1e-4)


def test_a_found_motion_keeps_all_limits(model, motion):
    t = np.linspace(0.0, 10.0, 5001)
    q, v, a = motion.at(t)
    limits = model.limits
    assert (q >= limits.lower + MARGIN).all() and (q <= limits.upper - MARGIN).all()
    assert np.abs(q - START).max() <= 1.0 + 1e-3
    assert (np.abs(v) <= (SHARE + 1e-3) * limits.velocity).all()
    assert np.abs(a).max() <= 5.0
    assert (np.abs(model.rnea(q, v, a)) <= (SHARE + 1e-3) * limits.effort).all()
    np.testing.assert_allclose(q[[0, -1]], [START] * 2, atol=1e-9)
    np.testing.assert_allclose(v[[0, -1]], 0.0, atol=1e-9)


def test_torque_and_box_bind(model, series, known, quick):
    """The arm hangs: 12 N m hold it a little to the side, and the tool stays in the box."""
    box = np.array([[-0.6, -1.0, -0.9], [0.1, 1.0, -0.2]])
    still = FourierSeries(start=np.array([0.0, 0.3]), seconds=10.0, highest=0.8)
    narrow = JointLimits(
        lower=model.limits.lower,
        upper=model.limits.upper,
        velocity=model.limits.velocity,
        effort=np.array([12.0, 4.0]),
        acceleration=model.limits.acceleration,
    )
    limits = MotionLimits.of(narrow, still.start, acceleration=5.0, box=box)
    motion = most_telling_motion(model, still, limits, known, quick)
    q, v, a = motion.at(np.linspace(0.0, 10.0, 2001))
    torque = np.abs(model.rnea(q, v, a)).max(axis=0)
    assert (torque <= narrow.effort).all() and (torque > 0.6 * narrow.effort).any()
    tool = model.forward_kinematics(q)[:, :3, 3]
    assert (tool >= box[0] - 1e-3).all() and (tool <= box[1] + 1e-3).all()


def test_it_tells_more_than_random_motion_of_twice_the_length(model, motion, limits, known):
    """By the errors of parameters that are fitted to simulated torques, over five seeds."""
    inside = JointLimits(
        lower=limits.lower,
        upper=limits.upper,
        velocity=limits.velocity,
        effort=limits.effort,
        acceleration=limits.acceleration,
    )
    ratios = []
    for seed in range(5):
        random = Excitation(inside, START, seed).at(np.arange(0.0, 20.0, 0.05))
        telling = motion.at(np.arange(0.0, 10.0, 0.05))
        errors = [parameter_error(model, known, path, seed) for path in (telling, random)]
        ratios.append(errors[0] / errors[1])
    assert np.mean(ratios) < 0.8
    assert max(ratios) < 1.0


def parameter_error(model, known, path, seed):
    """Root mean square error of base parameters in their sizes, over 20 draws of noise."""
    rng = np.random.default_rng(seed)
    columns = torque_columns(model, *path)
    base = known.base
    x = (columns[..., base.columns] * known.sizes / known.noise[:, None]).reshape(
        -1, len(known.sizes)
    )
    truth = base.of(nominal_values(model)) / known.sizes
    fits = [
        np.linalg.lstsq(x, x @ truth + rng.normal(size=len(x)), rcond=None)[0] for _ in range(20)
    ]
    return np.sqrt(np.mean(np.square(fits - truth)))


def test_the_comparison_with_random_motion_is_told(model, motion, limits, known):
    sentence = compared_with_random(model, limits, known, motion)
    assert sentence.startswith("standard errors of the 13 base parameters")
    share = float(sentence.split(" are ")[1].split()[0])
    random = np.mean([random_information(model, limits, known, motion, s) for s in range(3)])
    assert share == pytest.approx(np.exp(0.5 * (random - motion.information)), abs=0.01)
    assert share < 0.8


def test_earlier_recordings_are_taken_into_account(model, recording, series, limits, quick):
    before = known_before(model, START)
    after = known_before(model, START, [recording])
    assert (np.diag(before.information) == 1.0 / VAGUE**2).all()
    assert np.linalg.eigvalsh(after.information - before.information).min() > -1e-9
    assert after.rate == pytest.approx(100.0)
    twice = known_before(model, START, [recording, recording])
    shift = np.eye(len(after.sizes)) / VAGUE**2
    np.testing.assert_allclose(twice.information - shift, 2.0 * (after.information - shift))
    motion = most_telling_motion(model, series, limits, after, quick)
    still = tuple(np.zeros((1, 2)) for _ in range(3))
    assert motion.information > path_information(model, after, still, 1e9)


def test_a_motion_is_the_same_for_the_same_seed(model, series, limits, known):
    config = SearchConfig(seed=7, starts=1, first=2, iterations=1)
    one, two = (most_telling_motion(model, series, limits, known, config) for _ in range(2))
    np.testing.assert_array_equal(one.coefficients, two.coefficients)


def test_what_cannot_be_moved_is_rejected(model, series, known, quick):
    with pytest.raises(ConfigError, match=r"joint elbow is not 0\.05 rad inside"):
        MotionLimits.of(model.limits, np.array([0.0, 2.49]))
    with pytest.raises(ConfigError, match="is empty"):
        MotionLimits.of(model.limits, START, box=np.array([[0.0, 0, 0], [0.0, 1, 1]]))
    away = MotionLimits.of(model.limits, START, box=np.array([[5.0, 5, 5], [6.0, 6, 6]]))
    with pytest.raises(ConfigError, match="the tool is outside the box"):
        most_telling_motion(model, series, away, known, quick)
    with pytest.raises(ConfigError, match="starts 0"):
        SearchConfig(starts=0)
    slow = MotionLimits.of(model.limits, START)
    slow.velocity[:] = 1e-6
    with pytest.raises(ConfigError, match="no motion from the start keeps the limits"):
        within(model, series, slow, np.ones((2, 14)))
