# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Experiment: arms that take up an unknown payload while they are touched."""

from dataclasses import replace

from ml3_ros.experiments.payload.config import PayloadExperimentConfig
from ml3_ros.experiments.payload.output import finish
from ml3_ros.experiments.payload.run import prepare, run_seed
from ml3_ros.experiments.runner.experiment import Experiment

_FULL = PayloadExperimentConfig()
_QUICK = replace(
    _FULL,
    families=("none", "pushing"),
    seeds=2,
    n_train=8,
    n_validation=4,
    n_test=12,
    n_outer_steps=60,
    n_tasks=8,
)

EXPERIMENTS = {
    "payload": Experiment(
        help="an unknown payload, told from what touches the arm, seconds after it is taken up",
        config=_FULL,
        quick=_QUICK,
        prepare=prepare,
        run_seed=run_seed,
        finish=finish,
    )
}
