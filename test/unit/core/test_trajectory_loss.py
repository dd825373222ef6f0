"""Losses of episodes: the step size scales the update, and is no part of what is minimised."""

from __future__ import annotations

import math

import pytest
import torch

from ml3_ros.core.loss_spec import InputSpec, LossSpec
from ml3_ros.core.trajectory_loss import DesiredActionLoss, StepSize, TrajectoryLoss
from ml3_ros.errors import ConfigError

SIZES = {"state": 4, "goal": 2}


@pytest.fixture(params=[TrajectoryLoss, DesiredActionLoss])
def loss(request, float64):
    return request.param(2, SIZES, hidden=(8, 8), step_hidden=(5,), bound=2.0)


@pytest.fixture
def episode(loss):
    generator = torch.Generator().manual_seed(0)
    phi = loss.init(generator, (3,))
    phi = {k: p + 0.3 * torch.randn(p.shape, generator=generator) for k, p in phi.items()}
    actions = torch.randn(3, 7, 2, generator=generator)
    context = {k: torch.randn(3, 7, n, generator=generator) for k, n in SIZES.items()}
    return phi, actions, context


def gradient(loss, phi, actions, context):
    actions = actions.detach().requires_grad_()
    value = loss.call(phi, actions, actions, context)
    return torch.autograd.grad(value.sum(), actions, create_graph=True)[0]


def test_the_step_size_scales_the_gradient_and_has_none(loss, episode):
    phi, actions, context = episode
    x = torch.cat([actions, *context.values()], -1).requires_grad_()
    size = loss.step_size.call(phi, x)
    assert not size.requires_grad
    unscaled = {k: p * (not k.startswith("step_net")) for k, p in phi.items()}
    expected = size[:, None, None] * gradient(loss, unscaled, actions, context)
    torch.testing.assert_close(gradient(loss, phi, actions, context), expected)
    assert size.std() > 0.01  # each episode has its own


def test_step_sizes_are_bounded_and_start_at_one(loss, episode):
    phi, actions, context = episode
    x = torch.cat([actions, *context.values()], -1)
    fresh = loss.init(torch.Generator().manual_seed(1), (3,))
    torch.testing.assert_close(loss.step_size.call(fresh, x), torch.ones(3))
    for sign in (1e4, -1e4):
        far = {
            k: sign * torch.ones_like(p) if k == "step_net.bias_1" else p for k, p in phi.items()
        }
        expected = math.exp(math.copysign(2.0, sign))
        torch.testing.assert_close(loss.step_size.call(far, x), torch.full((3,), expected))


def test_derivatives_by_phi_are_those_of_finite_differences(loss, episode):
    """Also of the update: the step size is learned through it."""
    phi, actions, context = episode
    names = list(phi)

    def update(*values):
        return gradient(loss, dict(zip(names, values, strict=True)), actions, context)

    assert torch.autograd.gradcheck(update, [p.requires_grad_() for p in phi.values()])


def test_the_minimum_is_one_finite_action_in_every_state(float64):
    loss = DesiredActionLoss(2, SIZES, hidden=(8, 8), reach=1.2)
    generator = torch.Generator().manual_seed(0)
    phi = {
        k: 9.0 * torch.randn(p.shape, generator=generator) for k, p in loss.init(generator).items()
    }
    context = {k: torch.randn(7, n, generator=generator) for k, n in SIZES.items()}
    # without the step size, which differs between actions
    phi |= {k: torch.zeros_like(p) for k, p in phi.items() if k.startswith("step_net")}
    step = gradient(loss, phi, torch.zeros(7, 2), context)
    desired = -step / (gradient(loss, phi, torch.ones(7, 2), context) - step)
    assert (desired.abs() <= 1.2).all()
    assert desired.std() > 0.1
    torch.testing.assert_close(gradient(loss, phi, desired, context), torch.zeros(7, 2))


@pytest.mark.parametrize("bound", [0.0, -1.0, math.nan, math.inf, 1e3])
def test_bounds_that_are_none_are_refused(bound):
    with pytest.raises(ConfigError, match="bound"):
        StepSize(3, (4,), bound)
    action = InputSpec(name="action", unit="N", scale=(1.0,))
    for architecture in ("trajectory", "desired_action"):
        options = {"bound": bound}
        spec = LossSpec(
            architecture=architecture, target=action, context=(action,), options=options
        )
        with pytest.raises(ConfigError, match="bound"):
            spec.network()
