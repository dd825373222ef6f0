# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Arms of the experiment by pool and family, and what is known of them before a network learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from torch import Tensor

from ml3_ros.core.linear_model import LinearModel
from ml3_ros.core.types import Params
from ml3_ros.experiments.touched.config import (
    FITS_AT_ONCE,
    NETWORKS_AT_ONCE,
    TEST_POOL,
    TRAIN_POOL,
    VALIDATION_POOL,
    TouchedExperimentConfig,
)
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.robots.linear.arm import LinearArm
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.tasks.touched.before import Before
from ml3_ros.tasks.touched.contacts import KINDS, ContactConfig, Kind
from ml3_ros.tasks.touched.families import TouchedFamily
from ml3_ros.tasks.touched.recipes import Model, TouchedRecipe, units_of
from ml3_ros.tasks.touched.simulated import TouchedArms, TouchedConfig, simulate_touched

UNTOUCHED, FIT_WEIGHTS = "untouched", "fit_weights"  # names within batches of a `KnownFamily`


@dataclass(frozen=True, slots=True)
class Pools:
    """The arms of one configuration, by pool and family."""

    config: TouchedExperimentConfig

    def arms(self, pool: int, model: Model, kind: Kind) -> TouchedArms:
        """Return the arms of a pool that something touches.

        Below a network the linear model has no memory of friction: with it nothing is left that a
        network could learn from 20 s.
        """
        sizes = {
            TRAIN_POOL: self.config.n_train,
            VALIDATION_POOL: self.config.n_validation,
            TEST_POOL: self.config.n_test,
        }
        return _arms(self.config.robot, kind, pool, sizes[pool], model == "physical")

    def joined(self, pool: int, model: Model, kinds: Sequence[Kind] = ()) -> TouchedArms:
        """Return arms of several families, all if none is named, one family after the other."""
        return TouchedArms.joined(
            [self.arms(pool, model, kind) for kind in kinds or self.config.families]
        )

    def linear(self, *, memory: bool) -> LinearArm:
        """Return the arm as a linear model."""
        return LinearArm(PinocchioModel(load_robot(self.config.robot)), memory=memory)

    def linear_model(self, *, memory: bool) -> LinearModel:
        """Return the structure of that model."""
        arm = self.linear(memory=memory)
        return LinearModel(arm.n_joints, tuple(arm.kinds.tolist()))

    def recipe(self, model: Model, *, shaped: bool = True, weighted: bool = True) -> TouchedRecipe:
        """Return how a loss of `model` is trained."""
        return TouchedRecipe(
            model=model,
            shaped=shaped,
            weighted=weighted,
            n_outer_steps=self.config.outer_steps[model],
            n_tasks=FITS_AT_ONCE if model == "physical" else NETWORKS_AT_ONCE,
        )

    def units(self, model: Model, arms: TouchedArms, before: Before) -> Units:
        """Return the scales of what `model` learns, from arms of meta-training."""
        return units_of(arms, before, load_robot(self.config.robot).names)

    def family(
        self,
        model: Model,
        arms: TouchedArms,
        before: Before,
        units: Units,
        start: Params | None = None,
    ) -> TouchedFamily:
        """Return arms as tasks of `model`."""
        recipe = self.recipe(model)
        optimizee = recipe.optimizee(units, self.config.robot, self.linear(memory=True))
        return KnownFamily(optimizee, arms, before, recipe.sampling(), start)


class KnownFamily(TouchedFamily):
    """Tasks whose batches also hold what rivals and bounds weigh samples by."""

    def observe(self, tasks: Tensor, samples: Tensor) -> dict[str, Tensor]:
        """Return what a learner sees of samples (k, B) of `tasks` (k,), and these weights.

        UNTOUCHED is 1 where nothing touches the arm (k, B, 1); FIT_WEIGHTS are those of the
        earlier fit (k, B, n).
        """
        untouched = ~self.arms.touched[tasks.unsqueeze(-1), samples]
        batch = super().observe(tasks, samples) | {UNTOUCHED: untouched.float().unsqueeze(-1)}
        if self.trust is not None:
            batch[FIT_WEIGHTS] = batch["trust"].clamp_max(0.0).exp()
        return batch


@lru_cache(maxsize=16)  # of up to 200 MB each
def _arms(robot: str, kind: Kind, pool: int, n: int, memory: bool) -> TouchedArms:
    config = TouchedConfig(robot=robot, contacts=ContactConfig(kind=kind), memory=memory)
    return simulate_touched(config, n, 100 * pool + KINDS.index(kind))
