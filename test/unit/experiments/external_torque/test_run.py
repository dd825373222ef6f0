# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The experiment on external torques end to end, with settings so small that it takes seconds."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ml3_ros.errors import ConfigError
from ml3_ros.experiments.external_torque.config import GAINS, METHODS, ContactConfig
from ml3_ros.experiments.external_torque.output import NAME, finish
from ml3_ros.experiments.external_torque.run import FALSE_ALARMS, run_seed
from ml3_ros.experiments.page.metrics_view import MetricsView
from ml3_ros.experiments.page.page import results_page
from ml3_ros.experiments.registry import EXPERIMENTS
from ml3_ros.experiments.runner.section import load_sections

SMALL = ContactConfig(
    methods=("nominal_observer", "least_squares_observer", "known_observer"),
    seeds=1,
    n_robots=1,
    seconds=16.0,
    learn_seconds=8.0,
)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return run_seed(SMALL, 0, {}, tmp_path_factory.mktemp("scratch"))


def test_a_seed_gives_every_number_of_every_method(found):
    for name in SMALL.methods:
        assert found[f"rms/{name}"].shape == (1, len(GAINS), 7)
        assert found[f"roc/{name}"].shape == (1, len(FALSE_ALARMS))
        assert found[f"roc/{name}"][0, -1] > 0.9
        assert (np.diff(found[f"roc/{name}"][0]) >= 0.0).all()
        assert 0.0 <= found[f"lag/{name}"][0] <= 0.3
    known, nominal = (found[f"rms/{name}_observer"].mean() for name in ("known", "nominal"))
    assert known < 0.3 * nominal
    assert found["area/known_observer"][0] > found["area/nominal_observer"][0]
    assert found["lag/known_observer"][0] <= 0.05
    assert set(found["flagged/least_squares_observer"].shape) == {1, 2}


def test_equal_seeds_give_equal_numbers(found, tmp_path):
    again = run_seed(SMALL, 0, {}, tmp_path)
    for key, value in found.items():
        np.testing.assert_array_equal(again[key], value, err_msg=key)


def test_metrics_figure_and_table_are_written(found, tmp_path):
    lines = []
    paths = finish(SMALL, {0: found, 1: found}, {}, tmp_path, lines.append)
    assert [path.suffix for path in paths] == [".png", ".svg"]
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["experiment"] == NAME
    curve = metrics["methods"]["known_observer"]
    assert curve["x"] == list(GAINS)
    np.testing.assert_allclose(curve["per_seed"][1], found["rms/known_observer"].mean((0, 2)))
    headline = metrics["headline"]
    at = GAINS.index(SMALL.gain)
    rms = found["rms/known_observer"][:, at].mean()
    assert headline["known_observer/rms_Nm"] == pytest.approx(rms)
    share = rms / found["external"].mean()
    assert headline["known_observer/share"] == pytest.approx(share)
    for name in SMALL.methods:
        assert name in lines[0]


def test_its_section_is_filled_by_all_methods(found, tmp_path):
    every = dict(found)
    for key, value in found.items():
        if key.endswith("/least_squares_observer"):
            every |= {key.replace("least_squares", fit): value for fit in ("robust", "learned")}
    finish(SMALL, {0: every}, {}, tmp_path, lambda text: None)
    section, _ = load_sections("ml3_ros.experiments.external_torque")
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    page = results_page([section], {NAME: MetricsView(metrics)})
    assert section.title in page
    assert "nan" not in page.split("Contact or not")[1].split("\n\n")[0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"methods": ("ridge",)},
        {"methods": ()},
        {"gain": 41.0},
        {"learn_seconds": 60.0},
        {"seeds": 0},
        {"false_alarms": 0.0},
    ],
)
def test_settings_that_cannot_run_are_rejected(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        ContactConfig(**wrong)


def test_it_is_registered_with_every_method():
    assert EXPERIMENTS[NAME].config.methods == METHODS
