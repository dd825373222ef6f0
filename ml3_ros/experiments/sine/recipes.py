# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recipes for meta-training losses on sines, and the baselines that they compete with."""

import math
from dataclasses import dataclass
from typing import Literal

import torch

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.core.losses.spec import InputSpec, LossSpec
from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.tasks.sine.frequency import FrequencyFamily, FrequencyTasks, Sinusoid
from ml3_ros.tasks.sine.regression import (
    META_TRAIN,
    Regressor,
    SineDistribution,
    SineRegressionFamily,
    SineTasks,
)

POOL = 256  # regression tasks that a loss is meta-trained on
FREQUENCY_POOL = 2000
TOLERANCE = 0.3  # below it meta-training no longer rewards a smaller distance to a frequency
KNOTS = (0.0, 3.0, 10.0, 30.0, 100.0)
WIDE = SineDistribution(amplitude=(0.2, 3.0), phase=(-math.pi, math.pi), x=(-4.0, 4.0))
"""What our losses are meta-trained on; the paper's test tasks lie beyond in amplitude and x."""

Y = InputSpec(name="y", unit="", scale=(1.0,))
X = InputSpec(name="x", unit="rad", scale=(1.0,))


def squared_error(
    inner_optimizer: str, inner_lr: float, clip_norm: float | None = None
) -> LossSpec:
    """Return the mean squared error as a loss without parameters, with its update rule."""
    return LossSpec(
        architecture="squared_error",
        target=Y,
        inner_optimizer=inner_optimizer,
        inner_lr=inner_lr,
        clip_norm=clip_norm,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class RegressionRecipe:
    """One way to meta-train a loss for sine regression."""

    spec: LossSpec
    meta_training: MetaTrainConfig
    distribution: SineDistribution = WIDE

    def trainer(self, optimizee: Regressor, seed: int, engine: Engine = AUTOGRAD) -> MetaTrainer:
        """Return the trainer of one loss; the seed also draws the tasks."""
        generator = torch.Generator().manual_seed(seed)
        tasks = SineTasks.draw(self.distribution, POOL, generator)
        family = SineRegressionFamily(optimizee, tasks)
        return MetaTrainer(family, self.spec, self.meta_training, (seed,), engine=engine)


def paper_recipe(hidden: tuple[int, ...], n_outer_steps: int) -> RegressionRecipe:
    """Return the paper's: one task, a fresh model at every iteration, one step of 0.001.

    Args:
        hidden: Hidden layers of the loss; it sees prediction and target only.
        n_outer_steps: Updates of phi.
    """
    spec = LossSpec(
        architecture="mlp",
        target=Y,
        options={"hidden": hidden, "homogeneous": True},
        inner_lr=1e-3,
    )
    config = MetaTrainConfig(
        n_outer_steps=n_outer_steps,
        n_tasks=1,
        unroll=1,
        horizon=1,
        outer_lr=1e-3,
        outer_lr_final=1.0,
        log_task_loss=False,
    )
    return RegressionRecipe(spec=spec, meta_training=config, distribution=META_TRAIN)


def _unrolled(n_outer_steps: int) -> MetaTrainConfig:
    """Many tasks, inits and ages at once; the task loss counts after each of 20 steps."""
    return MetaTrainConfig(
        n_outer_steps=n_outer_steps,
        n_tasks=8,
        unroll=20,
        horizon=100,
        restart="staggered",
        outer_every_step=True,
    )


def sgd_recipe(n_outer_steps: int) -> RegressionRecipe:
    """Return ours for gradient descent: errors weighted by x and by the age of the model."""
    spec = LossSpec(
        architecture="structured",
        target=Y,
        context=(X,),
        options={"hidden": (20, 20), "knots": KNOTS},
        inner_lr=0.02,
    )
    return RegressionRecipe(spec=spec, meta_training=_unrolled(n_outer_steps))


def adam_recipe(
    optimizee: Regressor, n_outer_steps: int, *, learned_loss: bool = True
) -> RegressionRecipe:
    """Return ours for Adam, whose step sizes are learned together with the loss.

    Args:
        optimizee: Step sizes are learned for the roles of its parameters.
        n_outer_steps: Updates of phi.
        learned_loss: Whether errors are weighted; if not, step sizes alone are learned, on the
            squared error.
    """
    options = {"hidden": (20, 20), "knots": KNOTS, "normalised": True} if learned_loss else {}
    spec = LossSpec(
        architecture="structured" if learned_loss else "squared_error",
        target=Y,
        context=(X,) if learned_loss else (),
        options=options,
        inner_optimizer="scheduled_adam",
        inner_lr=0.02,
        roles=tuple(sorted(set(optimizee.roles().values()))),
        knots=KNOTS,
    )
    return RegressionRecipe(spec=spec, meta_training=_unrolled(n_outer_steps))


@dataclass(frozen=True, kw_only=True, slots=True)
class FrequencyRecipe:
    """One way to meta-train a loss that finds frequencies; the shaped one is shown the truth."""

    spec: LossSpec
    meta_training: MetaTrainConfig
    optimizee: Sinusoid
    tolerance: float

    def trainer(self, seed: int, engine: Engine = AUTOGRAD) -> MetaTrainer:
        """Return the trainer of one loss; the seed also draws the tasks."""
        generator = torch.Generator().manual_seed(seed)
        tasks = FrequencyTasks.random(FREQUENCY_POOL, generator)
        family = FrequencyFamily(self.optimizee, tasks, self.tolerance)
        return MetaTrainer(family, self.spec, self.meta_training, (seed,), engine=engine)


def frequency_recipe(
    n_outer_steps: int, *, shaped: bool, architecture: Literal["structured", "mlp"] = "structured"
) -> FrequencyRecipe:
    """Return ours: random starts and all ages, unrolled over 5 steps.

    Args:
        n_outer_steps: Updates of phi.
        shaped: Whether the task loss is the distance to the true frequency.
        architecture: "structured", errors weighted by x and age, or the paper's "mlp" of
            (x, prediction, target).
    """
    structured = architecture == "structured"
    # the first steps need points near x = 0 alone, a thousand times heavier than the others
    weights = {"knots": KNOTS, "normalised": True, "bound": 10.0} if structured else {}
    spec = LossSpec(
        architecture=architecture,
        target=Y,
        context=(X,),
        options={"hidden": (20, 20), **weights},
        # an untrained MLP has a much smaller gradient than the squared error
        inner_lr=0.15 if structured else 1.0,
        clip_norm=3.0,
    )
    config = MetaTrainConfig(
        n_outer_steps=n_outer_steps,
        n_tasks=32,
        unroll=5,
        horizon=100,
        restart="staggered",
        # at 1e-2 one meta-seed in six never learns: its weights are thrown far away at once
        outer_lr=5e-3 if structured else 1e-2,
        outer_every_step=True,
        weights=(("frequency" if shaped else "task", 1.0),),
    )
    return FrequencyRecipe(
        spec=spec, meta_training=config, optimizee=Sinusoid(), tolerance=TOLERANCE
    )
