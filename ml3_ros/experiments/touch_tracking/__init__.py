# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Closed-loop tracking while people touch the arm and load it, with models learned meanwhile."""

from dataclasses import replace

from ml3_ros.experiments.runner.experiment import Experiment
from ml3_ros.experiments.touch_tracking.config import TouchTrackingConfig
from ml3_ros.experiments.touch_tracking.output import NAME, finish
from ml3_ros.experiments.touch_tracking.run import prepare, run_seed

_FULL = TouchTrackingConfig()

EXPERIMENTS = {
    NAME: Experiment(
        help="arms that people lead, lean on, let go of and load track by what they learn then",
        config=_FULL,
        quick=replace(
            _FULL,
            methods=("feedback_only", "least_squares_live", "learned_live"),
            seeds=2,
            n_robots=1,
        ),
        prepare=prepare,
        run_seed=run_seed,
        finish=finish,
    )
}
