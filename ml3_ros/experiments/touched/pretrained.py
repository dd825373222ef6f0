# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A network trained on many arms at once: where all networks of one experiment begin."""

from __future__ import annotations

import torch
from tqdm import trange

from ml3_ros.core.types import Params
from ml3_ros.tasks.touched.families import TouchedFamily

BATCH = 32  # samples of each of ARMS arms in a step
ARMS = 16


def pretrain(family: TouchedFamily, n_steps: int, lr: float = 3e-3) -> Params:
    """Return a network (*shape) that predicts torque without contacts of all arms of a family.

    It is the best that can be trained on the arms of meta-training without knowing which arm it
    will be: those of meta-training are simulated, so their contacts are known.
    """
    generator = torch.Generator().manual_seed(0)
    theta = {k: p.requires_grad_() for k, p in family.optimizee.init(generator).items()}
    optimizer = torch.optim.Adam(theta.values(), lr=lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=n_steps)
    arms = family.arms
    for _ in trange(n_steps, desc="pretraining", leave=False, mininterval=1.0):
        tasks = torch.randint(len(arms), (ARMS,), generator=generator)
        samples = torch.randint(arms.q.shape[1], (ARMS, BATCH), generator=generator)
        at = (tasks.unsqueeze(-1), samples)
        batch = {k: x.flatten(0, 1) for k, x in family.observe(tasks, samples).items()}
        target = (arms.free[at] - family.known[at]).flatten(0, 1)
        spread = arms.spread[tasks].repeat_interleave(BATCH, 0)
        error = (family.optimizee.call(theta, batch) - target) / spread
        optimizer.zero_grad()
        error.square().mean().backward()
        optimizer.step()
        schedule.step()
    return {k: p.detach() for k, p in theta.items()}
