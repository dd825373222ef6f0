# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Surrogate task loss, eq. (7) and (8): its gradient is that of the return, without a model."""

import torch
from torch import Tensor

SMALLEST_SPREAD = 1e-6  # of advantages: episodes that were all alike teach nothing
CLIP = 0.2  # of the ratio of likelihoods
RIDGE = 1e-3  # of the fit, per row


def surrogate(log_likelihoods: Tensor, weights: Tensor) -> Tensor:
    """Return -mean_e sum_t w_et log pi(a_et|s_et) (*lead,), both arguments (*lead, E, T).

    With the return R_e of the episode as its weights this is eq. (8). Its gradient, not its value,
    is what counts.
    """
    return -(weights.detach() * log_likelihoods).sum(-1).mean(-1)


def clipped_surrogate(log_likelihoods: Tensor, before: Tensor, weights: Tensor) -> Tensor:
    """Return PPO's objective, negated (*lead,), all arguments (*lead, B).

    It has the gradient of `surrogate`, up to a factor, where the policy is still the one that
    acted; what has become likelier or less likely by more than a fifth is left alone.

    Args:
        log_likelihoods: Of the actions, today.
        before: When they were chosen.
        weights: As of `surrogate`.
    """
    ratio = (log_likelihoods - before).exp()
    kept = ratio.clamp(1.0 - CLIP, 1.0 + CLIP)
    return -torch.minimum(weights * ratio, weights * kept).mean(-1)


def advantages(rewards: Tensor, observations: Tensor, discount: float) -> Tensor:
    """Return weights (*lead, E, T) with far less variance.

    The discounted sum of the rewards from t on, less its mean at t over the E episodes of the same
    policy, less what a linear function of the observations predicts of the rest, in units of the
    standard deviation. Without a discount the expected gradient is that of eq. (8), up to a
    positive factor, and to what predicting sums that were fitted leaves out.

    Args:
        rewards: (*lead, E, T).
        observations: At which the actions were chosen (*lead, E, T, k).
        discount: Of later rewards.
    """
    sums = rewards.clone()
    for t in range(rewards.shape[-1] - 2, -1, -1):
        sums[..., t] += discount * sums[..., t + 1]
    centred = sums - sums.mean(-2, keepdim=True)
    rest = centred - _predicted(centred, observations)
    spread = rest.square().mean((-2, -1), keepdim=True).sqrt()
    return rest / spread.clamp_min(SMALLEST_SPREAD)


def _predicted(sums: Tensor, observations: Tensor) -> Tensor:
    """Return a ridge regression of sums (*lead, E, T) on observations (*lead, E, T, k).

    Features are observations and their squares less their means at t, times 1, t and t^2, as in
    Duan et al. (2016). Policies along the last leading dimension share one fit.
    """
    time = torch.linspace(0.0, 1.0, sums.shape[-1], dtype=torch.float64).unsqueeze(-1)
    seen = torch.cat([observations, observations.square()], dim=-1).double()
    seen = seen - seen.mean(-3, keepdim=True)
    features = torch.cat([seen, seen * time, seen * time.square()], dim=-1)
    rows, returns = features.flatten(-4, -2), sums.double().flatten(-3, -1).unsqueeze(-1)
    ridge = RIDGE * rows.shape[-2] * torch.eye(rows.shape[-1], dtype=torch.float64)
    weights = torch.linalg.solve(rows.mT @ rows + ridge, rows.mT @ returns)
    return (rows @ weights).view(sums.shape).to(sums.dtype)
