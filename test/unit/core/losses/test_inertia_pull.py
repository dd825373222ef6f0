# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A loss that pulls the model's inertia matrix to a learned one."""

from __future__ import annotations

import pytest
import torch

from ml3_ros.core.losses.architectures import make_meta_loss
from ml3_ros.core.losses.inertia_pull import START
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.losses.spec import InputSpec, LossSpec
from ml3_ros.core.networks import BoundModel, FunctionalModule
from ml3_ros.errors import ConfigError
from test.unit.core.losses.evaluation import evaluate

N, B = 2, 5
SIZES = {"q": N, "a": N}
OPTIONS = {"hidden": (4,), "usual_hidden": (3,)}


class Arm(FunctionalModule):
    """M as free numbers, which depend on nothing, and no F."""

    def scaled_inertia(self, theta, q):
        return theta["inertia"].expand(*q.shape[:-1], N, N)

    def scaled_nle(self, theta, q, v):
        return torch.zeros_like(v)

    def call(self, theta, batch):
        return (self.scaled_inertia(theta, batch["q"]) @ batch["a"].unsqueeze(-1)).squeeze(-1)


def make():
    return make_meta_loss("inertia_pull", N, SIZES, **OPTIONS)


def random_phi(loss, seed=0, lead=()):
    generator = torch.Generator().manual_seed(seed)
    fresh = loss.init(generator, lead)
    return {k: p + 0.5 * torch.randn(p.shape, generator=generator) for k, p in fresh.items()}


def states(seed=1):
    q, a, target = torch.randn(3, B, N, generator=torch.Generator().manual_seed(seed))
    return {"q": q, "a": a}, target


def value(loss, phi, inertia, batch, target):
    model = BoundModel(Arm(), {"inertia": inertia})
    return evaluate(loss, phi, model(batch), target, batch, model=model)


def test_it_is_the_structured_loss_plus_the_weighted_distance(float64):
    loss, (batch, target) = make(), states()
    phi, inertia = random_phi(loss), torch.randn(N, N)
    structured = make_meta_loss("structured", N, {"a": N}, hidden=(4,))
    prediction = (inertia @ batch["a"].unsqueeze(-1)).squeeze(-1)
    errors = evaluate(structured, phi, prediction, target, {"a": batch["a"]})
    distance = torch.stack(
        [(inertia - loss.usual(phi, q.unsqueeze(0))[0]).square().sum() for q in batch["q"]]
    ).mean()
    weight = (3.0 * torch.tanh(phi["log_pull"][0] / 3.0)).exp()
    found = value(loss, phi, inertia, batch, target)
    torch.testing.assert_close(found, errors + weight * distance)


def test_fresh_it_is_nearly_the_squared_error(float64):
    loss, (batch, target) = make(), states()
    phi = loss.init(torch.Generator().manual_seed(0))
    assert float(phi["log_pull"]) == START
    assert float(loss.usual(phi, batch["q"]).abs().max()) < 0.2
    inertia = 0.01 * torch.eye(N)
    prediction = (inertia @ batch["a"].unsqueeze(-1)).squeeze(-1)
    squared = float((prediction - target).square().sum(-1).mean())
    structured = make_meta_loss("structured", N, {"a": N}, hidden=(4,))
    errors = float(evaluate(structured, phi, prediction, target, {"a": batch["a"]}))
    found = float(value(loss, phi, inertia, batch, target))
    assert errors < found < errors + 0.05 * squared


def test_derivatives_by_model_and_phi_are_those_of_finite_differences(float64):
    loss, (batch, target) = make(), states()
    phi = random_phi(loss)
    names = list(phi)

    def of(inertia, *values):
        return value(loss, dict(zip(names, values, strict=True)), inertia, batch, target)

    leaves = [torch.randn(N, N), *phi.values()]
    assert torch.autograd.gradcheck(of, [x.detach().requires_grad_() for x in leaves])


def test_one_loss_per_seed_trains_all_tasks(float64):
    loss = make()
    phi = random_phi(loss, lead=(3, 1))
    inertia = torch.randn(3, 4, N, N)
    batch = {k: x.expand(3, 4, B, N) for k, x in states()[0].items()}
    target = torch.randn(3, 4, B, N)
    model = BoundModel(Arm(), {"inertia": inertia.unsqueeze(-3)})
    found = evaluate(loss, phi, model(batch), target, batch, torch.zeros(3, 4), model)
    for i in range(3):
        for j in range(4):
            own = {k: p[i, 0] for k, p in phi.items()}
            alone = {k: x[i, j] for k, x in batch.items()}
            expected = value(loss, own, inertia[i, j], alone, target[i, j])
            torch.testing.assert_close(found[i, j], expected)


def test_a_pull_leads_where_torques_say_nothing():
    """Without acceleration no torque error has a gradient on M: what moves it is the pull."""
    loss, (batch, target) = make(), states()
    batch["a"] = torch.zeros(B, N)
    inertia = torch.randn(N, N, generator=torch.Generator().manual_seed(3)).requires_grad_()
    (grad,) = torch.autograd.grad(value(loss, random_phi(loss), inertia, batch, target), inertia)
    assert float(grad.abs().min()) > 1e-3


def spec():
    q, a, tau = (
        InputSpec(name=name, unit="", scale=(1.0,) * N) for name in ("q", "a", "tau_inertial")
    )
    return LossSpec(architecture="inertia_pull", target=tau, context=(q, a), options=OPTIONS)


def test_its_file_comes_back_as_it_was(tmp_path):
    loss = LearnedLoss(spec=spec(), phi=random_phi(make()))
    again = LearnedLoss.load(loss.save(tmp_path / "loss.safetensors"))
    assert again.spec == loss.spec
    assert all(torch.equal(again.phi[k], p) for k, p in loss.phi.items())


@pytest.mark.parametrize("sizes", [{}, {"a": N}, {"q": N}, {"q": N + 1, "a": N}])
def test_it_needs_every_position_and_something_that_weights_depend_on(sizes):
    with pytest.raises(ConfigError, match="needs q of every joint"):
        make_meta_loss("inertia_pull", N, sizes)


def test_a_model_without_inertia_is_rejected():
    loss, (batch, target) = make(), states()
    with pytest.raises(ConfigError, match="looks at M_theta"):
        evaluate(loss, random_phi(loss), target, target, batch)
