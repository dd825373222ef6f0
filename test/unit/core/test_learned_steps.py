# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Step sizes that are learned with the loss: schedules over age, one per role."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
import torch

from ml3_ros.core.engine.higher import meta_gradient_higher
from ml3_ros.core.inner_loop import adapt
from ml3_ros.core.inner_optimizers import Adam, Sgd
from ml3_ros.core.learned_steps import BOUND, STEP_SIZES, ScheduledSteps
from ml3_ros.core.losses.spec import InputSpec, LossSpec
from ml3_ros.core.networks import Mlp
from ml3_ros.core.outer.meta_gradient import meta_gradient
from ml3_ros.core.schedules import hat_features
from ml3_ros.errors import ConfigError

KNOTS = (0.0, 3.0, 10.0, 100.0)
NET = Mlp((2, 3, 3, 1))
ROLES = tuple(sorted(set(NET.roles().values())))


def rule(itself=None, roles=None):
    return ScheduledSteps(itself or Adam(0.1), ROLES, KNOTS, roles or NET.roles())


def phi_of(value, lead=()):
    return {STEP_SIZES: torch.full((*lead, len(ROLES), len(KNOTS)), value)}


def doubles(tensors):
    return {k: x.double() for k, x in tensors.items()}


def test_shares_interpolate_in_the_log_of_age():
    ages = np.array([0.0, 1.0, 3.0, 5.0, 10.0, 40.0, 100.0, 1e6])
    values = torch.tensor([2.0, -1.0, 0.5, 3.0])
    shares = hat_features(torch.tensor(ages), KNOTS)
    expected = np.interp(np.log1p(ages), np.log1p(KNOTS), values)
    np.testing.assert_allclose(shares @ values.double(), expected, atol=1e-6)
    assert torch.all(shares >= 0.0)
    torch.testing.assert_close(shares.sum(-1), torch.ones(len(ages), dtype=torch.float64))


@pytest.mark.parametrize("itself", [Adam(0.1), Sgd(0.1), Sgd(0.1, clip_norm=0.5, momentum=0.9)])
def test_at_zero_it_is_the_rule_itself(itself):
    generator = torch.Generator().manual_seed(0)
    theta = NET.init(generator, (2,))
    found, expected = theta, theta
    found_state, expected_state = rule(itself).init(theta, (2,)), itself.init(theta, (2,))
    for _ in range(3):
        grads = NET.init(generator, (2,))
        found, found_state = rule(itself).step(found, grads, found_state, phi_of(0.0))
        expected, expected_state = itself.step(expected, grads, expected_state, {})
    for k in theta:
        torch.testing.assert_close(found[k], expected[k])
        assert not torch.equal(found[k], theta[k])
    assert found_state.keys() == expected_state.keys()
    assert all(torch.equal(found_state[k], x) for k, x in expected_state.items())


def test_learned_steps_of_descent_scale_what_it_would_do():
    generator = torch.Generator().manual_seed(0)
    theta, grads = NET.init(generator), NET.init(generator)
    plain = Sgd(0.1, momentum=0.9)
    moved, _ = plain.step(theta, grads, plain.init(theta), {})
    found, _ = rule(plain).step(theta, grads, plain.init(theta), phi_of(0.5))
    factor = math.exp(BOUND * math.tanh(0.5 / BOUND))
    for k in theta:
        torch.testing.assert_close(found[k] - theta[k], factor * (moved[k] - theta[k]))


def test_a_specification_names_the_rule(make_spec):
    learned = {"roles": ROLES, "knots": KNOTS}
    spec = make_spec(
        "mlp", inner_optimizer="scheduled_sgd", clip_norm=2.0, momentum=0.9, **learned
    )
    found = spec.optimizer(NET)
    assert isinstance(found, ScheduledSteps)
    assert found.rule == Sgd(spec.inner_lr, 2.0, 0.9)
    assert (found.role_names, found.knots) == (ROLES, KNOTS)
    assert spec.init_phi(torch.Generator())[STEP_SIZES].shape == (len(ROLES), len(KNOTS))
    adam = make_spec("mlp", inner_optimizer="scheduled_adam", **learned)
    assert adam.optimizer(NET).rule == Adam(adam.inner_lr)
    with pytest.raises(ConfigError, match="scheduled_sgd and scheduled_adam need 1"):
        make_spec("mlp", inner_optimizer="scheduled_sgd", knots=KNOTS)


def test_each_role_has_its_own_step_size_at_each_age():
    phi = phi_of(0.0)
    row = ROLES.index("hidden.weight")
    phi[STEP_SIZES][row] = torch.tensor([0.5, 0.5, -0.5, -0.5])
    sizes = rule().step_sizes(phi, torch.tensor([0.0, 1000.0]))
    bounded = BOUND * math.tanh(0.5 / BOUND)
    expected = [0.1 * math.exp(bounded), 0.1 * math.exp(-bounded)]
    torch.testing.assert_close(sizes[:, row], torch.tensor(expected))
    others = [i for i in range(len(ROLES)) if i != row]
    torch.testing.assert_close(sizes[:, others], torch.full((2, len(others)), 0.1))
    theta = NET.init(torch.Generator().manual_seed(0))
    state = rule().init(theta)
    ones = {k: torch.ones_like(p) for k, p in theta.items()}
    moved, _ = rule().step(theta, ones, state, phi)
    for k, role in NET.roles().items():
        size = expected[0] if role == "hidden.weight" else 0.1
        torch.testing.assert_close(theta[k] - moved[k], torch.full_like(theta[k], size))


def test_step_sizes_are_bounded():
    for value, sign in ((1e3, 1.0), (-1e3, -1.0)):
        sizes = rule().step_sizes(phi_of(value), torch.zeros(()))
        torch.testing.assert_close(sizes, torch.full((len(ROLES),), 0.1 * math.exp(sign * BOUND)))


def test_roles_fit_networks_of_any_depth():
    for depth in range(2, 6):
        deep = Mlp((2, *(3,) * depth, 1))
        assert set(deep.roles()) == set(dict(deep.named_parameters()))
        assert set(deep.roles().values()) <= set(ROLES)
        rule(roles=deep.roles())
    assert Mlp((2, 1)).roles() == {"weight_0": "output.weight", "bias_0": "output.bias"}


def test_a_model_with_other_roles_is_rejected():
    with pytest.raises(ConfigError, match=r"no step size for head\.weight"):
        rule(roles={"weight": "head.weight"})


@pytest.mark.parametrize("knots", [(), (1.0,), (0.0, 2.0, 2.0), (0.0, math.nan), (0.0, math.inf)])
def test_knots_increase_from_zero(make_spec, knots):
    with pytest.raises(ConfigError, match="knots"):
        make_spec("structured", inner_optimizer="scheduled_adam", roles=ROLES, knots=knots)


@pytest.mark.parametrize("error_statistics", [False, True])
def test_the_meta_gradient_of_losses_and_step_sizes_is_that_of_higher(
    family, make_spec, random_phi, error_statistics
):
    """Both are float64, which is not torch's default."""
    net = family.optimizee.double()
    roles = tuple(sorted(set(net.roles().values())))
    spec = make_spec(
        "structured",
        options={"hidden": (4,), "knots": (0.0, 1.0, 4.0), "error_statistics": error_statistics},
        inner_optimizer="scheduled_adam",
        inner_lr=0.05,
        roles=roles,
        knots=(0.0, 2.0),
    )
    phi = doubles(random_phi(spec))
    generator = torch.Generator().manual_seed(0)
    task = torch.zeros(1, dtype=torch.int64)
    drawn = [family.support(task, 0 * task, generator) for _ in range(4)]
    batches = [doubles({k: x[0] for k, x in batch.items()}) for batch in drawn]
    theta = doubles(net.init(generator))

    def task_loss(adapted):
        return family.task_losses(adapted, batches[-1], {})["task"]

    learner = spec.learner(net)
    arguments = (learner, theta, phi, batches[:3], task_loss)
    state = learner.inner_optimizer.init(theta)
    ours, theirs = (f(*arguments, state=state) for f in (meta_gradient, meta_gradient_higher))
    close = functools.partial(torch.testing.assert_close, rtol=1e-9, atol=1e-12)
    close(ours.outer_loss, theirs.outer_loss)
    assert ours.grads[STEP_SIZES].abs().min() > 0.0
    for k in phi:
        close(ours.grads[k], theirs.grads[k])
    for k in theta:
        close(ours.theta[k], theirs.theta[k])
    if error_statistics:
        return  # no gradient flows through them, but a difference sees them
    ends = [
        adapt(learner, theta, {**phi, STEP_SIZES: phi[STEP_SIZES] + h}, batches[:3]).theta
        for h in (1e-5, -1e-5)
    ]
    slope = float(task_loss(ends[0]) - task_loss(ends[1])) / 2e-5
    assert slope == pytest.approx(float(ours.grads[STEP_SIZES].sum()), rel=1e-6)


def scheduled(width):
    target = InputSpec(name="y", unit="", scale=(1.0,))
    return LossSpec(
        architecture="squared_error",
        target=target,
        inner_optimizer="scheduled_adam",
        roles=ROLES,
        knots=KNOTS,
        width=width,
    )


def test_steps_behind_wider_layers_are_smaller_and_behind_narrower_ones_larger():
    net = Mlp((2, 6, 12, 1))
    generator = torch.Generator().manual_seed(0)
    theta, grads, phi = net.init(generator), net.init(generator), phi_of(0.3)
    moved = {}
    for width in (None, 3, 24):
        optimizer = scheduled(width).optimizer(net)
        new_theta, _ = optimizer.step(theta, grads, optimizer.init(theta), phi)
        moved[width] = {k: new_theta[k] - theta[k] for k in theta}
    factors = {
        3: {"weight_1": 0.5, "weight_2": 0.25},
        24: {"weight_1": 2.0, "weight_2": math.sqrt(2.0)},
    }
    for width, expected in factors.items():
        for k in theta:
            torch.testing.assert_close(moved[width][k], moved[None][k] * expected.get(k, 1.0))


def test_on_the_width_that_they_were_learned_on_steps_are_as_learned():
    generator = torch.Generator().manual_seed(0)
    theta, grads, phi = NET.init(generator), NET.init(generator), phi_of(0.3)
    steps = [
        optimizer.step(theta, grads, optimizer.init(theta), phi)[0]
        for optimizer in (scheduled(3).optimizer(NET), scheduled(None).optimizer(NET))
    ]
    for k in theta:
        assert torch.equal(steps[0][k], steps[1][k])


@pytest.mark.parametrize("width", [0, -1])
def test_a_width_is_positive_and_for_learned_steps_only(width, make_spec):
    with pytest.raises(ConfigError, match="width"):
        scheduled(width)
    with pytest.raises(ConfigError, match="scheduled_adam alone"):
        make_spec("mlp", width=64)
