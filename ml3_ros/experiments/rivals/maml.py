# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""MAML (Finn, Abbeel and Levine 2017): a start from which few steps on a task go far.

Without any inner step it is pretraining: one model for all tasks at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from tqdm import trange

from ml3_ros.core.inner_loop import unroll
from ml3_ros.core.learner import Learner
from ml3_ros.core.outer import adam
from ml3_ros.core.outer.family import TaskFamily
from ml3_ros.core.outer.objective import OuterObjective
from ml3_ros.core.types import Params, with_lead
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.rivals.pretrained import CLIP, TORQUE


@dataclass(frozen=True, kw_only=True, slots=True)
class MamlConfig:
    """How a start is meta-learned.

    Attributes:
        n_outer_steps: Steps of Adam on the start.
        n_tasks: Tasks in each.
        unroll: Inner steps that it is differentiated through, to second order; the task loss
            counts after each of them. Without any the start itself is trained.
        outer_lr: Step size, which falls to zero along a line.
    """

    n_outer_steps: int = 200
    n_tasks: int = 4
    unroll: int = 10
    outer_lr: float = 1e-3

    def __post_init__(self) -> None:
        for name, least in (("n_outer_steps", 1), ("n_tasks", 1), ("unroll", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} must be >= {least}, got {getattr(self, name)}")


def meta_learn_start(
    family: TaskFamily,
    learner: Learner,
    begin: Params,
    seeds: Sequence[int],
    config: MamlConfig | None = None,
    weights: tuple[tuple[str, float], ...] = TORQUE,
    phi: Params | None = None,
) -> Params:
    """Return a meta-learned start for each seed, (seeds, *shape).

    Args:
        family: The tasks of meta-training.
        learner: The family's optimizee with a loss that is not learned, and the inner rule.
        begin: Where to begin from, (seeds, *shape): random or pretrained networks.
        seeds: Of the tasks and batches.
        config: How to train.
        weights: Terms of the family's task losses.
        phi: What the loss needs, such as a model of a world, each (1, 1, *shape).
    """
    config = config or MamlConfig()
    name = "MAML" if config.unroll else "pretraining"
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    lead = (len(seeds), config.n_tasks)
    start = {k: p.detach().clone() for k, p in begin.items()}
    outer_state = adam.init(start)
    objective = OuterObjective(
        task_losses=family.task_losses, weights=weights, log_task_loss=True, clip=CLIP
    )
    for step in trange(config.n_outer_steps, desc=name, leave=False, mininterval=1.0):
        tasks = family.sample(len(seeds) * config.n_tasks, generators)
        ages = [torch.full_like(tasks, age) for age in range(config.unroll)]
        batches = [with_lead(family.support(tasks, age, generators), lead) for age in ages]
        last = torch.full_like(tasks, max(config.unroll - 1, 0))
        query, extra = (with_lead(x, lead) for x in family.query(tasks, last, generators))
        leaves = {k: p.requires_grad_() for k, p in start.items()}
        theta = {k: p.unsqueeze(1).expand(*lead, *p.shape[1:]) for k, p in leaves.items()}
        state = learner.inner_optimizer.init(theta, lead)
        steps = unroll(learner, theta, phi or {}, batches, state, create_graph=True)
        models = [each.theta for each in steps] or [theta]
        losses = [objective.evaluate(each, query, extra) for each in models]
        loss = torch.stack(losses).mean(0)
        grads = torch.autograd.grad(loss.sum(), tuple(leaves.values()))
        start = {k: p.detach() for k, p in leaves.items()}
        named = dict(zip(start, grads, strict=True))
        clipped = objective.mean_and_clipped(named, config.n_tasks)
        share = 1.0 - step / config.n_outer_steps
        adam.step(start, clipped, outer_state, tuple(start), share * config.outer_lr)
    return start
