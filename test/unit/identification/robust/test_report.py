# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A touched recording says so: in the findings, the figures, the metrics and the page."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ml3_ros.identification.robust.contact_check import stretches
from ml3_ros.identification.run import IdentifyConfig, heldout_nmse, identify
from ml3_ros.reports.identification.figures import effort_figure
from ml3_ros.reports.identification.output import save_identification


@pytest.fixture(scope="module")
def result(recording, model, tiny):
    """Someone pushes while a held-out block is recorded, and while a learnable one is."""
    push = np.zeros_like(recording.tau)
    for start, end in ((6.6, 7.4), (9.0, 11.0), (14.7, 15.4)):
        push[(recording.t > start) & (recording.t < end)] = [9.0, 6.0]
    config = IdentifyConfig(bag="my_bag", urdf="pendulum.urdf", networks=tiny)
    touched = replace(recording, tau=recording.tau + push)
    return identify(config, touched, model, lambda text: None)


def test_the_score_is_that_of_untouched_rows_and_the_other_is_kept(result):
    rows = result.rows
    scored = rows.held_out & rows.untouched
    assert 0 < scored.sum() < rows.held_out.sum()
    for name, predicted in result.predicted.items():
        np.testing.assert_array_equal(result.heldout[name], heldout_nmse(predicted, rows, scored))
        np.testing.assert_array_equal(
            result.heldout_touched[name], heldout_nmse(predicted, rows, rows.held_out)
        )
    assert result.heldout["classical_fit"].max() < 2e-3
    assert result.heldout_touched["classical_fit"].max() > 0.01
    (finding,) = [f for f in result.findings if f.topic == "contact"]
    left_out = int(rows.held_out.sum() - scored.sum())
    assert f"{left_out} of {int(rows.held_out.sum())} held-out rows are left out" in finding.text


def test_networks_learn_from_untouched_rows(result):
    """One that had learned the hand would leave more than the fit beneath it."""
    for name in ("residual_adam", "hybrid_adam", "hybrid_ml3"):
        base = "classical_fit" if name == "residual_adam" else "extended_fit"
        assert (result.heldout[name] <= 1.1 * result.heldout[base] + 1e-6).all()


def test_metrics_figures_and_page_show_the_contacts(result, tmp_path):
    save_identification(result, tmp_path)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    rows = result.rows
    assert metrics["config"]["touched_samples"] == int((~rows.untouched).sum())
    assert metrics["config"]["scored_samples"] == int(rows.scored.sum())
    named = metrics["config"]["contacts"]
    assert [c["start"] for c in named] == [s.start for s in stretches(rows)]
    headline = metrics["headline"]
    with_touched = headline["classical_fit_heldout_nmse_with_touched"]
    assert with_touched > 5.0 * headline["classical_fit_heldout_nmse"]
    assert (tmp_path / "contacts.png").stat().st_size
    page = (tmp_path / "report.html").read_text()
    assert "held-out samples in which something touched the arm" in page
    assert page.count("data:image/png;base64,") == 4
    shaded = [patch for axes in effort_figure(result).axes for patch in axes.patches]
    assert len(shaded) >= 2  # in both joints' panels


def test_an_untouched_recording_has_no_second_score(recording, model, tiny):
    config = IdentifyConfig(bag="my_bag", urdf="pendulum.urdf", networks=tiny)
    clean = identify(config, recording, model, lambda text: None)
    assert clean.heldout_touched == {} and clean.rows.touched is None
    assert [f.fine for f in clean.findings if f.topic == "contact"] == [True]
