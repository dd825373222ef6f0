# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The differentiable update rules equal those of torch, for one model and for many."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from ml3_ros.core.engine.engine import Engine
from ml3_ros.core.inner_optimizers import Adam, Sgd, clip_by_norm
from ml3_ros.errors import ConfigError


def random_theta(lead=(), seed=0):
    generator = torch.Generator().manual_seed(seed)
    shapes = {"weight": (3, 2), "bias": (2,), "scalar": ()}
    return {k: torch.randn((*lead, *s), generator=generator) for k, s in shapes.items()}


def follow_torch(ours, theirs, n_steps, clip_norm=None):
    """Return theta after the same gradients by our rule and by torch's."""
    theta = random_theta()
    parameters = {k: nn.Parameter(p.clone()) for k, p in theta.items()}
    optimizer = theirs(parameters.values())
    state = ours.init(theta)
    for step in range(n_steps):
        grads = random_theta(seed=step + 1)
        for k, p in parameters.items():
            p.grad = grads[k].clone()
        if clip_norm is not None:
            nn.utils.clip_grad_norm_(parameters.values(), clip_norm)
        optimizer.step()
        theta, state = ours.step(theta, grads, state, {})
    assert float(state["count"]) == n_steps
    return theta, {k: p.detach() for k, p in parameters.items()}


def test_sgd_equals_torch(float64):
    found, expected = follow_torch(Sgd(0.03), lambda p: torch.optim.SGD(p, lr=0.03), 20)
    for k in expected:
        torch.testing.assert_close(found[k], expected[k], rtol=1e-14, atol=1e-14)


def test_clipped_sgd_equals_torch(float64):
    found, expected = follow_torch(
        Sgd(0.03, clip_norm=1.5), lambda p: torch.optim.SGD(p, lr=0.03), 20, clip_norm=1.5
    )
    for k in expected:  # torch adds 1e-6 to the norm
        torch.testing.assert_close(found[k], expected[k], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("clip_norm", [None, 1.5])
def test_momentum_equals_torch(float64, clip_norm):
    found, expected = follow_torch(
        Sgd(0.03, clip_norm=clip_norm, momentum=0.8),
        lambda p: torch.optim.SGD(p, lr=0.03, momentum=0.8, nesterov=True),
        20,
        clip_norm=clip_norm,
    )
    tolerance = 1e-13 if clip_norm is None else 1e-5  # torch adds 1e-6 to the norm
    for k in expected:
        torch.testing.assert_close(found[k], expected[k], rtol=tolerance, atol=tolerance)


def test_only_momentum_remembers():
    theta = random_theta((2,))
    assert set(Sgd(0.1).init(theta, (2,))) == {"count"}
    gathered = {f"b.{k}" for k in theta}
    assert set(Sgd(0.1, momentum=0.9).init(theta, (2,))) == {"count"} | gathered


def test_adam_equals_torch(float64):
    found, expected = follow_torch(Adam(0.03), lambda p: torch.optim.Adam(p, lr=0.03), 20)
    for k in expected:  # eps is placed otherwise
        torch.testing.assert_close(found[k], expected[k], rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("lead", [(), (2,)])
@pytest.mark.parametrize("kind", ["autograd", "replayed"])
def test_adam_of_float64_models_is_float64_throughout(lead, kind):
    rule = Adam(0.03, eps=1e-14)  # so small that its place is not seen
    theta = {k: p.double() for k, p in random_theta(lead).items()}
    theirs = {k: nn.Parameter(p.clone()) for k, p in theta.items()}
    optimizer = torch.optim.Adam(theirs.values(), lr=0.03, eps=1e-14)
    state = rule.init(theta, lead)
    step = Engine(kind=kind).prepare(lambda *groups: rule.step(*groups, {}))
    for seed in range(1000):
        grads = {k: g.double() for k, g in random_theta(lead, seed + 1).items()}
        for k, p in theirs.items():
            p.grad = grads[k].clone()
        optimizer.step()
        theta, state = step(theta, grads, state)
    for k, p in theta.items():
        torch.testing.assert_close(p, theirs[k].detach(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("rule", [Sgd(0.1), Adam(0.1)])
def test_coarse_numbers_do_not_stop_the_count(rule, dtype):
    theta = {k: p.to(dtype) for k, p in random_theta().items()}
    state = {**rule.init(theta), "count": rule.init(theta)["count"] + 4096.0}
    assert float(rule.step(theta, theta, state, {})[1]["count"]) == 4097.0


def test_adam_with_large_eps_differs_from_torch_by_its_place_alone(float64):
    """One step on gradient g: m_hat = g, v_hat = g^2."""
    theta, grads = {"x": torch.zeros(3)}, {"x": torch.tensor([0.0, 0.3, -4.0])}
    rule = Adam(0.1, eps=0.4)
    found, _ = rule.step(theta, grads, rule.init(theta), {})
    expected = -0.1 * grads["x"] / (grads["x"].square() + 0.4**2).sqrt()
    torch.testing.assert_close(found["x"], expected)


RULES = [Sgd(0.1), Sgd(0.1, clip_norm=0.5), Sgd(0.1, clip_norm=0.5, momentum=0.9), Adam(0.1)]


@pytest.mark.parametrize("rule", RULES)
def test_models_of_different_ages_are_updated_as_if_alone(rule, float64):
    lead = (2, 2)
    ages = torch.tensor([[0, 1], [7, 100]])
    theta = random_theta(lead)
    state = rule.init(theta, lead)
    for k in state:  # what so many steps leave behind
        state[k] = torch.rand(state[k].shape, generator=torch.Generator().manual_seed(4))
    state["count"] = ages.to(torch.float64)
    grads = random_theta(lead, seed=9)
    together, new_state = rule.step(theta, grads, state, {})
    for index in ((0, 0), (0, 1), (1, 0), (1, 1)):
        alone, alone_state = rule.step(
            {k: p[index] for k, p in theta.items()},
            {k: g[index] for k, g in grads.items()},
            {k: s[index] for k, s in state.items()},
            {},
        )
        for k in theta:
            torch.testing.assert_close(together[k][index], alone[k], rtol=1e-13, atol=1e-15)
        for k in state:
            torch.testing.assert_close(new_state[k][index], alone_state[k], rtol=1e-13, atol=0.0)
        assert float(new_state["count"][index]) == float(ages[index]) + 1.0
    if isinstance(rule, Adam):  # a young model's moments are corrected more
        moved = (together["weight"] - theta["weight"]).abs().flatten(2).mean(-1)
        same = rule.step(theta, grads, {**state, "count": torch.full(lead, 100.0)}, {})[0]
        alike = (same["weight"] - theta["weight"]).abs().flatten(2).mean(-1)
        assert abs(float(moved[0, 0] / alike[0, 0]) - 1.0) > 0.01


def test_each_model_is_clipped_by_its_own_norm():
    grads = random_theta((3,), seed=2)
    grads = {
        k: g * torch.tensor([0.01, 1.0, 100.0]).view(3, *(1,) * (g.dim() - 1))
        for k, g in grads.items()
    }
    clipped = clip_by_norm(grads, 1.0, n_lead=1)
    for i in range(3):
        before = [g[i] for g in grads.values()]
        norm = float(torch.stack([g.square().sum() for g in before]).sum().sqrt())
        factor = min(1.0, 1.0 / norm)
        for k, g in grads.items():
            torch.testing.assert_close(clipped[k][i], factor * g[i])


def test_steps_read_their_arguments_only():
    for rule in RULES:
        theta, grads = random_theta(), random_theta(seed=5)
        state = rule.init(theta)
        before = {k: p.clone() for k, p in {**theta, **state}.items()}
        own_grads = {k: g.clone() for k, g in grads.items()}
        rule.step(theta, grads, state, {})
        assert all(torch.equal(before[k], p) for k, p in {**theta, **state}.items())
        assert all(torch.equal(own_grads[k], g) for k, g in grads.items())


@pytest.mark.parametrize("rule", RULES)
def test_a_zero_gradient_has_finite_derivatives(rule):
    scale = torch.tensor(0.0, requires_grad=True)
    theta = {"x": torch.ones(3)}
    new_theta, state = rule.step(theta, {"x": scale * torch.ones(3)}, rule.init(theta), {})
    new_theta, _ = rule.step(new_theta, {"x": scale * new_theta["x"]}, state, {})
    (slope,) = torch.autograd.grad(new_theta["x"].sum(), scale)
    assert torch.equal(new_theta["x"], theta["x"])
    assert torch.isfinite(slope)


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_step_sizes_and_norms_must_be_positive(value):
    for make in (Sgd, Adam, lambda x: Sgd(0.1, clip_norm=x)):
        with pytest.raises(ConfigError, match="must be > 0"):
            make(value)


@pytest.mark.parametrize("value", [-0.1, 1.0, math.nan, math.inf])
def test_momentum_is_a_share(value):
    with pytest.raises(ConfigError, match="momentum must be >= 0 and < 1"):
        Sgd(0.1, momentum=value)
