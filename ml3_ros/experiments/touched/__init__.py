# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Experiment: arms that are touched while they learn, under learned and hand-made weights."""

from dataclasses import replace
from functools import partial

from ml3_ros.experiments.runner.experiment import Experiment
from ml3_ros.experiments.touched.config import TouchedExperimentConfig
from ml3_ros.experiments.touched.output import finish
from ml3_ros.experiments.touched.run import prepare, run_seed

_LINEAR = TouchedExperimentConfig()
_CONFIGS = {
    "touched": ("a linear model", _LINEAR),
    "touched_networks": (
        "networks, on a linear model and alone",
        replace(_LINEAR, models=("network_on_model", "network"), unshaped_seeds=1),
    ),
}


def _quick(config: TouchedExperimentConfig) -> TouchedExperimentConfig:
    return replace(
        config,
        families=("none", "pushing", "leading"),
        seeds=2,
        n_train=8,
        n_validation=4,
        n_test=12,
        outer_steps={"physical": 40, "network_on_model": 100, "network": 100},
        marks={"network_on_model": (0, 25, 50, 100), "network": (0, 25, 50)},
    )


EXPERIMENTS = {
    name: Experiment(
        help=f"arms that are touched while they learn {what}: learned weights and robust ones",
        config=config,
        quick=_quick(config),
        prepare=prepare,
        run_seed=run_seed,
        finish=partial(finish, name=name),
    )
    for name, (what, config) in _CONFIGS.items()
}
