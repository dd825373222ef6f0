# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recipe for losses that tell a payload from a hand: their inputs, and how they are trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.core.losses.spec import LEAST_SQUARES, InputSpec, LossSpec
from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.learners.inverse_dynamics.bodies import BODY_GROUPS
from ml3_ros.learners.inverse_dynamics.reweighted_fit import PASSES
from ml3_ros.tasks.payload.families import TARGET, LoadedFamily

WINDOWS = (0.1, 0.3, 1.0, 3.0)  # over which residuals are averaged [s]
NEWEST = (0.5, 1.0, 3.0)  # over which it is told whether the newest samples are explained [s]
PULL = 1e-3  # of a body to none, per sample, before it is learned


@dataclass(frozen=True, kw_only=True, slots=True)
class PayloadRecipe:
    """One way to meta-train a loss for changes of payload.

    Attributes:
        shaped: Whether the task loss looks at torque without contacts.
        n_outer_steps: Updates of phi.
        n_tasks: Arms and moments of one update.
    """

    shaped: bool = True
    n_outer_steps: int = 1600
    n_tasks: int = 16

    def trainer(
        self, family: LoadedFamily, seeds: Sequence[int], engine: Engine = AUTOGRAD
    ) -> MetaTrainer:
        """Return the trainer of one loss per seed."""
        spec = payload_loss_spec(family.optimizee.n_outputs, family.arms.spacing)
        config = MetaTrainConfig(
            n_outer_steps=self.n_outer_steps,
            n_tasks=self.n_tasks,
            weights=(("free" if self.shaped else "task", 1.0),),
            # a pass's residuals are numbers to the next one, so each has to be good by itself,
            # and phi may move on in between
            unroll=PASSES // 2,
            horizon=PASSES,
            outer_lr=1e-2,
            outer_every_step=True,
        )
        return MetaTrainer(family, spec, config, tuple(seeds), engine=engine)


def payload_loss_spec(n_joints: int, spacing: float) -> LossSpec:
    """Return the loss for an arm; its parameters fit arms of any number of joints.

    Args:
        n_joints: Of the arm.
        spacing: Time from one row to the next [s].
    """
    ones = (1.0,) * n_joints
    return LossSpec(
        architecture="weighted",
        target=InputSpec(name=TARGET, unit="-", scale=ones),
        context=(InputSpec(name="v", unit="rad/s", scale=ones),),
        options={
            "spacing": spacing,
            "windows": WINDOWS,
            "newest": NEWEST,
            "groups": max(BODY_GROUPS) + 1,
            "pull": PULL,
        },
        inner_optimizer=LEAST_SQUARES,
    )
