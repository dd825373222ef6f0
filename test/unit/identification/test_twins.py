# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recordings that repeat their motion: a model that only remembers does not look good."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from ml3_ros.cli.main import main
from ml3_ros.identification.fits import training_masks
from ml3_ros.identification.models.friction_fit import friction_predict
from ml3_ros.identification.models.repeats import Repeats, standardised
from ml3_ros.identification.models.ridge_fit import left_out_errors, ridge_predict, ridge_weights
from ml3_ros.identification.run import IdentifyConfig, identify
from ml3_ros.identification.split import HELD_OUT, INNER, SplitConfig, block_rows
from ml3_ros.identification.twins import rows_without_repeats, without_twins
from ml3_ros.identification.verdicts import joint_verdicts
from ml3_ros.reports.identification.html import report_html
from ml3_ros.reports.identification.output import identification_metrics
from ml3_ros.reports.identification.tables import error_table

TRUE = np.array([[1.0, 0.8, 1.5, 0.3], [2.5, 0.4, 0.9, -0.2]])  # as in conftest
ONCE = Repeats()


@pytest.fixture(scope="module")
def repeated(recording, model):
    """Return the arm on a motion of `period` [s], `seconds` long: -> recording."""

    def make(period, seconds, noise=1e-3, seed=4):
        rng = np.random.default_rng(seed)
        t = np.arange(round(100.0 * seconds)) / 100.0
        k = np.arange(1, 1 + round(period))[:, None]  # up to about 1 Hz
        omega, size = 2.0 * np.pi * k / period, rng.normal(size=(len(k), 2)) * 0.6 / k**0.7
        angle = omega * t[:, None, None] + rng.uniform(0.0, 2.0 * np.pi, (len(k), 2))
        q, v = (size * np.sin(angle)).sum(1), (size * omega * np.cos(angle)).sum(1)
        a = -(size * omega**2 * np.sin(angle)).sum(1)
        tau = friction_predict(TRUE, model.rnea(q, v, a), v)
        q, v, tau = (x + noise * rng.normal(size=x.shape) for x in (q, v, tau))
        return replace(recording, t=t, q=q, v=v, tau=tau)

    return make


def remembered(rows):
    """Return the held-out NMSE of a memory: the effort of the nearest row that was learned."""
    x, out = standardised(rows.q, rows.v, rows.a), rows.held_out
    nearest = cKDTree(x[~out]).query(x[out])[1]
    error = np.mean((rows.tau[~out][nearest] - rows.tau[out]) ** 2, axis=0)
    return float(np.mean(error / rows.tau[out].var(axis=0)))


def test_a_memory_looks_good_on_repeats_and_is_called_so(repeated):
    recording = repeated(6.0, 48.0)
    assert remembered(block_rows(recording)) < 0.002
    rows, (repeats, twins) = rows_without_repeats(recording, SplitConfig())
    assert not repeats.fine and "the motion repeats every 6.00 s (shoulder, elbow)" in repeats.text
    assert "these numbers say nothing of other motion; record several diff" in repeats.text
    assert rows.on_repeats and rows.measure == "NMSE on repeats"
    assert not twins.fine and "errors are on repeats and validate no model" in twins.text
    exact = rows.tau
    (verdict,) = joint_verdicts(rows, exact, exact, exact, "hybrid")
    assert verdict.joint == "shoulder, elbow" and verdict.sentence.startswith("not tested: ")


@pytest.mark.parametrize("noise", [0.0, 0.01])
@pytest.mark.parametrize(("period", "seconds"), [(12.0, 24.0), (30.0, 60.0), (15.0, 60.0)])
def test_twins_are_left_out_and_a_memory_no_longer_looks_good(repeated, period, seconds, noise):
    recording = repeated(period, seconds, noise)
    before = block_rows(recording)
    rows, (repeats, twins) = rows_without_repeats(recording, SplitConfig())
    assert f"every {period:.1f}" in repeats.text
    assert not rows.on_repeats and rows.measure == "held-out NMSE"
    dropped = len(before.t) - len(rows.t)
    assert f"{dropped} of {(~before.held_out).sum()} rows" in twins.text
    assert 0.1 < dropped / (~before.held_out).sum() < 0.75
    assert remembered(before) < 0.1 and remembered(rows) > max(0.3, 10.0 * remembered(before))
    np.testing.assert_array_equal(rows.tau[rows.held_out], before.tau[before.held_out])
    assert set(rows.group) == {HELD_OUT, *range(INNER)}


def test_rows_between_twins_go_with_them(repeated):
    """As where noise moves every third row away from what it repeats."""
    whole = block_rows(repeated(12.0, 24.0))
    lonely = ~whole.held_out & (np.arange(len(whole.t)) % 3 == 0)
    spoilt = replace(whole, q=whole.q + lonely[:, None])
    left = [len(without_twins(spoilt, ONCE, window)[0].t) for window in (0.0, 0.25)]
    assert left[1] < left[0] - 150


def test_motion_that_never_comes_again_is_split_as_before(recording):
    before = block_rows(recording)
    rows, (repeats, twins) = rows_without_repeats(recording, SplitConfig())
    assert repeats.fine and repeats.text == "none of the motion comes again."
    assert twins.fine and not rows.on_repeats
    assert len(before.t) - len(rows.t) < 0.01 * len(before.t)
    assert remembered(rows) > 0.3
    kept = np.isin(before.t, rows.t)
    for name in ("t", "q", "v", "a", "tau", "block", "group"):
        np.testing.assert_array_equal(getattr(rows, name), getattr(before, name)[kept])


def test_every_output_states_that_it_is_on_repeats(repeated, model, tiny):
    lines = []
    config = IdentifyConfig(bag="my_bag", urdf="pendulum.urdf", networks=tiny)
    result = identify(config, repeated(6.0, 48.0), model, lines.append)
    assert any(
        line.startswith("NOTICE repeats: the motion repeats every 6.00 s") for line in lines
    )
    assert not any("held-out NMSE" in line for line in lines)
    assert error_table(result).startswith("NMSE on repeats") and "held-out" not in error_table(
        result
    )
    page = report_html(result, {})
    assert "NMSE on repeats" in page and "not tested: what is held out repeats" in page
    assert "served well" not in page and "class=best" not in page
    metrics = identification_metrics(result)
    assert metrics.config["on_repeats"]
    assert "hybrid_ml3_repeats_nmse" in metrics.headline
    assert not any("heldout" in name or "best" in name for name in metrics.headline)


def test_a_bag_that_repeats_is_reported_on_the_terminal(
    repeated, urdf, tmp_path, save_bag, capsys
):
    bag, out = save_bag(tmp_path / "bag", repeated(12.0, 30.0)), tmp_path / "out"
    small = [
        "networks.seeds=1",
        "networks.hidden=8",
        "networks.marks=5",
        "networks.adam_steps=.01",
    ]
    words = ["identify", "--bag", str(bag), "--urdf", str(urdf), "--out", str(out), *small]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "NOTICE repeats: the motion repeats every 12.0 s (shoulder, elbow): these" in printed
    metrics = json.loads((out / "metrics.json").read_text())
    assert not metrics["config"]["on_repeats"]
    left = metrics["config"]["learned_samples"]
    assert f"learning from {left} samples" in printed
    page = (out / "report.html").read_text()
    assert "the motion repeats every 12.0 s" in page and "were learned from" in page
    assert "Every joint is served well." not in page


def test_settings_are_not_chosen_on_repeats_either(repeated):
    rows, _ = rows_without_repeats(repeated(15.0, 60.0), SplitConfig())
    masks = training_masks(rows)
    x = standardised(rows.q, rows.v, rows.a)
    used = 0
    for group in range(INNER):
        out = rows.group == group
        alike = cKDTree(x[masks[group]]).query(x[out])[0] / np.sqrt(x.shape[1])
        dropped = rows.twins[:, group]
        assert not (masks[group] & dropped).any() and not dropped[out | rows.held_out].any()
        if dropped.any():
            assert alike.min() > 0.25
            used += 1
    assert used
    columns, target = np.hstack([rows.q, rows.v]), rows.tau[:, 0]
    learned = masks[-1]
    arguments = (columns[learned], target[learned], rows.group[learned], 1e-3)
    errors = left_out_errors(*arguments, rows.twins[learned])
    for group, error in enumerate(errors):
        weights = ridge_weights(columns[masks[group]], target[masks[group]], 1e-3)
        out = rows.group == group
        own = np.sum((target[out] - ridge_predict(weights, columns[out])) ** 2)
        assert error == pytest.approx(own)
    assert not np.allclose(errors, left_out_errors(*arguments))
