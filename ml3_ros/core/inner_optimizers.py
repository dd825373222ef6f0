# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Differentiable update rules h for the optimizee (eq. 1), as pure functions.

A step returns new tensors and keeps the graph, so the meta-gradient flows through it.
"""

import sys
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ml3_ros.core.types import Params, append_dimensions
from ml3_ros.errors import ConfigError


class InnerOptimizer(Protocol):
    """An update rule for theta; its state holds "count" (*lead,), the steps of each model."""

    def init(self, theta: Params, lead: tuple[int, ...] = ()) -> Params:
        """Return the state before the first step, for theta with leading dimensions `lead`."""

    def step(
        self, theta: Params, grads: Params, state: Params, phi: Params
    ) -> tuple[Params, Params]:
        """Return (theta', state'); reads its arguments only.

        phi are the parameters of the loss, for a rule whose step sizes were learned with it.
        """


def _no_steps(theta: Params, lead: tuple[int, ...]) -> Tensor:
    """Return the count (*lead,) before the first step.

    Of theta's precision, as what is derived from it; but float32 at least, to count so far.
    """
    dtype = torch.float32
    for p in theta.values():
        dtype = torch.promote_types(dtype, p.dtype)
    return torch.zeros(lead, dtype=dtype)


def _check_positive(name: str, value: float) -> None:
    if not 0.0 < value <= sys.float_info.max:  # also rejects NaN
        raise ConfigError(f"{name} must be > 0 and finite, got {value}")


@dataclass(frozen=True, slots=True)
class Sgd:
    """theta' = theta - inner_lr * g (eq. 2), with g optionally clipped to a global norm.

    With momentum m > 0 it is Nesterov's: b' = m b + g, and the step is along g + m b' (Sutskever
    et al. 2013).
    """

    inner_lr: float = 1e-2  # step on theta [-]
    clip_norm: float | None = None  # largest norm of one model's gradient [-]
    momentum: float = 0.0  # [-]

    def __post_init__(self) -> None:
        _check_positive("inner_lr", self.inner_lr)
        if self.clip_norm is not None:
            _check_positive("clip_norm", self.clip_norm)
        if not 0.0 <= self.momentum < 1.0:
            raise ConfigError(f"momentum must be >= 0 and < 1, got {self.momentum}")

    def init(self, theta: Params, lead: tuple[int, ...] = ()) -> Params:
        """Return the state: the count, and with momentum what it has gathered."""
        state = {"count": _no_steps(theta, lead)}
        if self.momentum:
            state |= {f"b.{k}": torch.zeros_like(p) for k, p in theta.items()}
        return state

    def step(
        self, theta: Params, grads: Params, state: Params, phi: Params
    ) -> tuple[Params, Params]:
        """Return (theta', state')."""
        directions, new_state = self.directions(theta, grads, state)
        return {k: p - self.inner_lr * directions[k] for k, p in theta.items()}, new_state

    def directions(self, theta: Params, grads: Params, state: Params) -> tuple[Params, Params]:
        """Return what to subtract from theta at step size 1, and the new state."""
        if self.clip_norm is not None:
            grads = clip_by_norm(grads, self.clip_norm, n_lead=state["count"].dim())
        new_state = {"count": state["count"] + 1.0}
        if not self.momentum:
            return grads, new_state
        for k, g in grads.items():
            new_state[f"b.{k}"] = self.momentum * state[f"b.{k}"] + g
        return {k: g + self.momentum * new_state[f"b.{k}"] for k, g in grads.items()}, new_state


@dataclass(frozen=True, slots=True)
class Adam:
    """Adam (Kingma and Ba 2015), with eps^2 inside the root so that it is smooth at zero."""

    inner_lr: float = 1e-3  # step on theta [-]
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def __post_init__(self) -> None:
        _check_positive("inner_lr", self.inner_lr)

    def init(self, theta: Params, lead: tuple[int, ...] = ()) -> Params:
        """Return the state: count, first and second moments of every parameter."""
        moments = {f"{m}.{k}": torch.zeros_like(p) for k, p in theta.items() for m in "mv"}
        return {"count": _no_steps(theta, lead), **moments}

    def step(
        self, theta: Params, grads: Params, state: Params, phi: Params
    ) -> tuple[Params, Params]:
        """Return (theta', state')."""
        directions, new_state = self.directions(theta, grads, state)
        return {k: p - self.inner_lr * directions[k] for k, p in theta.items()}, new_state

    def directions(self, theta: Params, grads: Params, state: Params) -> tuple[Params, Params]:
        """Return what to subtract from theta at step size 1, and the new state."""
        count = state["count"] + 1.0
        correction1, correction2 = 1.0 - self.beta1**count, 1.0 - self.beta2**count
        directions, new_state = {}, {"count": count}
        for k, p in theta.items():
            m = self.beta1 * state[f"m.{k}"] + (1.0 - self.beta1) * grads[k]
            v = self.beta2 * state[f"v.{k}"] + (1.0 - self.beta2) * grads[k].square()
            m_hat, v_hat = (
                m / append_dimensions(correction1, p),
                v / append_dimensions(correction2, p),
            )
            directions[k] = m_hat / (v_hat + self.eps**2).sqrt()
            new_state[f"m.{k}"], new_state[f"v.{k}"] = m, v
        return directions, new_state


def clip_by_norm(grads: Params, max_norm: float, n_lead: int = 0) -> Params:
    """Scale each model's gradient down to norm `max_norm` where it is longer.

    Args:
        grads: Gradients, each (*lead, *shape).
        max_norm: Largest allowed norm.
        n_lead: Number of leading dimensions; models are clipped one by one.
    """
    squares = [g.square().reshape((*g.shape[:n_lead], -1)).sum(-1) for g in grads.values()]
    # clamped inside the root, so that it is smooth where the gradient vanishes
    factor = max_norm / torch.stack(squares).sum(0).clamp_min(max_norm**2).sqrt()
    return {k: g * append_dimensions(factor, g) for k, g in grads.items()}
