# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recipes for meta-training losses on digits, and the baselines that they compete with."""

from dataclasses import dataclass

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.core.losses.spec import InputSpec, LossSpec
from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.experiments.digits.images import DigitImages
from ml3_ros.experiments.digits.lenet import LeNet
from ml3_ros.experiments.digits.task import DigitPairFamily, Pair

BATCH_SIZE = 16  # images of one gradient step, of every method
QUERY_SIZE = 32
KNOTS = (0.0, 3.0, 10.0, 30.0, 100.0)
LABEL = InputSpec(name="label", unit="nat", scale=(1.0, 1.0), labels=("first", "second"))


def cross_entropy(inner_optimizer: str, inner_lr: float) -> LossSpec:
    """Return the cross-entropy as a loss without parameters, with its update rule."""
    return LossSpec(
        architecture="cross_entropy",
        target=LABEL,
        inner_optimizer=inner_optimizer,
        inner_lr=inner_lr,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class DigitRecipe:
    """One way to meta-train a loss for the classification of digits."""

    spec: LossSpec
    meta_training: MetaTrainConfig

    def trainer(
        self,
        optimizee: LeNet,
        images: DigitImages,
        pair: Pair,
        seed: int,
        engine: Engine = AUTOGRAD,
    ) -> MetaTrainer:
        """Return the trainer of one loss on one pair, whose digits are either class."""
        family = DigitPairFamily(
            optimizee, images, (pair, pair[::-1]), batch_size=BATCH_SIZE, query_size=QUERY_SIZE
        )
        return MetaTrainer(family, self.spec, self.meta_training, (seed,), engine=engine)


def paper_recipe(n_outer_steps: int) -> DigitRecipe:
    """Return the paper's: a fresh model at every iteration, one step of 0.001."""
    return DigitRecipe(
        spec=LossSpec(architecture="mlp", target=LABEL, inner_lr=1e-3),
        meta_training=MetaTrainConfig(
            n_outer_steps=n_outer_steps,
            n_tasks=1,
            unroll=1,
            horizon=1,
            outer_lr=1e-3,
            outer_lr_final=1.0,
            log_task_loss=False,
        ),
    )


def sgd_recipe(n_outer_steps: int) -> DigitRecipe:
    """Return ours for gradient descent."""
    spec = LossSpec(architecture="monotone_cross_entropy", target=LABEL, inner_lr=0.3)
    return DigitRecipe(spec=spec, meta_training=_unrolled(n_outer_steps))


def adam_recipe(optimizee: LeNet, n_outer_steps: int, *, learned_loss: bool = True) -> DigitRecipe:
    """Return ours for Adam, whose step sizes are learned together with the loss.

    Args:
        optimizee: Step sizes are learned for the roles of its parameters.
        n_outer_steps: Updates of phi.
        learned_loss: Whether the cross-entropy is reshaped; if not, step sizes alone are learned.
    """
    spec = LossSpec(
        architecture="monotone_cross_entropy" if learned_loss else "cross_entropy",
        target=LABEL,
        options={"knots": KNOTS} if learned_loss else {},
        inner_optimizer="scheduled_adam",
        inner_lr=0.01,
        roles=tuple(sorted(set(optimizee.roles().values()))),
        knots=KNOTS,
    )
    return DigitRecipe(spec=spec, meta_training=_unrolled(n_outer_steps))


def _unrolled(n_outer_steps: int) -> MetaTrainConfig:
    """Many inits and ages at once; the task loss counts after each of 20 steps."""
    return MetaTrainConfig(
        n_outer_steps=n_outer_steps,
        n_tasks=6,
        unroll=20,
        horizon=100,
        restart="staggered",
        outer_lr=2e-2,
        outer_every_step=True,
    )
