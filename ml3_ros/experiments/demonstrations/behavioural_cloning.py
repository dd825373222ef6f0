# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Behavioural cloning: one policy for all targets, fitted to what an expert did."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from ml3_ros.core.types import Params
from ml3_ros.experiments.demonstrations.task import Demonstrations, cloning_loss
from ml3_ros.learners.reaching.policy import Policy


def clone(
    policy: Policy,
    shown: Demonstrations,
    *,
    lr: float,
    checkpoints: Sequence[int],
    measure: Callable[[Params], Any],
    generator: torch.Generator,
) -> list[Any]:
    """Fit a policy with Adam, every step on all demonstrations.

    Args:
        policy: Its structure.
        shown: What to imitate.
        lr: Step size.
        checkpoints: Increasing numbers of steps at which to measure.
        measure: Called with the policy's parameters, each (*shape,), without gradients.
        generator: Of the policy's start.

    Returns:
        The measurements.
    """
    theta = {k: p.requires_grad_() for k, p in policy.init(generator).items()}
    optimizer = torch.optim.Adam(theta.values(), lr=lr)
    goal = shown.goals.unsqueeze(1).expand(-1, shown.states.shape[1], -1).flatten(0, 1)
    expert = {"state": shown.states.flatten(0, 1), "action": shown.actions.flatten(0, 1)}
    found = []
    for step in range(max(checkpoints) + 1):
        if step in checkpoints:
            with torch.no_grad():
                found.append(measure(theta))
        optimizer.zero_grad(set_to_none=True)
        cloning_loss(policy, theta, goal, expert).backward()
        optimizer.step()
    return found
