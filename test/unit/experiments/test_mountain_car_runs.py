# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""MountainCar, end to end: solved and kept; what the table and the figure count."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ml3_ros.experiments.mountain_car import output as mountain_car_output
from ml3_ros.experiments.mountain_car import run as mountain_car
from ml3_ros.experiments.mountain_car.output import first_reached, kept
from ml3_ros.experiments.mountain_car.run import CHECKPOINTS, KEPT, MountainCarConfig


def test_kept_means_at_every_later_look():
    distance = np.zeros((1, 4, len(CHECKPOINTS)))
    at = CHECKPOINTS.index(KEPT)
    distance[0, 0, :at] = 1.0  # found just in time
    distance[0, 1, at + 2] = 0.2  # lost once
    distance[0, 2, at] = np.inf  # diverged
    distance[0, 3, : at + 1] = 1.0  # too late
    assert kept(distance).tolist() == [[True, False, False, False]]
    assert first_reached(distance[:, :1]) == KEPT
    assert first_reached(np.full((1, 2, len(CHECKPOINTS)), 0.06)) == np.inf


@pytest.mark.slow
def test_the_whole_experiment_shows_what_the_paper_says(tmp_path):
    pytest.importorskip("crocoddyl")
    config = MountainCarConfig(seeds=2, n_inits=4, outer_steps=150)
    shared = mountain_car.prepare(config, tmp_path, print)
    seeds = {i: mountain_car.run_seed(config, i, shared, tmp_path) for i in range(2)}
    figures = mountain_car_output.finish(config, seeds, shared, tmp_path, print)
    headline = json.loads((tmp_path / "metrics.json").read_text())["headline"]
    assert headline["ml3_shaped/kept"] == 1.0
    assert headline["ml3_unshaped/kept"] == headline["ilqr/kept"] == 0.0
    assert all(path.stat().st_size > 1000 for path in figures)
    again = mountain_car.run_seed(replace(config, seeds=5), 1, shared, tmp_path)
    np.testing.assert_array_equal(again["distance/ml3_shaped"], seeds[1]["distance/ml3_shaped"])
