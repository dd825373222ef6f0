# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The contact check finds what touched the arm, and nothing where nothing did."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml3_ros.identification.fits import Explained, classical, extended, linear_regressor
from ml3_ros.identification.models.ridge_fit import left_out_errors, ridge_weights
from ml3_ros.identification.models.scores import nmse
from ml3_ros.identification.robust.contact_check import stretches, without_contacts
from ml3_ros.identification.robust.contacts import WIDTHS, search
from ml3_ros.identification.robust.irls import RobustConfig
from ml3_ros.identification.robust.weights import silent
from ml3_ros.identification.split import SplitConfig, block_rows

CONFIG = RobustConfig()


def explained(recording, model, fold=None):
    return Explained.by(model, block_rows(recording, SplitConfig(fold=fold)))


def touched(recording, model, push):
    return explained(replace(recording, tau=recording.tau + push), model)


@pytest.mark.parametrize("fold", [0, 3])
def test_nothing_is_found_where_nothing_touched_the_arm(recording, model, fold):
    """Fits are then those of least squares, not nearly, but exactly."""
    data = explained(recording, model, fold)
    found, finding = without_contacts(data, CONFIG)
    assert found is data and found.counts is None and found.rows.touched is None
    assert finding.fine and "nothing touched" in finding.text
    assert stretches(found.rows) == []


def test_friction_that_no_column_has_is_not_taken_for_a_hand(recording, model):
    """Stribeck, an uneven gear, and a spring: what real arms have, the whole time."""
    q, v = recording.q, recording.v
    other = 1.0 * np.exp(-np.square(v / 0.1)) * np.sign(v) + 0.3 * np.sin(40.0 * q) + 0.4 * q
    finding = without_contacts(touched(recording, model, other), CONFIG)[1]
    assert finding.fine, finding.text


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_bursts_are_marked_named_and_do_not_move_the_fits(recording, model, touch, share):
    push, on = touch(share, seed=3)
    data = touched(recording, model, push)
    found, finding = without_contacts(data, CONFIG)
    rows = found.rows
    at = np.searchsorted(recording.t, rows.t - 1e-9)
    strong = (np.abs(push[at]) > 0.5).any(axis=1)
    assert (~rows.untouched)[strong].mean() > 0.9
    assert (~rows.untouched)[~on[at]].mean() < 0.1
    assert not finding.fine
    percent = 100.0 * (~rows.untouched).mean()
    assert f"touched {percent:.0f} % of the time: from " in finding.text
    named = [(s.start <= recording.t) & (recording.t <= s.end) for s in stretches(rows)]
    assert all(inside.any() for inside in named) and on[np.any(named, axis=0)].mean() > 0.8

    free = explained(recording, model).rows
    known = replace(data, counts=np.repeat(1.0 * ~on[at][None, :, None], 4, 0).repeat(2, 2))
    out = free.held_out
    for fit in (classical, linear_regressor):
        of_known, of_found, of_all = (
            nmse(fit(x).predicted[-1][out], free.tau[out]).mean() for x in (known, found, data)
        )
        assert of_found < 1.1 * of_known
        assert of_all > 2.0 * of_known


def test_a_touch_beyond_a_joint_loads_the_joints_before_it_and_none_after(recording, model):
    """Something that pushes on the elbow's link shows at the elbow alone: both are left out."""
    push = np.zeros_like(recording.tau)
    push[(recording.t > 8.0) & (recording.t < 10.0), 1] = 9.0
    push[(recording.t > 16.0) & (recording.t < 17.5), 0] = 9.0
    rows = without_contacts(touched(recording, model, push), CONFIG)[0].rows
    elbow = (rows.t > 8.2) & (rows.t < 9.8)
    shoulder = (rows.t > 16.2) & (rows.t < 17.3)
    assert rows.touched[elbow].all() and rows.touched[shoulder, 0].all()
    assert not rows.touched[shoulder, 1].any()
    furthest = [stretch.furthest for stretch in stretches(rows)]
    assert furthest == ["elbow", "shoulder"]


def test_a_joint_whose_effort_is_one_value_shows_no_contact(recording, model):
    """A sensor's dead band: its blips are beyond all noise, because it has none."""
    rng = np.random.default_rng(0)
    tau = recording.tau.copy()
    blips = np.repeat(rng.random(len(tau) // 30) < 0.15, 30)  # of 0.3 s
    tau[:, 1] = 0.001 * blips * rng.integers(1, 9, len(tau))
    finding = without_contacts(explained(replace(recording, tau=tau), model), CONFIG)[1]
    assert finding.fine, finding.text
    assert silent(tau).tolist() == [False, True] and silent(tau[:0]).tolist() == [False] * 2


def test_held_out_rows_move_nothing_and_touched_ones_are_not_scored(recording, model):
    data = explained(recording, model)
    first = np.flatnonzero(data.rows.held_out)[:150]  # of one block
    push = np.zeros_like(data.rows.tau)
    push[first] = 8.0
    learned = (data.rows.t > 8.5) & (data.rows.t < 10.5) & ~data.rows.held_out
    base = replace(data.rows, tau=data.rows.tau + 8.0 * learned[:, None])
    spoilt = replace(base, tau=base.tau + push)
    before, after = (
        without_contacts(Explained(rows, data.tau_rbd, data.regressor), CONFIG)[0]
        for rows in (base, spoilt)
    )
    learnt = [classical(x).coefficients for x in (before, after)]
    np.testing.assert_allclose(*learnt, rtol=1e-9)  # sums of windows are rounded otherwise
    scored = after.rows.scored
    assert not scored[first[20:-20]].any() and scored.sum() > 0.5 * data.rows.held_out.sum()
    assert not (scored & ~data.rows.held_out).any()
    assert not after.rows.learnable[learned].any()
    assert after.rows.learnable.sum() > 0.5 * len(scored)


def test_where_too_few_rows_are_untouched_all_are_scored(rows):
    all_of_it = replace(rows, touched=np.ones(rows.tau.shape, dtype=bool))
    np.testing.assert_array_equal(all_of_it.scored, rows.held_out)
    np.testing.assert_array_equal(all_of_it.learnable, ~rows.held_out)
    kept = all_of_it.subset(rows.t < 5.0)
    assert kept.touched.shape == kept.tau.shape


def test_touched_rows_choose_nothing():
    """A column that explains only what touched the arm while a group was left out."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(900, 2))
    groups = np.repeat([0, 1, 2], 300)
    hand = np.zeros(900)
    hand[250:350] = hand[550:650] = 1.0
    y = x[:, 0] + 20.0 * hand * np.sign(x[:, 1]) + 0.1 * rng.normal(size=900)
    alone, both = x[:, :1], x
    counts = 1.0 - hand
    assert (
        left_out_errors(both, y, groups, 1e-9).sum()
        < left_out_errors(alone, y, groups, 1e-9).sum() - 100.0
    )
    weighted = [left_out_errors(c, y, groups, 1e-9, counts=counts).sum() for c in (alone, both)]
    assert weighted[0] < 1.05 * weighted[1] and weighted[0] < 900 * 0.011
    np.testing.assert_allclose(
        ridge_weights(both, y, 1e-9, counts), ridge_weights(both[hand == 0], y[hand == 0], 1e-9)
    )


def test_the_extended_fit_chooses_friction_by_untouched_rows(recording, model, touch):
    push, on = touch(0.3, seed=3)
    data = touched(recording, model, push)
    found = without_contacts(data, CONFIG)[0]
    free = explained(recording, model)
    at = np.searchsorted(recording.t, free.rows.t - 1e-9)
    known = replace(data, counts=np.repeat(1.0 * ~on[at][None, :, None], 4, 0).repeat(2, 2))
    out = free.rows.held_out
    errors = [
        nmse(extended(x).predicted[-1][out], free.rows.tau[out]).mean() for x in (known, found)
    ]
    assert errors[1] < 1.15 * errors[0]


def test_the_search_is_the_same_twice_and_can_be_left_out(recording, model, touch):
    data = touched(recording, model, touch(0.3, seed=3)[0])
    first, second = (search(data, CONFIG) for _ in range(2))
    assert first.width == second.width and first.width in WIDTHS
    assert first.gain > 0.3
    np.testing.assert_array_equal(first.residual, second.residual)
    same, finding = without_contacts(data, RobustConfig(enabled=False))
    assert same is data and finding.fine and "not checked" in finding.text


def test_an_effort_that_never_changes_and_an_arm_at_rest_are_searched_too(recording, model):
    still = replace(
        recording,
        q=np.repeat(recording.q[:1], len(recording.t), axis=0),
        v=np.zeros_like(recording.v),
        tau=np.full_like(recording.tau, 2.0),
    )
    with np.errstate(divide="raise", invalid="raise"):
        assert without_contacts(explained(still, model), CONFIG)[1].fine
    noise = 0.01 * np.random.default_rng(0).normal(size=recording.tau.shape)
    noise[(recording.t > 9.0) & (recording.t < 11.0)] += 3.0  # someone leans on an arm at rest
    rows = without_contacts(explained(replace(still, tau=still.tau + noise), model), CONFIG)[
        0
    ].rows
    assert rows.touched[(rows.t > 9.2) & (rows.t < 10.8)].all()
    assert not rows.touched[(rows.t < 8.8) | (rows.t > 11.2)].any()
