# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The paper's loss for model-free learning sees the likelihood, and pushes through it alone."""

from __future__ import annotations

import math

import pytest
import torch

from ml3_ros.core.losses.likelihood import LikelihoodLoss, log_likelihood
from ml3_ros.core.types import scoped
from ml3_ros.errors import ConfigError
from test.unit.core.losses.evaluation import evaluate


@pytest.fixture
def case(float64):
    loss = LikelihoodLoss(2, {"observation": 3}, hidden=(6,), log_std=-0.5)
    generator = torch.Generator().manual_seed(0)
    phi = loss.init(generator, (4,))
    means, actions = (torch.randn(4, 5, 2, generator=generator) for _ in range(2))
    return loss, phi, means, actions, torch.randn(4, 5, 3, generator=generator)


def test_log_likelihood_is_that_of_torch(case):
    _, _, means, actions, _ = case
    normal = torch.distributions.Normal(means, math.exp(-0.5))
    found = log_likelihood(actions, means, -0.5)
    torch.testing.assert_close(found, normal.log_prob(actions).sum(-1))


def test_gradients_flow_through_the_likelihood_only(case):
    loss, phi, means, actions, seen = case
    means.requires_grad_()
    value = evaluate(loss, phi, means, actions, {"observation": seen})
    assert value.shape == (4,) and (value > 0.0).all()
    (gradient,) = torch.autograd.grad(value.sum(), means)
    # d log pi / d mean = (a - mean) / std^2, in one direction per transition
    direction = (actions - means).detach()
    across = gradient[..., 0] * direction[..., 1] - gradient[..., 1] * direction[..., 0]
    torch.testing.assert_close(across, torch.zeros_like(across), atol=1e-12, rtol=0.0)


def test_derivatives_are_those_of_finite_differences(case):
    loss, phi, means, actions, seen = case
    names = list(phi)
    values = [phi[name].requires_grad_() for name in names]

    def value(means, *values):
        params = dict(zip(names, values, strict=True))
        return evaluate(loss, params, means, actions, {"observation": seen})

    assert torch.autograd.gradcheck(value, (means.requires_grad_(), *values))
    assert set(scoped(phi, "net")) == {"weight_0", "bias_0", "weight_1"}


def test_invalid_spreads_are_rejected():
    with pytest.raises(ConfigError, match="log_std"):
        LikelihoodLoss(1, {}, log_std=math.inf)
