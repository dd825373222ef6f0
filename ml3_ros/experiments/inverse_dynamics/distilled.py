# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Distilled baseline: a model that has learned the physics prior before it adapts."""

import torch

from ml3_ros.core.inner_optimizers import Adam
from ml3_ros.core.losses.prior import TaughtPrior
from ml3_ros.core.types import Params
from ml3_ros.learners.inverse_dynamics.net import InverseDynamicsNet

DISTIL_LR = 3e-3
BATCH = 64  # states per step


def distil(
    prior: TaughtPrior,
    optimizee: InverseDynamicsNet,
    q: torch.Tensor,
    *,
    n_steps: int,
    seeds: tuple[int, ...],
) -> Params:
    """Train models to be the prior's nominal arm, by Adam on M and F themselves.

    Args:
        prior: What to distil.
        optimizee: The structure of the models.
        q: Positions of the workspace [rad], (N, n).
        n_steps: Gradient steps.
        seeds: Of the random models that it begins with.

    Returns:
        Parameters, each (seeds, *shape).
    """
    generator = torch.Generator().manual_seed(0)
    fresh = [optimizee.init(torch.Generator().manual_seed(seed)) for seed in seeds]
    theta = {k: torch.stack([p[k] for p in fresh]) for k in fresh[0]}
    state = Adam(DISTIL_LR).init(theta)
    velocity = torch.tensor(optimizee.units.velocity)
    for k in range(n_steps):
        rows = torch.randint(len(q), (BATCH,), generator=generator)
        at, speed = q[rows], torch.randn(BATCH, q.shape[-1], generator=generator)
        with torch.no_grad():
            inertia, nle = prior.network.terms(prior.params, at, speed)
        theta = {name: p.detach().requires_grad_() for name, p in theta.items()}
        wide = at.expand(len(seeds), *at.shape)
        error = (optimizee.scaled_inertia(theta, wide) - inertia[:, 0]).square().sum((-2, -1))
        if optimizee.nle_mode == "learned":
            speeds = (speed * velocity).expand_as(wide)
            error = error + (optimizee.scaled_nle(theta, wide, speeds) - nle[:, 0]).square().sum(
                -1
            )
        grads = torch.autograd.grad(error.mean(-1).sum(), tuple(theta.values()))
        named = dict(zip(theta, grads, strict=True))
        # falls linearly to zero, so that the last steps average the noise of small batches
        rule = Adam(DISTIL_LR * (1.0 - k / n_steps))
        with torch.no_grad():
            theta, state = rule.step(theta, named, state, {})
    return {name: p.detach() for name, p in theta.items()}
