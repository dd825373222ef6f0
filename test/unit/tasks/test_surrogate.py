# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The surrogate of the return, eq. (8): its gradient, likelihoods, advantages."""

from __future__ import annotations

import math

import pytest
import torch

from ml3_ros.experiments.model_free.policy import (
    GaussianPolicy,
    log_likelihoods,
)
from ml3_ros.experiments.model_free.surrogate import advantages, surrogate
from test.unit.tasks.slide import Slide, generator


def test_the_surrogate_is_equation_8():
    likelihoods = torch.randn(2, 3, 5, generator=generator())
    rewards = torch.randn(2, 3, 5, generator=generator(1))
    weights = rewards.sum(-1, keepdim=True).expand_as(rewards)  # the return, at every time
    for i in range(2):
        by_hand = (
            -sum(float(rewards[i, e].sum() * likelihoods[i, e].sum()) for e in range(3)) / 3.0
        )
        assert float(surrogate(likelihoods, weights)[i]) == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.parametrize("kind", ["returns", "advantages"])
def test_its_gradient_is_that_of_the_expected_return(kind):
    """The expected return of a mean, by quadrature over one action, in float64."""
    std, nodes = math.exp(-1.0), torch.linspace(-6.0, 6.0, 4001, dtype=torch.float64)
    weight = torch.exp(-0.5 * nodes**2)
    weight = weight / weight.sum()

    def expected(mean):
        return float((weight * -((mean + std * nodes - 0.8) ** 2)).sum())

    mean = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    actions = (mean + std * nodes).detach()
    # the same quadrature as "episodes" of one step each, with their probabilities
    likelihoods = -0.5 * ((actions - mean) / std) ** 2
    rewards = -((actions - 0.8) ** 2)
    found = rewards if kind == "returns" else rewards - (weight * rewards).sum()
    value = surrogate((likelihoods * weight * len(nodes)).view(1, -1, 1), found.view(1, -1, 1))
    (gradient,) = torch.autograd.grad(value.sum(), mean)
    difference = (expected(0.3 + 1e-5) - expected(0.3 - 1e-5)) / 2e-5
    assert -float(gradient) == pytest.approx(difference, rel=1e-6)


def test_the_surrogate_has_the_gradient_of_finite_differences(float64):
    policy = GaussianPolicy(Slide(), (3,))
    theta = {k: p.double().requires_grad_() for k, p in policy.init(generator(), (2,)).items()}
    seen = torch.randn(2, 4 * 5, 1, generator=generator(1))
    actions = torch.randn(2, 4 * 5, 1, generator=generator(2))
    weights = torch.randn(2, 4, 5, generator=generator(3))

    def value(*values):
        params = dict(zip(theta, values, strict=True))
        return surrogate(log_likelihoods(policy, params, seen, actions).view(2, 4, 5), weights)

    assert torch.autograd.gradcheck(value, tuple(theta.values()))


def test_log_likelihoods_are_those_of_torch():
    policy = GaussianPolicy(Slide(), (3,), log_std=-0.4)
    theta = policy.init(generator())
    seen, actions = torch.randn(6, 1), torch.randn(6, 1)
    normal = torch.distributions.Normal(policy.call(theta, {"observation": seen}), math.exp(-0.4))
    torch.testing.assert_close(
        log_likelihoods(policy, theta, seen, actions), normal.log_prob(actions).sum(-1)
    )


def test_advantages_discount_and_compare_episodes():
    rewards = torch.tensor([[[0.0, 1.0], [0.0, 0.0], [0.0, 2.0]]])
    found = advantages(rewards, torch.zeros(1, 3, 2, 4), 0.5)
    sums = torch.tensor([[0.5, 1.0], [0.0, 0.0], [1.0, 2.0]])
    centred = sums - sums.mean(0)
    torch.testing.assert_close(found[0], centred / centred.square().mean().sqrt())
    assert torch.equal(rewards[0, 0], torch.tensor([0.0, 1.0]))  # what went in is as it was
    alike = advantages(torch.ones(1, 3, 4), torch.zeros(1, 3, 4, 2), 0.9)
    assert torch.equal(alike, torch.zeros(1, 3, 4))


def test_advantages_leave_out_what_observations_foretell():
    observations = torch.randn(2, 3, 40, 5, 2, generator=generator())
    luck = 0.1 * torch.randn(2, 3, 40, 5, generator=generator(1))
    rewards = observations[..., 0] - 0.5 * observations[..., 1].square() + luck
    found = advantages(rewards, observations, 0.0)
    left = luck - luck.mean(-2, keepdim=True)
    expected = left / left.square().mean((-2, -1), keepdim=True).sqrt()
    assert float((found * expected).mean()) > 0.95  # correlation
    # seeds do not share a fit
    alone = advantages(rewards[:1], observations[:1], 0.0)
    torch.testing.assert_close(alone, found[:1])
