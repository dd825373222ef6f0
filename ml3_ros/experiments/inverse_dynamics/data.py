# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Robots, recordings and the physics prior of one part of the experiment."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from ml3_ros.core.losses.prior import TaughtPrior
from ml3_ros.experiments.inverse_dynamics.config import (
    TEST_SEED,
    TRAIN_SEED,
    VALIDATION_SEED,
    InvdynConfig,
    Part,
)
from ml3_ros.robots.control.trajectories import ExcitationConfig
from ml3_ros.robots.registry import load_robot
from ml3_ros.tasks.inverse_dynamics.family import InverseDynamicsFamily
from ml3_ros.tasks.inverse_dynamics.populations import Population, population, working_population
from ml3_ros.tasks.inverse_dynamics.prior import SPREAD, PriorConfig, teach_prior
from ml3_ros.tasks.inverse_dynamics.recipes import EXCITATIONS, Recipe
from ml3_ros.tasks.inverse_dynamics.recordings import Recordings
from ml3_ros.tasks.inverse_dynamics.simulated import SimulationConfig, simulate


@dataclass(frozen=True, slots=True)
class PartData:
    """What every method of a part works with.

    Attributes:
        config: Of the experiment.
        part: The part.
        population: Its robots and units.
    """

    config: InvdynConfig
    part: Part
    population: Population

    @staticmethod
    def of(config: InvdynConfig, name: str) -> "PartData":
        """Return the data of the part `name`."""
        part = config.parts[name]
        if part.at_work:
            return PartData(config, part, working_population(config.robot))
        return PartData(config, part, population(config.robot, part.nle))

    @property
    def recipe(self) -> Recipe:
        """The part's optimizee and sampling; the same for all of its methods."""
        return self.part.recipe(self.part.learned[0], self.config.n_tasks)

    def train(self) -> Recordings:
        """Return the robots of meta-training."""
        return simulate(self.population.train, self.config.n_train_robots, TRAIN_SEED)

    def train_family(self) -> InverseDynamicsFamily:
        """Return the robots of meta-training as tasks, for what has no recipe of its own."""
        recipe = self.recipe
        optimizee = recipe.optimizee(self.population.units, self.config.robot)
        return InverseDynamicsFamily(optimizee, self.train(), recipe.sampling())

    def validation(self, kind: str) -> InverseDynamicsFamily:
        """Return robots of a kind to tune baselines on."""
        return self._family(kind, self.config.n_validation_robots, VALIDATION_SEED)

    def test(self, kind: str) -> InverseDynamicsFamily:
        """Return robots of a kind to report on."""
        return self._family(kind, self.config.n_test_robots, TEST_SEED)

    def _family(self, kind: str, n: int, seed: int) -> InverseDynamicsFamily:
        recipe = self.recipe
        simulation = self._long_enough(self.population.tests[kind])
        optimizee = recipe.optimizee(self.population.units, self.config.robot)
        return InverseDynamicsFamily(optimizee, simulate(simulation, n, seed), recipe.sampling())

    def _long_enough(self, simulation: SimulationConfig) -> SimulationConfig:
        """Return the simulation with a stream that lasts as long as the models train."""
        sampling = self.recipe.sampling()
        if not sampling.steps_per_window:
            return simulation
        windows = self.part.marks[-1] / sampling.steps_per_window
        return replace(simulation, support_seconds=windows * sampling.window / simulation.rate)

    def prior(self) -> TaughtPrior:
        """Teach the physics prior."""
        return teach_prior(
            self.config.robot,
            self.population.units,
            EXCITATIONS.get(self.config.robot, ExcitationConfig()),
            nle=self.part.nle,
            config=PriorConfig(n_steps=self.config.prior_steps),
        )

    def workspace(self, n: int = 4096) -> torch.Tensor:
        """Return random positions where the arm works [rad], (n, joints)."""
        description = load_robot(self.config.robot)
        excitation = EXCITATIONS.get(self.config.robot, ExcitationConfig())
        spread = SPREAD * (excitation.centre + excitation.amplitude)
        draws = np.random.default_rng(0).standard_normal((n, description.nq))
        return torch.from_numpy((description.home + spread * draws).astype(np.float32))
