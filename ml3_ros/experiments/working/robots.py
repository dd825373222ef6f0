# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Robots at their work, what is learned from, and the errors that are measured on them."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ml3_ros.core.types import Params
from ml3_ros.learners.inverse_dynamics.net import InverseDynamicsNet
from ml3_ros.learners.inverse_dynamics.sampling import nmse
from ml3_ros.tasks.inverse_dynamics.family import InverseDynamicsFamily
from ml3_ros.tasks.inverse_dynamics.populations import Population
from ml3_ros.tasks.inverse_dynamics.recipes import Recipe
from ml3_ros.tasks.inverse_dynamics.recordings import Recordings
from ml3_ros.tasks.inverse_dynamics.simulated import simulate

MEASURED = ("new_motion", "inertia", "own_motion")
"""Errors by name: NMSE of the torque on free motion, mean over joints; relative error of M(q)
there, in the network's units; NMSE on further work of the same kind."""

EVERY = 7  # held-out samples from one that is measured to the next: neighbours are alike


@dataclass(frozen=True, slots=True)
class Robots:
    """Robots of one pool: what they learn from, with both kinds of motion held out.

    Attributes:
        name: Of the arm.
        population: That they are drawn from.
        recordings: By the motion that is held out, "own_motion" and "new_motion".
    """

    name: str
    population: Population
    recordings: dict[str, Recordings]

    @staticmethod
    def draw(name: str, population: Population, n: int, seed: int) -> "Robots":
        """Return n robots; equal seeds give equal ones."""
        recordings = {kind: simulate(config, n, seed) for kind, config in population.tests.items()}
        return Robots(name, population, recordings)

    def __len__(self) -> int:
        return len(self.recordings["own_motion"])

    def family(
        self,
        held_out: str = "own_motion",
        start: Params | None = None,
        net: InverseDynamicsNet | None = None,
    ) -> InverseDynamicsFamily:
        """Return the robots as tasks.

        Args:
            held_out: Motion that task losses look at.
            start: Models to begin with, see `InverseDynamicsFamily`.
            net: Another network than that of all recipes.
        """
        recipe = Recipe(nle="given")
        net = net or recipe.optimizee(self.population.units, self.name)
        return InverseDynamicsFamily(net, self.recordings[held_out], recipe.sampling(), start)

    def measure(self, net: InverseDynamicsNet, theta: Params) -> Tensor:
        """Return the errors `MEASURED` of models theta (*lead, tasks), (*lead, tasks, 3)."""
        with torch.no_grad():
            return self.errors(net, lambda held_out, q: net.inertia(theta, q))

    def errors(self, net: InverseDynamicsNet, inertia: Callable[[str, Tensor], Tensor]) -> Tensor:
        """Return the errors `MEASURED` of anything with an inertia matrix, (*lead, tasks, 3).

        Args:
            net: Whose units count.
            inertia: (held-out motion, q (tasks, B, n)) -> M(q) [kg m^2] (*lead, tasks, B, n, n).
        """
        torques, relative = {}, None
        for kind in self.recordings:
            batch, truth = self.held_out(kind)
            predicted = inertia(kind, batch["q"])
            torque = (predicted @ batch["a"].unsqueeze(-1)).squeeze(-1)
            torques[kind] = nmse(torque, batch["tau_inertial"]).mean(-1)
            if kind == "new_motion":
                difference = net.scale_inertia(predicted - truth).square().sum((-3, -2, -1))
                size = net.scale_inertia(truth).square().sum((-3, -2, -1))
                relative = (difference / size).sqrt()
        assert relative is not None
        return torch.stack([torques["new_motion"], relative, torques["own_motion"]], dim=-1)

    def held_out(self, kind: str) -> tuple[dict[str, Tensor], Tensor]:
        """Return the held-out samples that are measured, and M(q) there (tasks, B, n, n)."""
        recordings = self.recordings[kind]
        tasks = torch.arange(len(recordings))
        samples = torch.arange(recordings.n_support, recordings.n_samples, EVERY)
        rows = samples.expand(len(tasks), -1)
        batch = recordings.observe(tasks, rows, given_nle=True)
        return batch, recordings.reveal(tasks, rows)["inertia"]
