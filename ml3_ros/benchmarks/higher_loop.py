# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Algorithm 1 with `higher`, written as its documentation shows: one model after the other."""

import torch
from torch import Tensor, nn

from ml3_ros.benchmarks.problems import Problem
from ml3_ros.core.types import Params
from ml3_ros.errors import needs

with needs("higher", "experiments", "the loop that ml3 bench compares with"):
    import higher


class HigherLoop:
    """Meta-trains one loss; what our trainer does for one seed."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.models = [problem.model() for _ in range(problem.config.n_tasks)]
        self.loss = problem.loss()
        self.outer = torch.optim.Adam(self.loss.parameters(), lr=problem.config.outer_lr)
        self.generator = torch.Generator().manual_seed(0)
        self.age = 0  # inner steps since the last restart
        self.tasks: Tensor
        self._restart()

    def step(self) -> None:
        """Make one inner step of every model and one of the loss."""
        config = self.problem.config
        self.outer.zero_grad()
        self.accumulate_gradient()
        nn.utils.clip_grad_norm_(self.loss.parameters(), config.outer_clip)
        self.outer.step()
        self.age += 1
        if self.age >= config.horizon:
            self._restart()

    def accumulate_gradient(self) -> None:
        """Add the meta-gradient, averaged over the tasks, to that of the loss's parameters."""
        family, n = self.problem.family, len(self.models)
        ages = torch.full((n,), self.age)
        support = family.support(self.tasks, ages, self.generator)
        query, extra = family.query(self.tasks, ages, self.generator)
        for i, model in enumerate(self.models):
            batch, held_out, extra_of = (
                {k: x[i] for k, x in d.items()} for d in (support, query, extra)
            )
            optimizer = torch.optim.SGD(model.parameters(), lr=self.problem.spec.inner_lr)
            with higher.innerloop_ctx(model, optimizer) as (functional, differentiable):
                differentiable.step(self.loss(functional(batch), batch))
                (self.problem.task_loss(functional, held_out, extra_of) / n).backward()
            with torch.no_grad():
                for weight, new in zip(model.parameters(), functional.parameters(), strict=True):
                    weight.copy_(new)

    def _restart(self) -> None:
        self.age = 0
        self.tasks = self.problem.family.sample(len(self.models), self.generator)
        for model in self.models:
            for module in model.modules():
                reset = getattr(module, "reset_parameters", None)
                if callable(reset):
                    reset()


def fill(module: nn.Module, params: Params) -> None:
    """Give a plain module our parameters: of the same order, weights transposed."""
    with torch.no_grad():
        for weight, value in zip(module.parameters(), params.values(), strict=True):
            weight.copy_(value.mT if value.dim() == 2 else value)


def gradient(module: nn.Module) -> list[Tensor]:
    """Return the gradient of a plain module's parameters, weights as ours."""
    grads = [p.grad for p in module.parameters() if p.grad is not None]
    return [g.mT if g.dim() == 2 else g for g in grads]
