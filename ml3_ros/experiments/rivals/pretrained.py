# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pretraining: one network trained on all robots of meta-training at once, to begin from."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from tqdm import trange

from ml3_ros.core.draws import rand
from ml3_ros.core.outer import adam
from ml3_ros.core.outer.objective import OuterObjective
from ml3_ros.core.types import Params, with_lead
from ml3_ros.errors import ConfigError
from ml3_ros.tasks.inverse_dynamics.family import InverseDynamicsFamily

TORQUE = (("task", 1.0),)
CLIP = 1.0  # largest norm of a gradient


@dataclass(frozen=True, kw_only=True, slots=True)
class PretrainConfig:
    """How a network is pretrained.

    Attributes:
        n_steps: Steps of Adam.
        batch_size: Samples of all robots in a step.
        lr: Step size, which falls to zero along a line.
    """

    n_steps: int = 1000
    batch_size: int = 256
    lr: float = 3e-3

    def __post_init__(self) -> None:
        for name in ("n_steps", "batch_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be >= 1, got {getattr(self, name)}")


def pretrain(
    family: InverseDynamicsFamily,
    seeds: Sequence[int],
    config: PretrainConfig | None = None,
    weights: tuple[tuple[str, float], ...] = TORQUE,
) -> Params:
    """Return a network for each seed that suits all robots of a family alike, (seeds, *shape).

    It sees every sample of every robot, the held-out ones too: meta-training does as well.

    Args:
        family: The robots.
        seeds: Of the random networks and of the batches.
        config: How to train.
        weights: Terms of the family's task losses, those that a learned loss is trained for.
    """
    config = config or PretrainConfig()
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    first = torch.zeros(len(seeds), dtype=torch.int64)
    theta = {k: p.clone() for k, p in family.init(first, generators).items()}
    state = adam.init(theta)
    objective = OuterObjective(
        task_losses=family.task_losses, weights=weights, log_task_loss=True, clip=CLIP
    )
    recordings = family.recordings
    for step in trange(config.n_steps, desc="pretraining", leave=False, mininterval=1.0):
        draws = rand(generators, 2 * len(seeds), config.batch_size)
        robots, samples = draws.view(len(seeds), 2, -1).unbind(1)
        tasks = (robots * len(recordings)).long().flatten()
        at = (samples * recordings.n_samples).long().reshape(-1, 1)
        shape = (len(seeds), config.batch_size)
        batch = with_lead({k: x.squeeze(1) for k, x in family.observe(tasks, at).items()}, shape)
        extra = with_lead(
            {k: x.squeeze(1) for k, x in recordings.reveal(tasks, at).items()}, shape
        )
        leaves = {k: p.requires_grad_() for k, p in theta.items()}
        loss = objective.evaluate(leaves, batch, extra)
        grads = torch.autograd.grad(loss.sum(), tuple(leaves.values()))
        theta = {k: p.detach() for k, p in leaves.items()}
        clipped = objective.mean_and_clipped(dict(zip(theta, grads, strict=True)), 1)
        adam.step(theta, clipped, state, tuple(theta), config.lr * (1.0 - step / config.n_steps))
    return theta
