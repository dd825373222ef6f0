# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The models that meta-training keeps alive: one for every seed and task, each with its age."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ml3_ros.core.draws import Source
from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.outer.estimator import Estimator
from ml3_ros.core.outer.family import TaskFamily
from ml3_ros.core.types import Batch, Extra, Params, with_lead


class Population:
    """Models on tasks of a family, drawn anew when they are old or have diverged.

    Attributes:
        tasks: Of each model (seeds, tasks).
        theta: Parameters (seeds, tasks, *shape).
        inner_state: What the estimator keeps of each model, likewise.
        ages: Inner steps that each has made (seeds, tasks).
        resets_in: Inner steps that each has left (seeds, tasks).
    """

    def __init__(
        self,
        family: TaskFamily,
        config: MetaTrainConfig,
        generators: list[torch.Generator],
        estimator: Estimator,
        to_device: Callable[[Params], Params],
    ) -> None:
        """Draw the first models.

        Args:
            family: Where the tasks come from.
            config: How many models, and for how long they live.
            generators: One of each seed.
            estimator: Defines what is kept of a model besides theta.
            to_device: Moves parameters to where steps are computed.
        """
        self._family, self._generators = family, generators
        self._estimator, self._to_device = estimator, to_device
        self._lead = (len(generators), config.n_tasks)
        self._horizon = config.horizon
        self.tasks, self.theta = self._fresh()
        self.inner_state = estimator.init(self.theta, self._lead)
        self.ages = torch.zeros(self._lead, dtype=torch.int64)
        # reset at `horizon`; staggered models are due at different times from the start
        offset = torch.arange(config.n_tasks) * config.horizon // config.n_tasks
        self.resets_in = config.horizon - (offset if config.restart == "staggered" else 0 * offset)
        self.resets_in = self.resets_in.expand(self._lead).clone()

    def support(self, ahead: int) -> Batch:
        """Return what every model observes `ahead` inner steps from now."""
        ages = (self.ages + ahead).flatten()
        return with_lead(
            self._family.support(self.tasks.flatten(), ages, self._generators), self._lead
        )

    def query(self, ahead: int) -> tuple[Batch, Extra]:
        """Return the batch and extra information of every model's task loss, likewise."""
        ages = (self.ages + ahead).flatten()
        query, extra = self._family.query(self.tasks.flatten(), ages, self._generators)
        return with_lead(query, self._lead), with_lead(extra, self._lead)

    def advance(self, theta: Params, inner_state: Params, n_steps: int) -> None:
        """Take over the models as they are `n_steps` inner steps later."""
        self.theta, self.inner_state = theta, inner_state
        self.ages += n_steps
        self.resets_in -= n_steps

    def reset(self, diverged: Tensor) -> None:
        """Give old models and those marked in `diverged` (seeds, tasks) a new task and theta."""
        mask = diverged | (self.resets_in <= 0)
        if mask.all():  # the usual case, and much cheaper than one by one
            self.tasks, self.theta = self._fresh()
            self.inner_state = self._estimator.init(self.theta, self._lead)
            self.ages.zero_()
            self.resets_in.fill_(self._horizon)
            return
        for s, row in enumerate(mask.tolist()):
            if any(row):
                self._reset_some(s, mask[s].nonzero().squeeze(-1))

    def _reset_some(self, s: int, slots: Tensor) -> None:
        """Reset the models in `slots` of seed number s."""
        generator: Source = self._generators[s]
        self.tasks[s, slots] = self._family.sample(len(slots), generator)
        theta = self._to_device(self._family.init(self.tasks[s, slots], generator))
        state = self._to_device(self._estimator.init(theta, (len(slots),)))
        for old, new in ((self.theta, theta), (self.inner_state, state)):
            for k in old:
                old[k][s, slots] = new[k]
        self.ages[s, slots] = 0
        self.resets_in[s, slots] = self._horizon

    def _fresh(self) -> tuple[Tensor, Params]:
        """Return a new task for every model, (seeds, tasks), and a fresh optimizee for it."""
        tasks = self._family.sample(math.prod(self._lead), self._generators)
        theta = with_lead(self._family.init(tasks, self._generators), self._lead)
        return tasks.view(self._lead), self._to_device(theta)
