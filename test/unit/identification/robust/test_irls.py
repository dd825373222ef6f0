# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Robust fits reach those that know the contacts, and equal least squares where there are none."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.errors import ConfigError, DataError
from ml3_ros.identification.models.friction_fit import friction_features, friction_fit
from ml3_ros.identification.robust.irls import RobustConfig, robust_fit
from ml3_ros.identification.robust.problems import (
    JointProblem,
    JointwiseProblem,
    ridge_information,
)
from ml3_ros.identification.robust.recursive import RobustRecursiveLeastSquares

LEARNED = 1000  # rows, as in conftest


def problem(arm):
    return JointProblem(
        arm.regressor[:LEARNED],
        arm.tau[:LEARNED],
        unit=arm.tau[:LEARNED].std(axis=0),
        known=ridge_information(prior(arm), arm.nominal),
    )


def prior(arm):
    """Return a weak ridge (p,), in proportion to what each parameter does."""
    scaled = arm.regressor[:LEARNED] / arm.tau[:LEARNED].std(axis=0)[:, None]
    return 1e-5 * np.square(scaled).mean(axis=(0, 1)) * LEARNED + 1e-9


def known_contacts(arm):
    """Return the error of the fit that knows when the arm was touched."""
    each = np.repeat(1.0 * ~arm.on[:LEARNED, None], arm.tau.shape[1], axis=1)
    return arm.error(problem(arm).parameters(each))


def streamed(arm):
    """Return the estimator that took in all rows, a second at a time."""
    stream = RobustRecursiveLeastSquares(
        len(arm.nominal),
        noise=arm.tau[:LEARNED].std(axis=0),
        ridge=prior(arm),
        start=arm.nominal,
        lag=15.0,
    )
    for first in range(0, LEARNED, 50):
        block = slice(first, first + 50)
        stream.update(arm.t[block], arm.regressor[block], arm.tau[block])
    return stream


def plain(arm):
    return arm.error(problem(arm).parameters(np.ones((LEARNED, arm.tau.shape[1]))))


@pytest.mark.parametrize("lifts", [False, True])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
def test_a_joint_fit_reaches_the_one_that_knows_the_contacts(touched_arm, share, lifts):
    ratios = []
    for seed in range(2):
        arm = touched_arm(share, seed, lifts)
        found = robust_fit(problem(arm), arm.t[:LEARNED])
        known = known_contacts(arm)
        ratios.append(arm.error(problem(arm).parameters(found.weights)) / known)
        assert plain(arm) > 10.0 * known
    assert np.exp(np.mean(np.log(ratios))) < 1.1, ratios


@pytest.mark.parametrize("seed", range(4))
def test_of_a_clean_recording_it_is_as_good_as_least_squares(touched_arm, seed):
    arm = touched_arm(0.0, seed)
    found = problem(arm).parameters(robust_fit(problem(arm), arm.t[:LEARNED]).weights)
    assert arm.error(found) < 1.02 * plain(arm)


@pytest.mark.parametrize("loss", ["cauchy", "huber"])
def test_other_losses_leave_little_of_a_contact_and_tukeys_no_more(touched_arm, loss):
    arm = touched_arm(0.3, 0)
    by = {}
    for name in ("tukey", loss):
        weights = robust_fit(problem(arm), arm.t[:LEARNED], config=RobustConfig(loss=name)).weights
        by[name] = arm.error(problem(arm).parameters(weights))
    assert by["tukey"] < 1.05 * by[loss] and by[loss] < 0.3 * plain(arm)


@pytest.mark.parametrize(("share", "lifts"), [(0.0, False), (0.3, True), (0.6, False)])
def test_on_a_stream_it_reaches_the_fit_that_knows_the_contacts(touched_arm, share, lifts):
    arm = touched_arm(share, 1, lifts)
    stream = streamed(arm)
    limit = 1.1 * known_contacts(arm) if share else 1.02 * plain(arm)
    assert arm.error(stream.parameters) < limit
    waiting, weights = stream.waiting
    assert waiting[-1] - waiting[0] <= 15.0  # memory is bounded
    of_touched = weights[arm.on[LEARNED - len(waiting) : LEARNED], 0]
    assert of_touched.sum() < 0.1 * weights[:, 0].sum() + 1e-9
    predicted = stream.predict(arm.regressor[:3])
    np.testing.assert_allclose(predicted, arm.regressor[:3] @ stream.parameters)


def test_a_friction_fit_without_a_touched_stretch_is_that_of_the_other_rows(recording, model):
    rng = np.random.default_rng(0)
    tau_rbd = model.rnea(recording.q, recording.v, np.gradient(recording.v, recording.t, axis=0))
    effort = tau_rbd + 0.5 * recording.v + rng.normal(size=tau_rbd.shape) * 0.02
    on = (recording.t > 5.0) & (recording.t < 9.0)
    effort[on] += 8.0
    features = friction_features(tau_rbd, recording.v)
    each = JointwiseProblem([features[:, j] for j in range(2)], [np.full(4, 1e-12)] * 2, effort)
    weights = robust_fit(each, recording.t).weights
    inner = (recording.t > 5.1) & (recording.t < 8.9)
    assert weights[inner].max() == 0.0 and weights[~on].mean() > 0.6
    known = friction_fit(tau_rbd[~on], recording.v[~on], effort[~on])
    np.testing.assert_allclose(
        friction_fit(tau_rbd, recording.v, effort, weights), known, atol=5e-3
    )
    np.testing.assert_allclose(np.stack(each.parameters(weights)), known, atol=5e-3)


def test_efforts_that_are_explained_exactly_or_never_change_divide_nothing_by_zero():
    t = np.arange(200) / 100.0
    x = np.column_stack([np.sin(t), np.ones(200)])
    tau = np.column_stack([2.0 * np.sin(t) + 1.0, np.full(200, 3.0), np.zeros(200)])
    each = JointwiseProblem([x] * 3, [np.zeros(2)] * 3, tau)
    with np.errstate(all="raise", under="ignore"):
        fit = robust_fit(each, t)
    assert (fit.scale > 0.0).all() and np.isfinite(fit.weights).all()
    found = np.stack(each.parameters(fit.weights))
    np.testing.assert_allclose(found, [[2.0, 1.0], [0.0, 3.0], [0.0, 0.0]], atol=1e-9)


@pytest.mark.parametrize("count", [1, 2, 5, 40])
def test_few_rows_are_fitted_all_the_same(count):
    t = np.arange(count) / 100.0
    rng = np.random.default_rng(0)
    each = JointwiseProblem(
        [np.ones((count, 1))] * 2, [np.zeros(1)] * 2, rng.normal(size=(count, 2))
    )
    fit = robust_fit(each, t)
    assert fit.weights.shape == (count, 2) and np.isfinite(fit.residual).all()


def test_bad_input_is_rejected():
    for wrong in ({"loss": "square"}, {"half": -1.0}, {"starts": 0}, {"trusted": 1.0}):
        with pytest.raises(ConfigError):
            RobustConfig(**wrong)
    with pytest.raises(ConfigError, match="lag"):
        RobustRecursiveLeastSquares(2, noise=1.0, lag=0.0)
    t, rows, tau = np.arange(5.0), np.ones((5, 3, 2)), np.ones((5, 3))
    stream = RobustRecursiveLeastSquares(2, noise=1.0, start=[1.0, 2.0])
    with pytest.raises(DataError, match="must be"):
        stream.update(t, rows, tau[:4])
    with pytest.raises(DataError, match="not finite"):
        stream.update(t, rows, tau * np.nan)
    with pytest.raises(DataError, match="must rise"):
        stream.update(t[::-1], rows, tau)
    assert stream.parameters.tolist() == [1.0, 2.0]
    with pytest.raises(DataError, match="do not fit"):
        JointProblem(rows, tau[:4], unit=np.ones(3), known=ridge_information(1.0, np.ones(2)))


@pytest.mark.parametrize("seed", range(3))
def test_a_floor_keeps_the_fit_of_a_first_moment_from_being_taken_for_exact(seed):
    """An arm moves smoothly: a few of its rows are fitted without error, and none later agrees."""
    rng = np.random.default_rng(seed)
    t, truth = np.arange(600) * 0.05, rng.normal(size=8)
    phase = 0.6 * np.pi * rng.random((2, 8)) * t[:, None, None] + 6.0 * rng.random((2, 8))
    regressor = np.sin(phase)
    no_column = 0.1 * np.sin(0.4 * np.pi * t[:, None] + np.array([0.0, 1.0]))
    tau = regressor @ truth + no_column
    errors = []
    for floor in (0.0, 0.05):
        stream = RobustRecursiveLeastSquares(8, noise=0.1, ridge=1e-2, floor=floor)
        for first in range(0, 600, 10):
            rows = slice(first, first + 10)
            stream.update(t[rows], regressor[rows], tau[rows])
        errors.append(np.abs(stream.parameters - truth).max())
    assert errors[1] < 0.15
    assert errors[0] > 5.0 * errors[1]
    assert (stream.scale >= 0.05).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("share", "lifts"),
    [(0.0, False), (0.1, False), (0.3, True), (0.6, False), (0.6, True), (0.7, True)],
)
def test_the_table_of_docs_identify(touched_arm, share, lifts):
    """`pytest -m slow -s -k table_of_docs` prints its numbers: batch of 8, streams of 6."""
    batch, streams = [], []
    for seed in range(8):
        arm = touched_arm(share, seed, lifts)
        known = known_contacts(arm) if share else plain(arm)
        found = robust_fit(problem(arm), arm.t[:LEARNED])
        batch.append(arm.error(problem(arm).parameters(found.weights)) / known)
        if seed < 6:
            streams.append(arm.error(streamed(arm).parameters) / known)
    for ratios in (batch, streams):
        print(f"{share} {lifts} {np.exp(np.mean(np.log(ratios))):.2f} worst {max(ratios):.2f}")
    if share > 0.6:  # some take the hand for the arm
        assert np.median(batch) < 1.3
        return
    assert np.exp(np.mean(np.log(batch))) < (1.1 if share else 1.02)
    assert np.median(streams) < (1.1 if share else 1.02)
