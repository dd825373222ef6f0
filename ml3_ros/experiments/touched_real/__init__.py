# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Experiment: recordings of real arms that something touches, under the loss that ships."""

from dataclasses import replace

from ml3_ros.experiments.runner.experiment import Experiment
from ml3_ros.experiments.touched_real.config import TouchedRealConfig
from ml3_ros.experiments.touched_real.output import NAME, finish
from ml3_ros.experiments.touched_real.run import prepare, run_seed

_FULL = TouchedRealConfig()

EXPERIMENTS = {
    NAME: Experiment(
        help="real arms that something touches: the loss that ships, and tuned robust fits",
        config=_FULL,
        quick=replace(_FULL, recordings=("ur10e",), families=("none", "pushing", "hand"), seeds=2),
        prepare=prepare,
        run_seed=run_seed,
        finish=finish,
    )
}
