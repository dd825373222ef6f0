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

NAMES, UNITS = ("arm_shoulder", "arm_elbow"), ("rad", "rad")
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
    save_laps(tmp_path, NAMES, LAPS, UNITS)
    assert load_laps(tmp_path) == (NAMES, LAPS, UNITS)


def test_a_damaged_file_is_rejected(tmp_path):
    with pytest.raises(DataError, match="run it again"):
        load_laps(tmp_path)
    save_laps(tmp_path, NAMES, LAPS, UNITS)
    good = json.loads((tmp_path / FILE).read_text())
    for wrong in (
        "{",
        json.dumps({}),
        json.dumps(good | {"joint_names": ["a"]}),
        json.dumps(good | {"units": ["rad", "deg"]}),
    ):
        (tmp_path / FILE).write_text(wrong)
        with pytest.raises(DataError, match="damaged"):
            load_laps(tmp_path)


def test_the_report_holds_each_feedforward():
    metrics = laps_metrics(NAMES, LAPS, UNITS)
    assert metrics["ml3_shaped"]["updates"] == [40, 120]
    assert metrics["ml3_shaped"]["per_seed"] == [[pytest.approx(0.03), np.inf]]
    assert metrics["feedback_only"]["last_lap"] == {"arm_shoulder": 0.2, "arm_elbow": 0.1}
    table = laps_table(NAMES, LAPS, UNITS)
    assert re.search(r"feedback only +2 +18 s +80 +150 +200 +100", table)
    assert re.search(r"ML3, shaped +3 +24 s +120 +∞ +10 +∞", table)
    left, right = laps_figure(NAMES, LAPS, UNITS).axes
    drawn = {line.get_label(): line for line in left.get_lines()}
    np.testing.assert_allclose(drawn["feedback only"].get_ydata(), [150.0, 150.0])
    assert np.isnan(drawn["ML3, shaped"].get_ydata()[-1])
    assert len(right.patches) == 4


def test_a_lap_in_which_the_arm_was_lost_has_no_bars_and_hides_none():
    lost = Lap(feedforward="ml3_shaped", ended=30.0, update=160, rms=(np.inf, np.inf))
    _, right = laps_figure(NAMES, [*LAPS[:3], lost], UNITS).axes
    heights = [patch.get_height() for patch in right.patches]
    np.testing.assert_allclose(heights, [20.0, 40.0, 200.0, 100.0])


def test_files_from_before_there_were_units_are_of_joints_that_turn(tmp_path):
    save_laps(tmp_path, NAMES, LAPS, ("rad", "m"))
    assert load_laps(tmp_path)[2] == ("rad", "m")
    content = json.loads((tmp_path / FILE).read_text())
    del content["units"]
    (tmp_path / FILE).write_text(json.dumps(content))
    assert load_laps(tmp_path)[2] == UNITS


@pytest.mark.parametrize(
    ("units", "unit"),
    [
        (("rad", "rad"), "[mrad]"),
        (("m", "m"), "[mm]"),
        (("rad", "m"), "[mrad, mm of elbow]"),
    ],
)
def test_errors_of_joints_that_slide_are_in_millimetres(units, unit):
    assert unit in laps_table(NAMES, LAPS, units)
    left, right = laps_figure(NAMES, LAPS, units).axes
    assert unit in left.get_ylabel() and unit in right.get_title(loc="left")
    assert laps_metrics(NAMES, LAPS, units)["ml3_shaped"]["units"] == list(units)
