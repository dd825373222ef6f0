# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Losses of episodes: the step size scales the update, and is no part of what is minimised."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from ml3_ros.core.losses.spec import InputSpec, LossSpec
from ml3_ros.core.losses.trajectory import (
    GAIN_RIDGE,
    DesiredActionLoss,
    StepSize,
    TrajectoryLoss,
    regression,
)
from ml3_ros.errors import ConfigError
from test.unit.core.losses.evaluation import evaluate

SIZES = {"state": 4, "goal": 2}


KINDS = {
    "trajectory": (TrajectoryLoss, {}),
    "desired_action": (DesiredActionLoss, {}),
    "gains": (DesiredActionLoss, {"gain_weight": 0.7}),
}


@pytest.fixture(params=KINDS)
def loss(request, float64):
    kind, options = KINDS[request.param]
    return kind(2, SIZES, hidden=(8, 8), step_hidden=(5,), bound=2.0, **options)


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
    value = evaluate(loss, phi, actions, actions, context)
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


def wild(loss, generator):
    """Return large parameters, at which the step size is 1."""
    fresh = loss.init(generator)
    phi = {k: 9.0 * torch.randn(p.shape, generator=generator) for k, p in fresh.items()}
    # the step size differs between actions
    return phi | {k: torch.zeros_like(p) for k, p in phi.items() if k.startswith("step_net")}


def test_the_minimum_is_one_finite_action_in_every_state(float64):
    loss = DesiredActionLoss(2, SIZES, hidden=(8, 8), reach=1.2)
    generator = torch.Generator().manual_seed(0)
    phi = wild(loss, generator)
    context = {k: torch.randn(7, n, generator=generator) for k, n in SIZES.items()}
    step = gradient(loss, phi, torch.zeros(7, 2), context)
    desired = -step / (gradient(loss, phi, torch.ones(7, 2), context) - step)
    assert (desired.abs() <= 1.2).all()
    assert desired.std() > 0.1
    torch.testing.assert_close(gradient(loss, phi, desired, context), torch.zeros(7, 2))
    seen = torch.cat(list(context.values()), -1)
    torch.testing.assert_close(loss.desired(phi, seen), desired)


def test_a_weight_of_gains_leaves_the_minimum_where_it_is(float64):
    loss = DesiredActionLoss(2, SIZES, hidden=(8, 8), gain_weight=5.0)
    generator = torch.Generator().manual_seed(0)
    phi = wild(loss, generator)
    context = {k: torch.randn(7, n, generator=generator) for k, n in SIZES.items()}
    desired = loss.desired(phi, torch.cat(list(context.values()), -1))
    assert float(evaluate(loss, phi, desired, desired, context)) == 0.0
    torch.testing.assert_close(gradient(loss, phi, desired, context), torch.zeros(7, 2))
    other = desired + 0.1 * torch.randn(7, 2, generator=generator)
    assert float(evaluate(loss, phi, other, other, context)) > 0.0


def test_regression_is_least_squares_with_a_ridge(float64):
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(3, 40, 4, generator=generator), torch.randn(3, 40, 2, generator=generator)
    for i in range(3):
        rows = np.hstack([np.ones((40, 1)), x[i].numpy()])
        expected = np.linalg.lstsq(rows, y[i].numpy(), rcond=None)[0]
        np.testing.assert_allclose(regression(x, y, 1e-12)[i], expected, rtol=1e-9, atol=1e-10)
        # a ridge is further rows, which set each coefficient to zero
        more = np.vstack([rows, np.sqrt(0.3 * 40) * np.eye(5)])
        targets = np.vstack([y[i].numpy(), np.zeros((5, 2))])
        expected = np.linalg.lstsq(more, targets, rcond=None)[0]
        np.testing.assert_allclose(regression(x, y, 0.3)[i], expected, rtol=1e-9, atol=1e-10)


def test_regression_in_float64_has_the_ridge_in_float64():
    x = torch.zeros(10, 1, dtype=torch.float64)
    found = regression(x, torch.ones_like(x), 1e-3)
    np.testing.assert_allclose(found, [[1.0 / 1.001], [0.0]], rtol=1e-15)


def test_where_actions_are_wrong_by_gains_the_loss_has_their_square(float64):
    """u - c = K (1, x): beside the first term the loss is g |K|^2, but for the ridge."""
    generator = torch.Generator().manual_seed(0)
    context = {k: torch.randn(200, n, generator=generator) for k, n in SIZES.items()}
    seen = torch.cat(list(context.values()), -1)
    gains = torch.randn(7, 2, generator=generator)
    plain = DesiredActionLoss(2, SIZES, hidden=(8,))
    phi = wild(plain, generator)
    actions = plain.desired(phi, seen) + gains[0] + seen @ gains[1:]
    base = evaluate(plain, phi, actions, actions, context)
    for weight in (0.5, 2.0):
        loss = DesiredActionLoss(2, SIZES, hidden=(8,), gain_weight=weight)
        found = float(evaluate(loss, phi, actions, actions, context) - base)
        assert found == pytest.approx(weight * float(gains.square().sum()), rel=10.0 * GAIN_RIDGE)


def test_episodes_that_ran_away_spoil_their_own_loss_alone():
    """Their regression has no solution in float32."""
    loss = DesiredActionLoss(2, SIZES, gain_weight=1.0)
    generator = torch.Generator().manual_seed(0)
    phi = loss.init(generator, (1,))
    context = {k: torch.randn(2, 7, n, generator=generator) for k, n in SIZES.items()}
    actions = torch.randn(2, 7, 2, generator=generator)
    expected = evaluate(loss, phi, actions, actions, context)[0]
    for x in context.values():
        x[1] = 1e5
    found = evaluate(loss, phi, actions, actions, context)
    torch.testing.assert_close(found[0], expected)
    assert not found[1].isfinite()


@pytest.mark.parametrize("weight", [-0.1, math.nan, math.inf])
def test_invalid_gain_weights_are_rejected(weight):
    with pytest.raises(ConfigError, match="gain_weight"):
        DesiredActionLoss(2, SIZES, gain_weight=weight)


def test_gains_on_too_many_inputs_are_rejected():
    """Memory grows with their square, and a loss file may hold anything."""
    DesiredActionLoss(2, {"state": 2000}, hidden=(1,))
    with pytest.raises(ConfigError, match="2000 inputs"):
        DesiredActionLoss(2, {"state": 2000}, hidden=(1,), gain_weight=1.0)


@pytest.mark.parametrize("bound", [0.0, -1.0, math.nan, math.inf, 1e3])
def test_invalid_bounds_are_rejected(bound):
    with pytest.raises(ConfigError, match="bound"):
        StepSize(3, (4,), bound)
    action = InputSpec(name="action", unit="N", scale=(1.0,))
    state = replace(action, name="state")
    for architecture in ("trajectory", "desired_action"):
        options = {"bound": bound}
        spec = LossSpec(
            architecture=architecture, target=action, context=(state,), options=options
        )
        with pytest.raises(ConfigError, match="bound"):
            spec.network()
