# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Meta-reinforcement learning on arms: methods that adapt to hidden tasks, side by side."""

from dataclasses import replace
from functools import partial

from ml3_ros.experiments.metarl.config import PUBLISHED, MetaRlConfig
from ml3_ros.experiments.metarl.output import finish
from ml3_ros.experiments.metarl.run import prepare, run_seed
from ml3_ros.experiments.runner.experiment import Experiment

_FULL = MetaRlConfig()
_QUICK = replace(
    _FULL,
    worlds=("point", "sign_maze", "reacher_calibration"),
    methods=("contextual", "randomised", "maml_rl", "ml3", "rl2", "dream", "classical"),
    seeds=2,
    steps=60_000,
    learning_rates=(2e-3,),
    n_tasks=32,
)

EXPERIMENTS = {
    "metarl": Experiment(
        help="policies that adapt to hidden loads, offsets and goals: meta-reinforcement learning",
        config=_FULL,
        quick=_QUICK,
        prepare=prepare,
        run_seed=run_seed,
        finish=finish,
    ),
    "metarl_published": Experiment(
        help="the same methods on small tasks of publications: are they in the published order?",
        config=replace(_FULL, worlds=PUBLISHED),
        quick=replace(_QUICK, worlds=("point", "sign_maze")),
        prepare=prepare,
        run_seed=run_seed,
        finish=partial(finish, name="metarl_published"),
    ),
}
