# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Experiment: one loss for several touched arms, beside losses trained on each arm alone."""

from dataclasses import replace

from ml3_ros.experiments.runner.experiment import Experiment
from ml3_ros.experiments.touched_arms.config import TouchedArmsConfig
from ml3_ros.experiments.touched_arms.output import NAME, finish
from ml3_ros.experiments.touched_arms.run import prepare, run_seed

_FULL = TouchedArmsConfig()

EXPERIMENTS = {
    NAME: Experiment(
        help="one loss of linear models for several touched arms, beside one for each arm",
        config=_FULL,
        quick=replace(
            _FULL,
            unseen=(),
            families=("none", "pushing"),
            seeds=2,
            n_train=8,
            n_validation=4,
            n_test=8,
            outer_steps=40,
            outer_steps_together=60,
        ),
        prepare=prepare,
        run_seed=run_seed,
        finish=finish,
    )
}
