# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Working arms: losses that know M(q) at meta-training, where joints move together."""

from dataclasses import replace

from ml3_ros.experiments.rivals.bayesian_last_layer import LastLayerConfig
from ml3_ros.experiments.rivals.maml import MamlConfig
from ml3_ros.experiments.rivals.pretrained import PretrainConfig
from ml3_ros.experiments.runner.experiment import Experiment
from ml3_ros.experiments.working.config import WorkingExperimentConfig
from ml3_ros.experiments.working.output import finish
from ml3_ros.experiments.working.run import prepare, run_seed

_FULL = WorkingExperimentConfig()
_QUICK = replace(
    _FULL,
    marks={"sawyer": (0, 10, 20, 50), "reacher": (0, 10, 20, 50)},
    seeds=2,
    outer_steps={"plain": 60, "steps": 30},
    n_train_robots=12,
    n_validation_robots=4,
    n_test_robots=8,
    pretraining=PretrainConfig(n_steps=300),
    maml=MamlConfig(n_outer_steps=30),
    last_layer=LastLayerConfig(n_outer_steps=60),
)

EXPERIMENTS = {
    "working": Experiment(
        help="inverse dynamics of arms at their work, where joints move together",
        config=_FULL,
        quick=_QUICK,
        prepare=prepare,
        run_seed=run_seed,
        finish=finish,
    )
}
