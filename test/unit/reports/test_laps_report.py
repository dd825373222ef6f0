# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Laps on disk, in the table, in metrics.json and in the figure."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from ml3_ros.data.laps_file import FILE, Lap, load_laps, save_laps
from ml3_ros.errors import DataError
from ml3_ros.reports.online.laps import laps_figure, laps_metrics, laps_table

NAMES = ("arm_shoulder", "arm_elbow")
LAPS = [
    Lap(feedforward=name, ended=6.0 * (i + 1), update=40 * i, rms=rms)
    for i, (name, rms) in enumerate(
        [
            ("feedback_only", (0.2, 0.1)),
            ("ml3_shaped", (0.02, 0.04)),
            ("feedback_only", (0.2, 0.1)),
            ("ml3_shaped", (0.01, np.inf)),
        ]
    )
]


def test_laps_survive_the_way_to_disk_and_back(tmp_path):
    save_laps(tmp_path, NAMES, LAPS)
    assert load_laps(tmp_path) == (NAMES, LAPS)


def test_a_damaged_file_is_rejected(tmp_path):
    with pytest.raises(DataError, match="run it again"):
        load_laps(tmp_path)
    save_laps(tmp_path, NAMES, LAPS)
    good = json.loads((tmp_path / FILE).read_text())
    for wrong in ("{", json.dumps({}), json.dumps(good | {"joint_names": ["a"]})):
        (tmp_path / FILE).write_text(wrong)
        with pytest.raises(DataError, match="damaged"):
            load_laps(tmp_path)


def test_the_report_holds_each_feedforward():
    metrics = laps_metrics(NAMES, LAPS)
    assert metrics["ml3_shaped"]["updates"] == [40, 120]
    assert metrics["ml3_shaped"]["per_seed"] == [[pytest.approx(0.03), np.inf]]
    assert metrics["feedback_only"]["last_lap"] == {"arm_shoulder": 0.2, "arm_elbow": 0.1}
    table = laps_table(NAMES, LAPS)
    assert re.search(r"feedback only +2 +18 s +80 +150 +200 +100", table)
    assert re.search(r"ML3, shaped +3 +24 s +120 +∞ +10 +∞", table)
    left, right = laps_figure(NAMES, LAPS).axes
    drawn = {line.get_label(): line for line in left.get_lines()}
    np.testing.assert_allclose(drawn["feedback only"].get_ydata(), [150.0, 150.0])
    assert np.isnan(drawn["ML3, shaped"].get_ydata()[-1])
    assert len(right.patches) == 4


def test_a_lap_in_which_the_arm_was_lost_has_no_bars_and_hides_none():
    lost = Lap(feedforward="ml3_shaped", ended=30.0, update=160, rms=(np.inf, np.inf))
    _, right = laps_figure(NAMES, [*LAPS[:3], lost]).axes
    heights = [patch.get_height() for patch in right.patches]
    np.testing.assert_allclose(heights, [20.0, 40.0, 200.0, 100.0])
