# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The task family: learn the inverse dynamics of one robot from its own samples."""

import torch
from torch import Tensor

from ml3_ros.core.draws import Source, rand, randint
from ml3_ros.core.types import Batch, Extra, Params
from ml3_ros.errors import ConfigError
from ml3_ros.learners.inverse_dynamics.net import InverseDynamicsNet
from ml3_ros.learners.inverse_dynamics.sampling import SamplingConfig
from ml3_ros.tasks.inverse_dynamics.recordings import Recordings

MEAN_SQUARE_FLOOR = 1e-8  # of a joint's squared error in its own units


class InverseDynamicsFamily:
    """Inverse dynamics from samples, batched over tasks; a `core.outer.family.TaskFamily`.

    Args:
        optimizee: The network to be trained.
        recordings: One recording per task.
        sampling: How samples become batches.
        start: Models to begin with instead of random ones, (seeds, *shape): the tasks of a call
            are those of all seeds, in order.
    """

    def __init__(
        self,
        optimizee: InverseDynamicsNet,
        recordings: Recordings,
        sampling: SamplingConfig,
        start: Params | None = None,
    ) -> None:
        if optimizee.nle_mode == "given" and recordings.nle is None:
            raise ConfigError('nle="given" needs recordings with nle; record the prior too')
        if recordings.n_support < sampling.window:
            raise ConfigError(
                f"{recordings.n_support} samples to learn from are less than a window of "
                f"{sampling.window}: record longer, or take a smaller window"
            )
        self.optimizee, self.recordings, self.sampling = optimizee, recordings, sampling
        self.start = start

    def sample(self, n: int, generator: Source) -> Tensor:
        """Draw n recordings (n,)."""
        return randint(generator, 0, len(self.recordings), n)

    def init(self, tasks: Tensor, generator: Source) -> Params:
        """Return models to begin with; with F learned, its offset is that of the first samples."""
        if self.start is not None:
            each = len(tasks) // len(next(iter(self.start.values())))
            return {k: p.repeat_interleave(each, 0) for k, p in self.start.items()}
        theta = self.optimizee.init(generator, (len(tasks),))
        first = self.recordings.tau[tasks, : self.sampling.window]
        return self.optimizee.with_offset(theta, first.mean(1))

    def support(self, tasks: Tensor, ages: Tensor, generator: Source) -> Batch:
        """Return the batch of the gradient step number `ages` (k,)."""
        return self.observe(tasks, self.sampling.draw(self._seen(ages), generator))

    def query(self, tasks: Tensor, ages: Tensor, generator: Source) -> tuple[Batch, Extra]:
        """Return the task loss's batch, with its extra information.

        Where batches are drawn from all samples, the task loss is that of held-out ones. On a
        stream it depends on how far ahead meta-training looks: a few steps ahead, on poses that
        the arm has not shown yet, the best loss is one that does not learn, so "seen" takes other
        samples of what has come so far. Over a hundred steps and more "held_out" teaches to
        generalise.
        """
        if self.sampling.steps_per_window and self.sampling.evaluated_on == "seen":
            first, last = 0, self._seen(ages)
        else:
            first = self.recordings.n_support
            last = torch.full_like(ages, self.recordings.n_samples)
        uniform = rand(generator, len(tasks), self.sampling.query_size)
        samples = first + (uniform * (last - first).unsqueeze(-1)).long()
        return self.observe(tasks, samples), self.recordings.reveal(tasks, samples)

    def held_out(self, tasks: Tensor) -> Batch:
        """Return all held-out samples of `tasks` (k,), each (k, T - n_support, n)."""
        samples = torch.arange(self.recordings.n_support, self.recordings.n_samples)
        return self.observe(tasks, samples.expand(len(tasks), -1))

    def _seen(self, ages: Tensor) -> Tensor:
        """Return how many samples have come before the gradient step `ages`."""
        seen = torch.full_like(ages, self.recordings.n_support)
        if self.sampling.steps_per_window:
            windows = 1 + ages // self.sampling.steps_per_window
            seen = torch.minimum(seen, windows * self.sampling.window)
        return seen

    def observe(self, tasks: Tensor, samples: Tensor) -> Batch:
        """Return what a learner sees of samples (k, B) of `tasks` (k,)."""
        given = self.optimizee.nle_mode == "given"
        return self.recordings.observe(tasks, samples, given_nle=given)

    def task_losses(self, theta: Params, batch: Batch, extra: Extra) -> dict[str, Tensor]:
        """Return the terms of eq. (9), each (*lead,), in the robot's units.

        "task" is the squared torque error; with the physics prior at hand, "inertia" is
        ||M_theta(q) - M(q)||^2 and, where F is learned, "nle" is ||F_theta(q, v) - F(q, v)||^2.
        Each is the geometric mean over the joints (rows of M) of the joint's mean square, so that
        every joint counts alike: on a mean, a loss gains most by serving the largest alone.
        """
        net = self.optimizee
        effort = torch.tensor(net.units.effort)
        error = (net.call(theta, batch) - batch[net.target]) / effort
        terms = {"task": _over_joints(error.square().mean(-2))}
        if "inertia" in extra:
            difference = net.inertia(theta, batch["q"]) - extra["inertia"]
            rows = net.scale_inertia(difference).square().mean((-3, -1))
            terms["inertia"] = _over_joints(rows)
        if "nle" in extra and net.nle_mode == "learned":
            difference = (net.nle(theta, batch["q"], batch["v"]) - extra["nle"]) / effort
            terms["nle"] = _over_joints(difference.square().mean(-2))
        return terms


def _over_joints(mean_square: Tensor) -> Tensor:
    """Return the geometric mean (*lead,) of a positive quantity per joint (*lead, n)."""
    return (mean_square + MEAN_SQUARE_FLOOR).log().mean(-1).exp()
