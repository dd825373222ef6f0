# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Hybrid at meta-test: recursive least squares, and a network that learns its residual."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.types import Batch, stack
from ml3_ros.experiments.inverse_dynamics.references import (
    COLUMNS,
    RIDGE,
    ArmRegressor,
    samples_after,
)
from ml3_ros.identification.models.least_squares import RecursiveLeastSquares
from ml3_ros.identification.models.residual import (
    GATE_PERIOD,
    ResidualLearner,
    gate,
    residual_size,
)
from ml3_ros.learners.inverse_dynamics.sampling import nmse
from ml3_ros.tasks.inverse_dynamics.family import InverseDynamicsFamily

Array = NDArray[np.float64]

HYBRIDS = {"hybrid": "least_squares_friction", "hybrid_rigid": "least_squares"}
"""By name the least squares beneath: with friction columns, and without."""

MOST_GATE_SAMPLES = 400


@dataclass(slots=True)
class _Robots:
    """Regressors of all test robots, and their least squares on what has come so far."""

    rows: Tensor  # (tasks, T, n, p)
    tau: Tensor  # whole torque (tasks, T, n)
    solvers: list[RecursiveLeastSquares]
    order: list[NDArray[np.int64]]  # in which samples come
    used: int = 0

    def learn(self, n_samples: int) -> None:
        """Take in the samples up to number `n_samples`."""
        for task, solver in enumerate(self.solvers):
            fresh = self.order[task][self.used : n_samples]
            if len(fresh):
                solver.update(self.rows[task, fresh].numpy(), self.tau[task, fresh].numpy())
        self.used = n_samples

    def left(self, samples: Tensor) -> Tensor:
        """Return what least squares leaves of the torque of samples (tasks, B): (tasks, B, n)."""
        tasks = torch.arange(len(self.solvers)).unsqueeze(-1)
        w = torch.from_numpy(np.stack([solver.parameters for solver in self.solvers]))
        explained = (self.rows[tasks, samples] @ w[:, None, :, None]).squeeze(-1)
        return self.tau[tasks, samples] - explained


def hybrid_curves(
    family: InverseDynamicsFamily,
    robot: str,
    loss: LearnedLoss,
    marks: Sequence[int],
    *,
    seeds: Sequence[int],
    nominal_known: bool,
) -> dict[str, Array]:
    """Return the held-out NMSE (seeds, tasks, C, n) of each hybrid.

    Args:
        family: The test robots.
        robot: Name of the arm.
        loss: Trains the residual network.
        marks: Numbers of gradient steps.
        seeds: Of the networks.
        nominal_known: As in `references.ArmRegressor`.
    """
    return {
        name: _curves(
            family,
            _robots(family, robot, beneath, nominal_known=nominal_known),
            loss,
            marks,
            seeds=seeds,
        )
        for name, beneath in HYBRIDS.items()
    }


def _robots(
    family: InverseDynamicsFamily, robot: str, beneath: str, *, nominal_known: bool
) -> _Robots:
    arm = ArmRegressor(family, robot, COLUMNS[beneath], nominal_known=nominal_known)
    parts = [arm.rows(task) for task in range(len(family.recordings))]
    effort = np.array(family.optimizee.units.effort)
    n_parameters = parts[0][0].shape[-1]
    every = family.recordings.n_support * max(1, family.sampling.steps_per_window)
    return _Robots(
        rows=torch.from_numpy(np.stack([rows for rows, _, _ in parts])),
        tau=torch.from_numpy(np.stack([tau for _, tau, _ in parts])),
        solvers=[RecursiveLeastSquares(n_parameters, ridge=RIDGE, noise=effort) for _ in parts],
        order=[samples_after(family, task, every) for task in range(len(parts))],
    )


def _curves(
    family: InverseDynamicsFamily,
    robots: _Robots,
    loss: LearnedLoss,
    marks: Sequence[int],
    *,
    seeds: Sequence[int],
) -> Array:
    tasks = torch.arange(len(family.recordings))
    n_support, lead = family.recordings.n_support, (len(seeds), len(tasks))
    effort = torch.tensor(family.optimizee.units.effort)
    theta = stack(
        [family.optimizee.init(torch.Generator().manual_seed(s), (len(tasks),)) for s in seeds]
    )
    learner = ResidualLearner(family.optimizee, loss, theta, lead)
    generator = torch.Generator().manual_seed(seeds[0])
    held_out = torch.arange(n_support, family.recordings.n_samples).expand(len(tasks), -1)
    measured = family.observe(tasks, held_out)[family.optimizee.target]
    order = torch.from_numpy(np.stack(robots.order))
    curve = []
    for step in range(marks[-1] + 1):
        seen = len(samples_after(family, 0, step))
        robots.learn(seen)
        if step in marks:
            left = robots.left(held_out).float()
            prediction = measured - left
            if step > 0:
                size, g = _gate(family, robots, learner, order[:, :seen], effort, lead)
                batch = _wide(family.observe(tasks, held_out), lead)
                prediction = prediction + g.unsqueeze(-2) * learner.predict(batch, size)
            curve.append(nmse(prediction.expand(*lead, *left.shape[1:]), measured))
        if step < marks[-1]:
            coming = len(samples_after(family, 0, step + 1))
            robots.learn(coming)
            samples = _draw(family, order[:, :coming], generator)
            left = robots.left(samples).float()
            size = residual_size(left, effort).expand(*lead, -1)
            batch = _wide(family.observe(tasks, samples), lead)
            learner.step(batch, left.expand(*lead, *left.shape[1:]), size)
    return torch.stack(curve, dim=2).double().numpy()


def _draw(family: InverseDynamicsFamily, order: Tensor, generator: torch.Generator) -> Tensor:
    """Return samples to learn from (tasks, B): not those that are kept for the gate."""
    sampling = family.sampling
    seen = torch.full((len(order),), order.shape[1])
    at = sampling.draw(seen, generator)
    kept = (at // sampling.window) % GATE_PERIOD == GATE_PERIOD - 1
    at = torch.where(kept, (at - sampling.window).clamp_min(0), at)
    return order.gather(1, at)


def _gate(
    family: InverseDynamicsFamily,
    robots: _Robots,
    learner: ResidualLearner,
    order: Tensor,
    effort: Tensor,
    lead: tuple[int, ...],
) -> tuple[Tensor, Tensor]:
    """Return the residual's size and the gate (*lead, n), from samples never learned from."""
    number = torch.arange(order.shape[1])
    kept = (number // family.sampling.window) % GATE_PERIOD == GATE_PERIOD - 1
    samples = order[:, kept][:, -MOST_GATE_SAMPLES:]
    if samples.shape[1] == 0:  # nothing was kept yet: nothing is known of the network
        zero = torch.zeros(*lead, len(effort))
        return zero + 1.0, zero
    left = robots.left(samples).float()
    size = residual_size(left, effort).expand(*lead, -1)
    batch = _wide(family.observe(torch.arange(len(order)), samples), lead)
    return size, gate(left.expand(*lead, *left.shape[1:]), learner.predict(batch, size))


def _wide(batch: Batch, lead: tuple[int, ...]) -> Batch:
    """Return a batch of all tasks for every init, each (*lead, B, n)."""
    return {k: x.expand(*lead, *x.shape[1:]) for k, x in batch.items()}
