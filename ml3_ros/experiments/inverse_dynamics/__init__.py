# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Inverse dynamics with a physics prior in the loss (Fig. 5c, d), and losses that win fairly."""

from dataclasses import replace
from functools import partial

from ml3_ros.experiments.inverse_dynamics.config import InvdynConfig, Part
from ml3_ros.experiments.inverse_dynamics.output import finish
from ml3_ros.experiments.inverse_dynamics.run import prepare, run_seed
from ml3_ros.experiments.rivals.maml import MamlConfig
from ml3_ros.experiments.rivals.pretrained import PretrainConfig
from ml3_ros.experiments.runner.experiment import Experiment

_MLP = ("ml3_shaped_mlp", "ml3_unshaped_mlp")
_GIVEN = Part(nle="given", learned=(*Part(nle="given").learned, *_MLP))
_RESIDUAL = Part(nle="residual")
_AT_WORK = Part(
    nle="given",
    at_work=True,
    learned=("ml3_shaped", "ml3_unshaped", "ml3_adaptive"),
    outer_steps={"structured": 300, "adaptive": 200},
    marks=(0, 1, 2, 5, 10, 20, 50, 100, 200),
)
_SECONDS = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0)


def _live(steps_per_window: int) -> Part:
    rate = 12.5 * steps_per_window
    return Part(
        nle="learned",
        steps_per_window=steps_per_window,
        outer_steps={"structured": 150, "mlp": 1000, "adaptive": 160, "prior": 60},
        trained_in="live" if steps_per_window > 1 else "",
        marks=tuple(round(rate * seconds) for seconds in _SECONDS),
    )


_CONFIGS = {
    "invdyn_{}": InvdynConfig(parts={"given": _GIVEN, "residual": _RESIDUAL, "at_work": _AT_WORK}),
    "invdyn_{}_live": InvdynConfig(
        parts={"live": _live(1), "live_fast": _live(8)}, n_inits=1, n_tasks=4
    ),
}


def _quick(config: InvdynConfig) -> InvdynConfig:
    steps = {"structured": 100, "mlp": 400, "adaptive": 100, "prior": 50}
    first = next(iter(config.parts))
    kept = {name: part for name, part in config.parts.items() if name == first or part.at_work}
    return replace(
        config,
        parts={
            name: replace(part, outer_steps=steps, marks=tuple(x for x in part.marks if x <= 250))
            for name, part in kept.items()
        },
        seeds=2,
        n_inits=1,
        n_tasks=4,
        n_train_robots=16,
        n_validation_robots=4,
        n_test_robots=8,
        prior_steps=1500,
        distil_steps=500,
        pretraining=PretrainConfig(n_steps=300),
        maml=MamlConfig(n_outer_steps=40),
    )


EXPERIMENTS = {
    pattern.format(robot): Experiment(
        help=f"inverse dynamics of the {robot} "
        + ("from a stream, F(q, v) learned too" if "live" in pattern else "(Fig. 5c, d)"),
        config=replace(config, robot=robot),
        quick=_quick(replace(config, robot=robot)),
        prepare=prepare,
        run_seed=run_seed,
        finish=partial(finish, name=pattern.format(robot)),
    )
    for pattern, config in _CONFIGS.items()
    for robot in ("reacher", "sawyer")
}
