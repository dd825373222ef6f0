# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Fits find the gains and the friction that an arm was given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml3_ros.data.presliding import hysteresis
from ml3_ros.errors import DataError
from ml3_ros.identification.fits import (
    Explained,
    classical,
    extended,
    linear_regressor,
    rigid_body,
    training_masks,
)
from ml3_ros.identification.models.friction_columns import smooth_sign, stillness
from ml3_ros.identification.models.ridge_fit import left_out_errors, ridge_predict, ridge_weights
from ml3_ros.identification.models.scores import nmse
from ml3_ros.identification.networks.train import left_out

TRUE = np.array([[1.0, 0.8, 1.5, 0.3], [2.5, 0.4, 0.9, -0.2]])  # as in conftest


def heldout(fit, rows):
    return nmse(fit.predicted[-1][rows.held_out], rows.tau[rows.held_out])


def test_the_classical_fit_recovers_friction_and_gains(data, rows):
    fit = classical(data)
    np.testing.assert_allclose(fit.coefficients, TRUE, atol=0.03)
    assert heldout(fit, rows).max() < 1e-3
    assert heldout(rigid_body(data), rows).min() > 0.02


def test_the_regressor_finds_a_payload_that_the_model_lacks(recording, rows, data, model):
    """Twice the last link's mass: no gain explains that of the shoulder, other parameters do."""
    extra = data.regressor[:, :, 10] * 1.5  # the mass of the second link
    heavy = replace(rows, tau=rows.tau + TRUE[:, 0] * extra)
    changed = Explained(heavy, data.tau_rbd, data.regressor)
    assert (
        heldout(linear_regressor(changed), heavy)[0] < 0.3 * heldout(classical(changed), heavy)[0]
    )


def test_a_regressor_that_misleads_in_one_group_is_left_out(rows, data):
    """The payload is there in two inner groups of three, and a smaller one in the third."""
    extra = data.regressor[:, :, 10] * 1.5 * np.where(rows.group == 2, 0.4, 1.0)[:, None]
    other = replace(rows, tau=rows.tau + TRUE[:, 0] * extra)
    fit = linear_regressor(Explained(other, data.tau_rbd, data.regressor))
    assert fit.choices[0]["regressor_penalty"] is None


def test_the_extended_fit_finds_how_an_effort_was_smoothed_and_that_a_joint_sticks(data, rows):
    smoothed = TRUE[:, 2] * (
        smooth_sign(rows.v, rows.a, speed=0.03, smoothing=0.1) - np.sign(rows.v)
    )
    stuck = 2.0 * rows.strain[:, :, 3] * stillness(rows.v, rows.a, speed=0.1, smoothing=0.1)
    other = replace(rows, tau=rows.tau + smoothed + stuck)
    changed = Explained(other, data.tau_rbd, data.regressor)
    fit = extended(changed)
    assert [choice["smoothing"] for choice in fit.choices] == [0.1, 0.1]
    assert [choice["displacement"] for choice in fit.choices] == [0.03, 0.03]
    assert (heldout(fit, other) < 0.2 * heldout(classical(changed), other)).all()


def test_nothing_is_fitted_to_or_chosen_by_held_out_rows(data, rows):
    spoilt = rows.tau + 50.0 * rows.held_out[:, None]
    changed = Explained(replace(rows, tau=spoilt), data.tau_rbd, data.regressor)
    for method in (classical, linear_regressor, extended):
        before, after = method(data), method(changed)
        np.testing.assert_array_equal(after.predicted, before.predicted)
        assert after.choices == before.choices


def test_left_out_predictions_come_from_fits_that_did_not_see_the_group(data, rows):
    masks = training_masks(rows)
    assert len(masks) == 4 and not any(mask[rows.held_out].any() for mask in masks)
    spoilt = rows.tau + 50.0 * (rows.group == 1)[:, None]
    changed = Explained(replace(rows, tau=spoilt), data.tau_rbd, data.regressor)
    group = rows.group[~rows.held_out]
    before, after = (left_out(classical(x), rows) for x in (data, changed))
    np.testing.assert_array_equal(before[group == 1], after[group == 1])
    assert not np.allclose(before[group == 0], after[group == 0])


def test_strain_follows_the_direction_and_stays_where_a_joint_rests():
    q = np.array([0.0, 0.05, 0.10, 0.10, 0.09, 0.0])[:, None]
    z = hysteresis(q, np.array([0.02, 1.0]))[:, 0]
    np.testing.assert_allclose(z[:, 0], [0.0, 1.0, 1.0, 1.0, 0.5, -1.0])
    np.testing.assert_allclose(z[:, 1], [0.0, 0.05, 0.1, 0.1, 0.09, 0.0], atol=1e-12)
    with pytest.raises(DataError, match="displacements > 0"):
        hysteresis(q, np.array([0.0]))


def test_the_smooth_sign_is_the_sign_averaged_over_time():
    """Of a joint that turns round steadily; a logistic window averages sign to tanh."""
    a, smoothing = -2.0, 0.1
    v = np.linspace(-0.6, 0.6, 25)
    u = (np.arange(200_000) + 0.5) / 200_000
    times = 0.5 * smoothing * np.log(u / (1.0 - u))
    averaged = [np.sign(x + a * times).mean() for x in v]
    got = smooth_sign(v, np.full_like(v, a), speed=1e-6, smoothing=smoothing)
    np.testing.assert_allclose(got, averaged, atol=1e-3)
    np.testing.assert_array_equal(smooth_sign(v, v, speed=0.0, smoothing=0.0), np.sign(v))
    assert stillness(np.zeros(1), np.zeros(1), speed=0.1, smoothing=0.1)[0] == 1.0


def test_ridge_leaves_the_offset_free_and_evaluates_groups_by_the_others():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2)) * [1.0, 100.0]
    x = np.column_stack([x, np.ones(300)])  # a column that never varies
    y = 5.0 + x[:, 0] + 0.01 * x[:, 1]
    exact = ridge_weights(x, y, 0.0)
    np.testing.assert_allclose(exact, [1.0, 0.01, 0.0, 5.0], atol=1e-9)
    shrunk = ridge_weights(x, y, [1e9, 0.0, 0.0])
    assert abs(shrunk[0]) < 1e-6 and shrunk[1] == pytest.approx(0.01, rel=0.2)
    np.testing.assert_allclose(ridge_predict(ridge_weights(x, y, 1e12), x), y.mean(), atol=1e-6)
    groups = np.repeat([0, 1], 150)
    y[groups == 1] += 10.0  # what group 0 knows does not help group 1
    assert (left_out_errors(x, y, groups, 1e-6) > 50.0 * 150).all()
    with pytest.raises(DataError, match="do not fit"):
        ridge_weights(x, y[:10], 0.0)
