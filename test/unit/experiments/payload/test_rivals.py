# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Rivals do what they are called: against closed forms, and on streams whose body is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ml3_ros.experiments.payload.recursive import kalman, variable_forgetting
from ml3_ros.experiments.payload.rivals import (
    RIVALS,
    all_known,
    consistent,
    detected,
    forgetting,
    forgetting_robust,
    hand_made,
    least_squares,
    sliding,
    sliding_robust,
)
from ml3_ros.identification.physical.inertia import pseudo_inertia
from ml3_ros.learners.inverse_dynamics.bodies import BODY_SIZES


def error(found, body):
    return float((found - body).abs().max())


def test_least_squares_is_that_of_numpy(stream):
    window = stream(300)
    found = least_squares(window, 50.0)
    for columns, residual, own in zip(window.columns, window.residual, found, strict=True):
        rows = np.vstack([columns.flatten(0, 1).double().numpy(), np.sqrt(50.0) * np.eye(10)])
        aim = np.concatenate([residual.flatten().double().numpy(), np.zeros(10)])
        expected = np.linalg.lstsq(rows, aim, rcond=None)[0]
        np.testing.assert_allclose(own.numpy(), expected, atol=2e-3)


def test_a_filter_without_drift_is_least_squares_with_a_ridge(stream):
    window = stream(300)
    expected = least_squares(window, 1.0 / 0.3)
    torch.testing.assert_close(kalman(window, 0.3, 0.0), expected, atol=2e-3, rtol=1e-3)
    unforgetting = variable_forgetting(window, 0.3, 1e12)
    torch.testing.assert_close(unforgetting, expected, atol=2e-3, rtol=1e-3)


def test_what_forgets_follows_a_change_and_least_squares_lags(stream, body):
    window = stream(60)
    assert error(least_squares(window, 1.0), body) > 0.5
    for found in (
        kalman(window, 1.0, 0.1),
        variable_forgetting(window, 1.0, 1000.0),
        forgetting(window, 0.5, 1.0),
        sliding(window, 2.0, 1.0),
    ):
        assert error(found, body) < 0.2


def test_four_parameters_leave_the_inertia(stream, body):
    found = RIVALS["four_parameters"].fit(stream(300), seconds=8.0, pull=1.0)
    assert found[:, 4:].abs().max() < 1e-3 and error(found[:, :4], body[:4]) < 0.15


@pytest.mark.parametrize("weights", ["huber", "biweight"])
def test_robust_fits_do_not_learn_the_hands(stream, body, weights):
    window = stream(300, pushed=True)
    plain = error(sliding(window, 12.0, 1.0), body)
    assert error(sliding_robust(window, 12.0, 1.0, 3.0, weights), body) < 0.5 * plain
    plain = error(forgetting(window, 4.0, 1.0), body)
    assert error(forgetting_robust(window, 4.0, 1.0, 3.0, weights), body) < 0.5 * plain
    plain = error(kalman(window, 1.0, 1e-4), body)
    assert error(kalman(window, 1.0, 1e-4, 1.0), body) < 0.5 * plain


def test_a_change_is_detected_among_hands_and_none_where_there_is_none(stream, body):
    assert error(detected(stream(100, pushed=True), 4.0, 300.0, 1.0), body) < 0.15
    assert not detected(stream(0, pushed=True), 4.0, 300.0, 1.0).any()
    assert detected(stream(0), 4.0, 1e-6, 1.0).abs().max() < 0.3  # it costs nothing: noise pays


def test_the_rule_of_the_package_takes_on_what_explains_nearly_all(stream, body):
    found = hand_made(stream(100), 1.5, 9.0, 0.3)
    assert error(found[:, :4], body[:4]) < 0.5 and not found[:, 4:].any()
    assert not hand_made(stream(0), 1.5, 9.0, 0.3).any()


def test_a_consistent_fit_is_a_body_that_can_exist(stream):
    for since in (300, 0):
        found = consistent(stream(since), 4.0, 10.0, 1.0)
        links = found.double().numpy() * BODY_SIZES
        assert (np.linalg.eigvalsh(pseudo_inertia(links)) > 0.0).all()
    assert found[:, 0].abs().max() < 0.2  # of nothing it is next to nothing


def test_the_bound_sees_neither_hands_nor_what_was_before(stream, body):
    assert error(all_known(stream(100, pushed=True), 1.0), body) < 0.1
    assert not all_known(stream(0), 1.0).abs().gt(1e-4).any()


def test_every_rival_finds_bodies_with_the_middle_of_its_grids(stream):
    window = stream(150, pushed=True)
    for name, rival in RIVALS.items():
        numbers = {key: grid[len(grid) // 2] for key, grid in rival.grids.items()}
        found = rival.fit(window, **numbers)
        assert found.shape == (3, 10) and found.isfinite().all(), name
