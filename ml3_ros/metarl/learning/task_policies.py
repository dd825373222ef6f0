# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A policy with parameters of its own for each task, and the gradient step that makes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.func import functional_call, vmap

from ml3_ros.core.types import Params
from ml3_ros.metarl.learning.ppo import PpoConfig, advantages
from ml3_ros.metarl.learning.trials import Trials, drawn
from ml3_ros.metarl.policies.policy import Policy, Seen

Adapt = Callable[[Params, Trials], Params]
"""Parameters (n, *shape) with a graph, and an episode of each: parameters after a step on it."""


class TaskPolicies:
    """Policies without memory of one structure, evaluated for n sets of parameters at once.

    Args:
        policy: Their structure; its own parameters are not used.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def look(self, theta: Params, seen: Seen) -> tuple[Distribution, Tensor]:
        """Return what to do (T, n) at what is seen (T, n, k), and values (T, n).

        Args:
            theta: Parameters (n, *shape).
            seen: Of the trials.
        """

        def one(params: Params, inputs: Tensor) -> tuple[Tensor, Tensor]:
            out, values, _ = functional_call(self.policy, params, (inputs.unsqueeze(1), []))
            return out.squeeze(1), values.squeeze(1)

        inputs = self.policy.inputs(seen)
        out, values = vmap(one, in_dims=(0, 1), out_dims=1)(theta, inputs)
        log_std = None if self.policy.discrete else theta["log_std"]
        return self.policy.distribution(out, log_std), values


def spread(params: Params, n: int) -> Params:
    """Return n equal copies (n, *shape) of parameters, through which gradients flow back."""
    return {k: p.unsqueeze(0).expand(n, *p.shape) for k, p in params.items()}


@torch.no_grad()
def gains(values: Tensor, trials: Trials, ppo: PpoConfig) -> Tensor:
    """Return advantages (T, n) of an episode, of mean 0 and size 1 in each task.

    Args:
        values: Of the states (T, n).
        trials: One episode of each task.
        ppo: Discount and trace.
    """
    paid = trials.rewards * max(1.0 - ppo.discount, 1.0 / len(trials.rewards))
    found, _ = advantages(paid, values, ppo, 1)
    return (found - found.mean(0)) / (found.std(0) + 1e-6)


def policy_gradient(
    policies: TaskPolicies,
    theta: Params,
    trials: Trials,
    ppo: PpoConfig,
    *,
    before: Tensor | None = None,
    create_graph: bool = False,
) -> Params:
    """Return each task's gradient (n, *shape) of minus its expected advantage.

    Args:
        policies: Who acted.
        theta: Their parameters (n, *shape), which need a graph.
        trials: One episode of each task.
        ppo: Discount and trace.
        before: Log-likelihoods (T, n) of the actions under who acted; None: theta did.
        create_graph: Whether the gradient is to be differentiated.
    """
    chances, values = policies.look(theta, trials.seen)
    found = gains(values, trials, ppo)
    likelihood = chances.log_prob(trials.actions)
    # its second derivative tells that other parameters would act otherwise (Rothfuss et al. 2019)
    ratio = (likelihood - (likelihood.detach() if before is None else before)).exp()
    loss = -(ratio * found).mean(0).sum()
    learned = {k: p for k, p in theta.items() if not k.startswith("critic")}
    grads = torch.autograd.grad(
        loss, tuple(learned.values()), create_graph=create_graph, allow_unused=True
    )
    return {
        k: torch.zeros_like(p) if g is None else g
        for (k, p), g in zip(learned.items(), grads, strict=True)
    }


def stepped(theta: Params, grads: Params, rates: Params) -> Params:
    """Return theta - rate x gradient (n, *shape) for each parameter that has one."""
    return {k: p - rates[k] * grads[k] if k in grads else p for k, p in theta.items()}


class AdaptingAgent:
    """Policies that make one gradient step after each episode, on that episode; see `Agent`.

    Args:
        policy: Their structure.
        start: Parameters (*shape) that each trial begins with.
        adapt: The step.
        horizon: Actions of an episode.
        source: Of actions.
    """

    def __init__(
        self,
        policy: Policy,
        start: Params,
        adapt: Adapt,
        horizon: int,
        source: torch.Generator,
    ) -> None:
        self.policies, self.start, self.adapt = TaskPolicies(policy), start, adapt
        self.horizon, self.source = horizon, source
        self.theta: Params = {}
        self._seen: list[Seen] = []
        self._actions: list[Tensor] = []
        self._rewards: list[Tensor] = []

    def begin(self, tasks: Tensor) -> None:
        """See `Agent`."""
        self.theta = spread(self.start, len(tasks))
        self._seen, self._actions, self._rewards = [], [], []

    def act(self, seen: Seen) -> Tensor:
        """See `Agent`."""
        if self._seen:
            self._rewards.append(seen.reward.squeeze(-1))
        if len(self._rewards) == self.horizon:
            self._adapt()
        now = Seen(*(getattr(seen, f.name).unsqueeze(0) for f in fields(Seen)))
        with torch.no_grad():
            chances, _ = self.policies.look(self.theta, now)
            action = drawn(chances, self.source)[0]
        self._seen.append(seen)
        self._actions.append(action)
        return action

    def _adapt(self) -> None:
        stacked = Seen(
            *(torch.stack([getattr(x, f.name) for x in self._seen]) for f in fields(Seen))
        )
        trials = Trials(stacked, torch.stack(self._actions), torch.stack(self._rewards))
        with torch.enable_grad():
            theta = {k: p.detach().requires_grad_() for k, p in self.theta.items()}
            after = self.adapt(theta, trials)
        self.theta = {k: p.detach() for k, p in after.items()}
        self._seen, self._actions, self._rewards = [], [], []
