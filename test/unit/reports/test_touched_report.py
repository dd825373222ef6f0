# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A touched run: errors count against the arm's own torque, periods end where the load changes."""

from __future__ import annotations

import os

import numpy as np
import pytest

from ml3_ros.data.run_files import Predictions, RunFolder
from ml3_ros.reports.figures import save_figure
from ml3_ros.reports.online.report import build_report
from ml3_ros.reports.online.touch_figure import TOUCHED, touch_figure
from ml3_ros.reports.online.touched import build_touch_report, touch_metrics, touch_table
from test.unit.reports.touches import START, write_touches

OWN = np.array([3.0, 0.0])  # what the hand adds from 1 s on


@pytest.fixture
def touched(save_run, stream):
    """Folder of a run: ml3_shaped predicts the arm's own torque, adam_tuned what is measured."""
    folder = save_run(start_stamp=START)
    learned = stream.t <= stream.learn_until
    t, tau = stream.t[learned], stream.tau[learned]
    own = tau + np.where((t >= 4.0)[:, None], OWN, 0.0)
    methods = {"adam_tuned": tau, "ml3_shaped": own}
    RunFolder(folder).save_predictions(Predictions(t=t, tau=tau, methods=methods))
    write_touches(folder / "bag", seconds=9.0, start=START + 3_000_000_000)
    return folder


def test_who_predicts_the_arms_own_torque_has_no_error(touched):
    report = build_touch_report(touched, build_report(touched))
    for period in ("until it is loaded", "the next 10 s"):
        assert report.errors["ml3_shaped"][period] == pytest.approx(0.0, abs=1e-9)
    assert report.errors["adam_tuned"]["until it is loaded"] == pytest.approx(0.0, abs=1e-9)
    own = report.run.tau + np.where((report.run.t >= 1.0)[:, None], OWN, 0.0)
    expected = (OWN**2 / own.var(axis=0)).mean()
    assert report.errors["adam_tuned"]["the next 10 s"] == pytest.approx(expected, rel=1e-6)
    assert report.running["ml3_shaped"].max() < 1e-9 < report.running["adam_tuned"].max()


def test_loads_and_what_was_told_are_on_the_clock_of_the_report(touched):
    report = build_touch_report(touched, build_report(touched))
    assert report.loads == ((1.0, 2.5),)
    assert report.told_t[0] == 0.0
    assert report.told_t[report.touched[:, 0]][0] == pytest.approx(1.0)
    assert report.error_of_told == pytest.approx(0.375)  # 0.5 and 0.25 N m
    assert touch_metrics(report)["told_rms_error"] == pytest.approx(0.375)


def test_table_and_figure_show_every_method(touched):
    report = build_touch_report(touched, build_report(touched))
    text = touch_table(report)
    assert "own torque" in text and "the next 10 s" in text and "0.375 N m" in text
    figure = touch_figure(report)
    texts = {text.get_text().strip() for text in figure.axes[0].texts}
    assert {"payload 2.5 kg", "ML3, shaped", "Adam, tuned"} <= texts
    for path in save_figure(figure, touched, TOUCHED):
        assert path.stat().st_size > 10_000


def test_without_truth_the_measured_torque_stands_in(touched):
    for file in (touched / "bag").iterdir():
        file.unlink()
    (touched / "bag").rmdir()
    write_touches(touched / "bag", seconds=9.0, start=START + 3_000_000_000, simulated=False)
    report = build_touch_report(touched, build_report(touched))
    assert report.truth is None and report.error_of_told is None
    assert report.errors["adam_tuned"]["while learning"] == 0.0
    assert "own torque" not in touch_table(report)
    touch_figure(report)


def test_the_newest_bag_counts_and_one_of_another_time_does_not(touched):
    write_touches(touched / "bag_1", seconds=2.0, start=START - 500_000_000_000)
    newer = (touched / "bag").stat().st_mtime + 10.0
    os.utime(touched / "bag_1", (newer, newer))
    assert build_touch_report(touched, build_report(touched)) is None


def test_a_run_that_recorded_nothing_has_no_such_report(save_run):
    folder = save_run(start_stamp=START)
    assert build_touch_report(folder, build_report(folder)) is None
