# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Experiment: arms that are touched while they learn, under learned and hand-made weights."""

from ml3_ros.experiments.runner.experiment import Experiment
from ml3_ros.experiments.touched.config import TouchedExperimentConfig
from ml3_ros.experiments.touched.output import NAME, finish
from ml3_ros.experiments.touched.run import prepare, run_seed

EXPERIMENTS = {
    NAME: Experiment(
        help="arms that are touched while they learn: learned weights and robust regression",
        config=TouchedExperimentConfig(),
        quick=TouchedExperimentConfig(
            families=("none", "pushing", "leading"),
            seeds=2,
            n_train=8,
            n_validation=4,
            n_test=12,
            outer_steps={"physical": 40, "network_on_model": 100, "network": 100},
            left_out=(),
            marks=(0, 25, 50, 100),
        ),
        prepare=prepare,
        run_seed=run_seed,
        finish=finish,
    )
}
