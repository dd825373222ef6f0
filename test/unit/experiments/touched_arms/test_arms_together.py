# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The experiment on one loss for several arms: end to end, and what its ratios mean."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.touched.panels import Panel
from ml3_ros.experiments.touched_arms import finish, prepare, run_seed
from ml3_ros.experiments.touched_arms.config import TouchedArmsConfig
from ml3_ros.experiments.touched_arms.output import metrics

TINY = TouchedArmsConfig(
    robots=("reacher", "sawyer"),
    unseen=(),
    families=("none", "pushing"),
    seeds=1,
    n_train=1,
    n_validation=1,
    n_test=2,
    outer_steps=1,
    outer_steps_together=2,
)


def test_end_to_end(tmp_path):
    lines = []
    shared = prepare(TINY, tmp_path / "shared", lines.append)
    seeds = {0: run_seed(TINY, 0, shared, tmp_path / "seed")}
    for robot in TINY.robots:
        methods = {k.split("/")[3] for k in seeds[0] if k.startswith(f"error/{robot}/")}
        elsewhere = {"learned_elsewhere"} if robot == "sawyer" else set()
        assert methods == {"learned", "learned_together"} | elsewhere
        assert f"error/{robot}/pushing/robust_tuned" in shared
    figures = finish(TINY, seeds, shared, tmp_path, lines.append)
    assert all(path.stat().st_size > 1000 for path in figures)
    headline = json.loads((tmp_path / "metrics.json").read_text())["headline"]
    assert headline["reacher/learned/over_own"] == 1.0
    worst = max(headline[f"{robot}/learned_together/over_own"] for robot in TINY.robots)
    assert headline["learned_together/worst_over_own"] == worst
    data = seeds[0]["loss/learned_together/learned_together"].tobytes()
    assert LearnedLoss.from_bytes(data).provenance["robots"] == list(TINY.robots)


def test_ratios_are_arm_by_arm_and_over_the_best_rival_of_each_family():
    def errors(**methods):
        return {name: np.array([value], dtype=float) for name, value in methods.items()}

    own = {
        "none": errors(learned=[1.0, 4.0], learned_together=[2.0, 8.0], ridge=[1.0, 1.0]),
        "pushing": errors(learned=[1.0, 1.0], learned_together=[2.0, 2.0], ridge=[4.0, 4.0]),
    }
    for family, rival in (("none", [9.0, 9.0]), ("pushing", [1.0, 1.0])):
        own[family] |= errors(robust_tuned=rival, contacts_known=[0.1, 0.1])
    config = replace(TINY, robots=("reacher", "sawyer"))
    found = metrics(config, [Panel("reacher", own), Panel("sawyer", own)]).headline
    assert found["reacher/learned_together/over_own"] == pytest.approx(2.0)
    assert found["reacher/learned_together/over_best"] == pytest.approx(2.0)
    assert found["reacher/learned/over_best"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"robots": ("sawyer",)}, "at least two"),
        ({"unseen": ("sawyer",)}, "each arm once"),
        ({"outer_steps_together": 1}, "outer_steps_together"),
        ({"families": ()}, "families"),
    ],
)
def test_settings_that_do_not_fit_are_rejected(wrong, reason):
    with pytest.raises(ConfigError, match=reason):
        TouchedArmsConfig(**wrong)
