# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""MAML (Finn, Abbeel and Levine 2017): a start from which few steps on a robot go far."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from tqdm import trange

from ml3_ros.core.inner_loop import unroll
from ml3_ros.core.learner import Learner
from ml3_ros.core.outer import adam
from ml3_ros.core.outer.objective import OuterObjective
from ml3_ros.core.types import Params, with_lead
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.rivals.pretrained import CLIP, TORQUE
from ml3_ros.tasks.inverse_dynamics.family import InverseDynamicsFamily


@dataclass(frozen=True, kw_only=True, slots=True)
class MamlConfig:
    """How a start is meta-learned.

    Attributes:
        n_outer_steps: Steps of Adam on the start.
        n_tasks: Robots in each.
        unroll: Inner steps that it is differentiated through, to second order; the task loss
            counts after each of them.
        outer_lr: Step size, which falls to zero along a line.
    """

    n_outer_steps: int = 200
    n_tasks: int = 4
    unroll: int = 10
    outer_lr: float = 1e-3

    def __post_init__(self) -> None:
        for name in ("n_outer_steps", "n_tasks", "unroll"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be >= 1, got {getattr(self, name)}")


def meta_learn_start(
    family: InverseDynamicsFamily,
    learner: Learner,
    begin: Params,
    seeds: Sequence[int],
    config: MamlConfig | None = None,
    weights: tuple[tuple[str, float], ...] = TORQUE,
) -> Params:
    """Return a meta-learned start for each seed, (seeds, *shape).

    Args:
        family: The robots of meta-training.
        learner: The family's optimizee with a loss without parameters and the inner rule.
        begin: Where to begin from, (seeds, *shape): random or pretrained networks.
        seeds: Of the robots and batches.
        config: How to train.
        weights: Terms of the family's task losses.
    """
    config = config or MamlConfig()
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    lead = (len(seeds), config.n_tasks)
    start = {k: p.detach().clone() for k, p in begin.items()}
    outer_state = adam.init(start)
    objective = OuterObjective(
        task_losses=family.task_losses, weights=weights, log_task_loss=True, clip=CLIP
    )
    for step in trange(config.n_outer_steps, desc="MAML", leave=False, mininterval=1.0):
        tasks = family.sample(len(seeds) * config.n_tasks, generators)
        ages = [torch.full_like(tasks, age) for age in range(config.unroll)]
        batches = [with_lead(family.support(tasks, age, generators), lead) for age in ages]
        query, extra = (with_lead(x, lead) for x in family.query(tasks, ages[-1], generators))
        leaves = {k: p.requires_grad_() for k, p in start.items()}
        theta = {k: p.unsqueeze(1).expand(*lead, *p.shape[1:]) for k, p in leaves.items()}
        state = learner.inner_optimizer.init(theta, lead)
        steps = unroll(learner, theta, {}, batches, state, create_graph=True)
        losses = [objective.evaluate(each.theta, query, extra) for each in steps]
        loss = torch.stack(losses).mean(0)
        grads = torch.autograd.grad(loss.sum(), tuple(leaves.values()))
        start = {k: p.detach() for k, p in leaves.items()}
        named = dict(zip(start, grads, strict=True))
        clipped = objective.mean_and_clipped(named, config.n_tasks)
        share = 1.0 - step / config.n_outer_steps
        adam.step(start, clipped, outer_state, tuple(start), share * config.outer_lr)
    return start
