# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Task families of touched arms: a linear model, a network on top of it, or a network alone.

All three learn from measured torque; the task loss looks at held-out motion, shaped at the torque
without contacts, which is extra information.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ml3_ros.core.draws import Source, rand, randint
from ml3_ros.core.linear_model import COLUMNS, LinearModel
from ml3_ros.core.networks import FunctionalModule
from ml3_ros.core.types import Batch, Extra, Params
from ml3_ros.errors import ConfigError
from ml3_ros.tasks.touched.before import Before
from ml3_ros.tasks.touched.simulated import TouchedArms

TARGET = "tau"  # name of what is predicted within a batch
FLOOR = 1e-8  # of a joint's squared error in units of its torque


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSampling:
    """Batches of runs: samples that follow each other at equal distances.

    Attributes:
        n_runs: Runs in a batch; 0: the whole recording is one run.
        length: Samples of a run.
        stride: Samples of the recording from one sample of a run to the next.
        query_size: Held-out samples of the task loss.
        shortest: Samples of the recording that the one run has at least; it then ends at a random
            time, as a stream has so far. 0: at the end of the recording.
    """

    n_runs: int = 6
    length: int = 32
    stride: int = 3
    query_size: int = 200
    shortest: int = 0

    def __post_init__(self) -> None:
        if self.n_runs < 0 or min(self.length, self.stride, self.query_size) < 1:
            raise ConfigError("n_runs must be >= 0; length, stride and query_size >= 1")
        if self.shortest < 0 or (self.shortest and self.n_runs):
            raise ConfigError("shortest must be >= 0, and is for one run alone: n_runs = 0")

    def draw(self, n_tasks: int, n_support: int, generator: Source) -> Tensor:
        """Return indices of samples (n_tasks, B).

        Raises:
            ConfigError: The recording is shorter than a run.
        """
        if self.shortest:
            # all at the same time, so that they are one batch; short ones as often as long ones
            uniform = float(rand(generator, n_tasks)[0])
            least = min(self.shortest, n_support)
            n_support = round(least * (n_support / least) ** uniform)
        if not self.n_runs:
            return torch.arange(0, n_support, self.stride).expand(n_tasks, -1)
        latest = n_support - (self.length - 1) * self.stride
        if latest < 1:
            raise ConfigError(
                f"a run of {self.length} samples, each {self.stride} after the last one, is "
                f"longer than a recording of {n_support}: record longer, or take a shorter run"
            )
        first = (rand(generator, n_tasks, self.n_runs) * latest).long()
        return (first.unsqueeze(-1) + self.stride * torch.arange(self.length)).flatten(1)


class TouchedFamily:
    """Touched arms as tasks for one kind of optimizee; a `core.outer.family.TaskFamily`.

    Args:
        optimizee: What learns; a `LinearModel`, or a network of q, v, a and strain.
        arms: One recording per task.
        before: What is known before the optimizee learns.
        sampling: How recordings become batches.
        start: A trained network that all models begin as (*shape); None: fresh ones.
    """

    def __init__(
        self,
        optimizee: FunctionalModule,
        arms: TouchedArms,
        before: Before,
        sampling: RunSampling,
        start: Params | None = None,
    ) -> None:
        self.optimizee, self.arms, self.sampling = optimizee, arms, sampling
        self.known, self.trust, self.start = before.torque, before.trust, start
        self.linear = isinstance(optimizee, LinearModel)

    def sample(self, n: int, generator: Source) -> Tensor:
        """Draw n arms (n,)."""
        return randint(generator, 0, len(self.arms), n)

    def init(self, tasks: Tensor, generator: Source) -> Params:
        """Return fresh models, or the trained one that all begin as."""
        if self.start is not None:
            return {k: p.expand(len(tasks), *p.shape).clone() for k, p in self.start.items()}
        return self.optimizee.init(generator, (len(tasks),))

    def support(self, tasks: Tensor, ages: Tensor, generator: Source) -> Batch:
        """Return the batch of one inner step."""
        drawn = self.sampling.draw(len(tasks), self.arms.n_support, generator)
        return self.observe(tasks, drawn)

    def query(self, tasks: Tensor, ages: Tensor, generator: Source) -> tuple[Batch, Extra]:
        """Return held-out samples, and their torque without contacts as extra information."""
        first, last = self.arms.n_support, self.arms.q.shape[1]
        uniform = rand(generator, len(tasks), self.sampling.query_size)
        samples = first + (uniform * (last - first)).long()
        at = (tasks.unsqueeze(-1), samples)
        free = self.arms.free[at] - self.known[at]
        spread = self.arms.spread[tasks].unsqueeze(-2)
        return self.observe(tasks, samples), {"free": free, "spread": spread}

    def observe(self, tasks: Tensor, samples: Tensor) -> Batch:
        """Return what a learner sees of samples (k, B) of `tasks` (k,)."""
        at, arms = (tasks.unsqueeze(-1), samples), self.arms
        batch = {TARGET: arms.tau[at] - self.known[at], "v": arms.v[at]}
        if self.trust is not None:
            batch["trust"] = self.trust[at]
        if self.linear:
            return batch | {COLUMNS: arms.columns[at].flatten(-2)}
        return batch | {"q": arms.q[at], "a": arms.a[at], "strain": arms.strain[at]}

    def task_losses(self, theta: Params, batch: Batch, extra: Extra) -> dict[str, Tensor]:
        """Return the terms of eq. (9), each (*lead,): squared error of held-out torque.

        "free" compares with the torque without contacts (the shaped task loss), "task" with the
        measured one. Each is the geometric mean over joints, in units of their torque's variance.
        """
        prediction = self.optimizee.call(theta, batch)
        targets = {"free": extra["free"], "task": batch[TARGET]}
        return {
            name: over_joints(((prediction - target) / extra["spread"]).square().mean(-2))
            for name, target in targets.items()
        }

    def held_out_error(self, theta: Params) -> Tensor:
        """Return the NMSE (tasks, n) of torque without contacts on held-out motion.

        Args:
            theta: A model for each arm, (tasks, *shape).
        """
        return self.error_of(self.held_out_prediction(theta))

    def held_out_prediction(self, theta: Params) -> Tensor:
        """Return what models predict of held-out motion [N m], (tasks, H, n)."""
        tasks = torch.arange(len(self.arms))
        samples = torch.arange(self.arms.n_support, self.arms.q.shape[1])
        with torch.no_grad():
            batch = self.observe(tasks, samples.expand(len(tasks), -1))
            prediction: Tensor = self.optimizee.call(theta, batch)
        return prediction

    def error_of(self, prediction: Tensor, *, measured: bool = False) -> Tensor:
        """Return the NMSE (tasks, n) of a prediction of held-out motion [N m] (tasks, H, n).

        Of torque without contacts, or with `measured` of measured torque, contacts and all: what a
        user who does not know the contacts could compute.
        """
        target = self.arms.tau if measured else self.arms.free
        error = prediction - (target - self.known)[:, self.arms.n_support :]
        return (error / self.arms.spread.unsqueeze(-2)).square().mean(-2)


def over_joints(mean_square: Tensor) -> Tensor:
    """Return the geometric mean (*lead,) of a positive quantity per joint (*lead, n)."""
    return (mean_square + FLOOR).log().mean(-1).exp()
