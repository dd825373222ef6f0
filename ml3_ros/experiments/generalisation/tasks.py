# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tasks of the generalisation experiment: two kinds, for networks of any architecture."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.core.losses.spec import LossSpec
from ml3_ros.core.outer.family import TaskFamily
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.core.types import Params
from ml3_ros.experiments.sine.recipes import adam_recipe, squared_error
from ml3_ros.learners.inverse_dynamics import squared_error as baseline_losses
from ml3_ros.learners.inverse_dynamics.net import INERTIA_FORMS, InverseDynamicsNet
from ml3_ros.learners.inverse_dynamics.sampling import nmse
from ml3_ros.tasks.inverse_dynamics.family import InverseDynamicsFamily
from ml3_ros.tasks.inverse_dynamics.populations import Population, population
from ml3_ros.tasks.inverse_dynamics.recipes import Recipe
from ml3_ros.tasks.inverse_dynamics.simulated import simulate
from ml3_ros.tasks.sine.regression import (
    META_TEST,
    Regressor,
    SineRegressionFamily,
    SineTasks,
)

ROBOT = "reacher"
N_TRAIN_ROBOTS = 32
# pools that share no task: their members are drawn with these seeds, for every seed others
TRAIN_POOL, VALIDATION_POOL, TEST_POOL = 1, 2, 1000


@dataclass(frozen=True, slots=True)
class Architecture:
    """Hidden layers of a network."""

    depth: int
    width: int
    activation: str

    @property
    def name(self) -> str:
        """Its name, for instance "tanh 2x64"."""
        return f"{self.activation} {self.depth}x{self.width}"

    def options(self) -> dict[str, Any]:
        """Return the arguments of a network."""
        return {"hidden": (self.width,) * self.depth, "activation": self.activation}


TRAINED = Architecture(2, 64, "tanh")
"""The only architecture that losses are meta-trained on."""


@dataclass(frozen=True, slots=True)
class Trials:
    """Tasks for networks of one architecture, and how their error is measured."""

    family: TaskFamily
    n_tasks: int
    measure: Callable[[Params], Tensor]  # theta -> held-out error (n_tasks,)


class Setting(Protocol):
    """A kind of task."""

    def trainer(self, n_outer_steps: int, seed: int, engine: Engine = AUTOGRAD) -> MetaTrainer:
        """Return the trainer of a loss, on networks like TRAINED."""

    def trials(self, architecture: Architecture, n_tasks: int, pool: int) -> Trials:
        """Return tasks for networks of an architecture, drawn with the seed `pool`."""

    def squared_error(self, rule: str, inner_lr: float) -> LossSpec:
        """Return what is compared to, with its update rule."""


class SineSetting:
    """Sine regression, on the wide tasks that the paper tests with."""

    def trainer(self, n_outer_steps: int, seed: int, engine: Engine = AUTOGRAD) -> MetaTrainer:
        """Return the trainer of a loss that knows x and the model's age."""
        optimizee = Regressor(**TRAINED.options())
        recipe = adam_recipe(optimizee, n_outer_steps)
        spec = replace(recipe.spec, width=TRAINED.width)
        return replace(recipe, spec=spec).trainer(optimizee, seed, engine)

    def trials(self, architecture: Architecture, n_tasks: int, pool: int) -> Trials:
        """Return new tasks, measured by their mean squared error."""
        tasks = SineTasks.draw(META_TEST, n_tasks, torch.Generator().manual_seed(pool))
        family = SineRegressionFamily(Regressor(**architecture.options()), tasks)
        return Trials(
            family, n_tasks, lambda theta: family.task_losses(theta, tasks.query, {})["task"]
        )

    def squared_error(self, rule: str, inner_lr: float) -> LossSpec:
        """Return the mean squared error."""
        return squared_error(rule, inner_lr)


class InverseDynamicsSetting:
    """Inertial torques of two-link arms of unknown masses and payload."""

    def __init__(self) -> None:
        self.population: Population = population(ROBOT, "given")

    def trainer(self, n_outer_steps: int, seed: int, engine: Engine = AUTOGRAD) -> MetaTrainer:
        """Return the trainer of an adaptive loss; it has no physics prior."""
        recipe = self._recipe(n_outer_steps)
        units = self.population.units
        recordings = simulate(self.population.train, N_TRAIN_ROBOTS, TRAIN_POOL)
        family = InverseDynamicsFamily(self._network(TRAINED), recordings, recipe.sampling())
        spec = replace(recipe.loss_spec(units, ROBOT), width=TRAINED.width)
        return MetaTrainer(family, spec, recipe.meta_training(), (seed,), engine=engine)

    def trials(self, architecture: Architecture, n_tasks: int, pool: int) -> Trials:
        """Return new arms, measured by the mean NMSE over the joints."""
        recordings = simulate(self.population.tests["perturbed"], n_tasks, pool)
        optimizee = self._network(architecture)
        family = InverseDynamicsFamily(optimizee, recordings, self._recipe(1).sampling())
        held_out = family.held_out(torch.arange(n_tasks))

        def measure(theta: Params) -> Tensor:
            return nmse(optimizee.call(theta, held_out), held_out[optimizee.target]).mean(-1)

        return Trials(family, n_tasks, measure)

    def squared_error(self, rule: str, inner_lr: float) -> LossSpec:
        """Return the squared torque error."""
        loss = baseline_losses.squared_error(self.population.units, "tau_inertial", rule, inner_lr)
        return loss.spec

    def _network(self, architecture: Architecture) -> InverseDynamicsNet:
        form = INERTIA_FORMS[ROBOT]
        options = architecture.options()
        return InverseDynamicsNet(self.population.units, nle="given", inertia=form, **options)

    def _recipe(self, n_outer_steps: int) -> Recipe:
        return Recipe(
            nle="given", architecture="adaptive", use_prior=False, n_outer_steps=n_outer_steps
        )


SETTINGS: dict[str, Callable[[], Setting]] = {
    "sine": SineSetting,
    "reacher": InverseDynamicsSetting,
}
