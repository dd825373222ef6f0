# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Task family of arms whose payload changes: the newest seconds of a stream, fitted by a body.

A task is an arm and a moment: some time after it took up a body or put it down, or before either.
The learner sees the window of the stream that ends there. The task loss looks at held-out motion
of the arm as it is at that moment, shaped at the torque without contacts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ml3_ros.core.draws import Source, rand, randint
from ml3_ros.core.linear_model import COEFFICIENTS, COLUMNS, LinearModel
from ml3_ros.core.types import Batch, Extra, Params
from ml3_ros.errors import ConfigError
from ml3_ros.learners.inverse_dynamics.bodies import BODY_GROUPS
from ml3_ros.tasks.payload.simulated import LOADED, UNLOADED, LoadedArms
from ml3_ros.tasks.touched.families import over_joints

TARGET = "residual"  # name of what is predicted within a batch


@dataclass(frozen=True, kw_only=True, slots=True)
class MomentSampling:
    """At which moments of a stream losses are trained.

    Attributes:
        unchanged: Share of moments before anything has changed.
        put_down: Share after the body is put down again; the others are after it is taken up.
        since: Shortest and longest time since the change [s], even in its logarithm.
        query_size: Held-out rows of the task loss.
    """

    unchanged: float = 0.2
    put_down: float = 0.15
    since: tuple[float, float] = (0.5, 12.0)
    query_size: int = 100

    def __post_init__(self) -> None:
        if not (self.unchanged >= 0.0 and self.put_down >= 0.0):
            raise ConfigError("unchanged and put_down must be >= 0")
        if self.unchanged + self.put_down > 1.0:
            raise ConfigError("unchanged and put_down must be at most 1 together")
        if not (0.0 < self.since[0] <= self.since[1] and self.query_size >= 1):
            raise ConfigError("since must be times > 0 s in their order, query_size >= 1")


class LoadedFamily:
    """Arms whose payload changes as tasks of a linear model; a `core.outer.family.TaskFamily`.

    A task is the number of its arm times the rows of a stream, plus the rows that are seen.

    Args:
        arms: Streams; a window is as long as one of their stretches.
        sampling: Which moments are drawn.
    """

    def __init__(self, arms: LoadedArms, sampling: MomentSampling = MomentSampling()) -> None:
        self.arms, self.sampling = arms, sampling
        self.optimizee = LinearModel(arms.residual.shape[-1], BODY_GROUPS)

    def moments(self, since: float) -> Tensor:
        """Return the task of every arm (N,) so long after it took up its body.

        Args:
            since: [s], at most a stretch; 0 for the moment before.
        """
        rows = round(since / self.arms.spacing)
        if not 0 <= rows <= self.arms.rows:
            raise ConfigError(f"{since} s after the change are beyond what is recorded")
        return self._task(torch.arange(len(self.arms)), torch.tensor(self.arms.rows + rows))

    def sample(self, n: int, generator: Source) -> Tensor:
        """Draw n arms, each at a moment (n,)."""
        sampling, rows = self.sampling, self.arms.rows
        arm = randint(generator, 0, len(self.arms), n)
        kind, place = rand(generator, n), rand(generator, n)
        low, high = np.log(sampling.since)
        since = (low + (high - low) * place).exp() / self.arms.spacing
        since = since.round().long().clamp(1, rows)
        later = torch.where(kind < sampling.unchanged + sampling.put_down, rows, 0)
        seen = torch.where(kind < sampling.unchanged, 0, since + later)
        return self._task(arm, rows + seen)

    def init(self, tasks: Tensor, generator: Source) -> Params:
        """Return models without a body."""
        return self.optimizee.init(generator, (len(tasks),))

    def support(self, tasks: Tensor, ages: Tensor, generator: Source) -> Batch:
        """Return the window of the stream that ends at the moment of each task."""
        at, arms = self.window(tasks), self.arms
        return {
            TARGET: arms.residual[at],
            "v": arms.v[at],
            COLUMNS: arms.columns[at].flatten(-2),
        }

    def window(self, tasks: Tensor) -> tuple[Tensor, Tensor]:
        """Return the indices of the windows of tasks (k,): arm (k, 1) and row (k, R)."""
        arm, seen = self._parts(tasks)
        rows = seen.unsqueeze(-1) - self.arms.rows + torch.arange(self.arms.rows)
        return arm.unsqueeze(-1), rows

    def query(self, tasks: Tensor, ages: Tensor, generator: Source) -> tuple[Batch, Extra]:
        """Return held-out rows, and their torque without contacts as extra information."""
        arm, n_held = self._parts(tasks)[0], self.arms.held_columns.shape[1]
        rows = (rand(generator, len(tasks), self.sampling.query_size) * n_held).long()
        at = (arm.unsqueeze(-1), rows)
        which = self.carried(tasks)
        spread = self.arms.held_spread[arm, which].unsqueeze(-2)
        state = (arm.unsqueeze(-1), which.unsqueeze(-1), rows)
        batch = {
            COLUMNS: self.arms.held_columns[at].flatten(-2),
            TARGET: self.arms.held_measured[state],
        }
        return batch, {"free": self.arms.held_free[state], "spread": spread}

    def carried(self, tasks: Tensor) -> Tensor:
        """Return LOADED where the arm of a task carries the body at its moment (k,)."""
        newest = self._parts(tasks)[1] - 1
        return torch.where(newest // self.arms.rows == 1, LOADED, UNLOADED)

    def task_losses(self, theta: Params, batch: Batch, extra: Extra) -> dict[str, Tensor]:
        """Return the terms of eq. (9), each (*lead,), see `TouchedFamily.task_losses`."""
        prediction = self.optimizee.call(theta, batch)
        targets = {"free": extra["free"], "task": batch[TARGET]}
        return {
            name: over_joints(((prediction - target) / extra["spread"]).square().mean(-2))
            for name, target in targets.items()
        }

    def held_out_error(self, tasks: Tensor, coefficients: Tensor) -> Tensor:
        """Return the NMSE (k, n) of torque without contacts on held-out motion.

        Args:
            tasks: (k,).
            coefficients: Of the body that each is thought to carry (k, 10), in BODY_SIZES.
        """
        (arm, _), which = self._parts(tasks), self.carried(tasks)
        columns = self.arms.held_columns[arm].flatten(-2)
        with torch.no_grad():
            predicted = self.optimizee.call({COEFFICIENTS: coefficients}, {COLUMNS: columns})
        error = predicted - self.arms.held_free[arm, which]
        spread = self.arms.held_spread[arm, which].unsqueeze(-2)
        return (error / spread).square().mean(-2)

    def _task(self, arm: Tensor, seen: Tensor) -> Tensor:
        return arm * (3 * self.arms.rows + 1) + seen

    def _parts(self, tasks: Tensor) -> tuple[Tensor, Tensor]:
        """Return the arm, and how many rows of its stream are seen, each (k,)."""
        length = 3 * self.arms.rows + 1
        return tasks // length, tasks % length
