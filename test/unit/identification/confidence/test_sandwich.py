# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Intervals hold the truth as often as they say, although neighbouring errors are alike."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from ml3_ros.errors import DataError
from ml3_ros.identification.confidence.sandwich import clustered_fit

BLOCKS, LENGTH, RECORDINGS = 12, 100, 200


def columns_of(rng):
    """Velocity, direction and one of a joint that moves as three random sines, at 50 Hz."""
    t = np.arange(BLOCKS * LENGTH) / 50.0
    v = sum(
        rng.uniform(0.3, 1.0) * np.sin(2.0 * np.pi * rng.uniform(0.1, 0.8) * t + rng.uniform(0, 6))
        for _ in range(3)
    )
    return np.stack([v, np.sign(v), np.ones_like(v)], axis=1)


def coloured(rng, length, memory=0.95):
    """Errors that a sample shares with its neighbours."""
    return lfilter([1.0], [1.0, -memory], rng.normal(size=length + 500))[500:]


def test_nine_of_ten_intervals_hold_the_truth():
    rng = np.random.default_rng(0)
    blocks = np.repeat(np.arange(BLOCKS), LENGTH)
    held, naive = [], []
    for _ in range(RECORDINGS):
        x, truth = columns_of(rng), rng.normal(size=3)
        y = x @ truth + coloured(rng, len(x))
        fit = clustered_fit(x, y, blocks)
        low, high = fit.interval(0.9).T
        held.append((low <= truth) & (truth <= high))
        left = y - x @ fit.value
        error = np.sqrt(np.diag(np.linalg.inv(x.T @ x)) * left.var())
        naive.append(np.abs(fit.value - truth) <= 1.645 * error)
    assert 0.85 <= np.mean(held) <= 0.95
    assert (np.mean(held, axis=0) > 0.82).all() and (np.mean(held, axis=0) < 0.97).all()
    assert np.mean(naive) < 0.6  # what intervals are without the blocks


def test_independent_errors_give_the_usual_standard_error():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(4000, 2)) * [1.0, 100.0]
    errors = []
    for _ in range(20):
        y = x @ [2.0, 0.03] + 0.5 * rng.normal(size=len(x))
        fit = clustered_fit(x, y, np.repeat(np.arange(40), 100))
        errors.append(fit.error)
    expected = 0.5 / np.sqrt(4000) / np.array([1.0, 100.0])
    np.testing.assert_allclose(np.mean(errors, axis=0), expected, rtol=0.1)
    assert (fit.freedom > 30.0).all() and (fit.freedom <= 40.0).all()


def test_weights_leave_out_rows():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(400, 2))
    y = x @ [1.0, -1.0] + 0.1 * rng.normal(size=400)
    touched = np.arange(400) % 5 == 0
    blocks = np.repeat(np.arange(10), 40)
    fit = clustered_fit(x, y + 9.0 * touched, blocks, weights=1.0 - touched)
    alone = clustered_fit(x[~touched], y[~touched], blocks[~touched])
    np.testing.assert_allclose(fit.interval(), alone.interval())


def test_what_rows_do_not_determine_has_an_infinite_interval():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(300, 3))
    x[:, 1] = 2.0 * x[:, 0]  # two that only show together
    fit = clustered_fit(x, x[:, 2] + 0.1 * rng.normal(size=300), np.repeat(np.arange(6), 50))
    assert np.isinf(fit.error[:2]).all() and np.isfinite(fit.error[2])
    assert (fit.interval()[0] == [-np.inf, np.inf]).all()
    x[:, 1] = 0.0
    assert np.isinf(clustered_fit(x, x[:, 2], np.repeat(np.arange(6), 50)).error[1])


def test_a_prior_holds_what_rows_do_not_determine():
    rng = np.random.default_rng(4)
    x = np.stack([rng.normal(size=300), np.zeros(300)], axis=1)
    y = x[:, 0] + 0.1 * rng.normal(size=300)
    fit = clustered_fit(x, y, np.repeat(np.arange(6), 50), prior=np.array([10.0, 7.0]))
    assert fit.value[1] == 0.0 and fit.error[1] == pytest.approx(7.0)
    assert fit.error[0] < 0.02


def test_what_one_block_alone_shows_has_no_interval():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(500, 2))
    x[100:, 1] = 0.0
    blocks = np.repeat(np.arange(5), 100)
    fit = clustered_fit(x, x @ [1.0, 1.0] + rng.normal(size=500), blocks)
    assert np.isinf(fit.error[1]) and np.isfinite(fit.error[0])


@pytest.mark.parametrize(
    ("blocks", "sentence"),
    [(np.zeros(20, dtype=int), "1 blocks of time are too few"), (np.arange(19), "do not fit")],
)
def test_too_few_blocks_and_wrong_shapes_are_rejected(blocks, sentence):
    with pytest.raises(DataError, match=sentence):
        clustered_fit(np.ones((20, 1)), np.ones(20), blocks)
