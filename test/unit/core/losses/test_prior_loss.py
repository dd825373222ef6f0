# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A loss that carries a physics prior: it identifies the arm, and pulls the model towards it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ml3_ros.core.losses.architectures import make_meta_loss
from ml3_ros.core.losses.spec import InputSpec
from ml3_ros.core.networks import BoundModel, FunctionalModule
from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.core.types import scoped
from ml3_ros.errors import ConfigError
from test.unit.core.losses.evaluation import evaluate

N, K, B = 2, 4, 40
SIZES = {"q": N, "v": N, "a": N}
OPTIONS = {
    "spread": (100.0,) * (K - 1),  # so wide that the ridge does not matter
    "velocity": (1.0, 2.0),
    "power": (1.0, 3.0),
    "prior_hidden": (5,),
    "hidden": (4,),
}


class Arm(FunctionalModule):
    """What the loss needs of a model, as free numbers: M and F that depend on nothing."""

    def scaled_inertia(self, theta, q):
        return theta["inertia"].expand(*q.shape[:-1], N, N)

    def scaled_nle(self, theta, q, v):
        return theta["nle"].expand(v.shape)

    def call(self, theta, batch):
        inertia = self.scaled_inertia(theta, batch["q"])
        torque = (inertia @ batch["a"].unsqueeze(-1)).squeeze(-1)
        return torque + self.scaled_nle(theta, batch["q"], batch["v"])


class PriorArm(FunctionalModule):
    """An arm of the prior's own kind: the believed one itself."""

    def __init__(self, loss, phi, belief):
        super().__init__()
        self.loss, self.phi, self.belief = loss, phi, belief

    def scaled_inertia(self, theta, q):
        v = torch.zeros_like(q)
        return self.loss.believed(self.phi, self.belief, q, v)[0]

    def scaled_nle(self, theta, q, v):
        return self.loss.believed(self.phi, self.belief, q, v / torch.tensor((1.0, 2.0)))[1]


def make(**options):
    return make_meta_loss("prior", N, SIZES, **{**OPTIONS, **options})


def drawn_phi(loss, lead=(), size=0.5):
    generator = torch.Generator().manual_seed(0)
    phi = loss.init(generator, lead)
    return {k: p + size * torch.randn(p.shape, generator=generator) for k, p in phi.items()}


def states(lead=(), seed=1):
    generator = torch.Generator().manual_seed(seed)
    return {k: torch.randn(*lead, B, N, generator=generator) for k in SIZES}


def torque_of(loss, phi, batch, coefficients, friction):
    inertia, nle = loss.prior.terms(scoped(phi, "prior"), batch["q"], batch["v"])
    terms = (inertia @ batch["a"][..., None, :, None]).squeeze(-1) + nle
    direction = torch.tanh(batch["v"] * torch.tensor((1.0, 2.0)) / 0.1)
    return (
        terms[..., 0, :]
        + (torch.tensor(coefficients).unsqueeze(-1) * terms[..., 1:, :]).sum(-2)
        + friction[0] * batch["v"]
        + friction[1] * direction
    )


def test_it_finds_out_which_arm_it_is(float64):
    loss = make()
    phi, batch = drawn_phi(loss), states()
    truth, friction = (0.3, -0.2, 1.5), torch.tensor([[0.4, 0.1], [-0.3, 0.6]])
    target = torque_of(loss, phi, batch, truth, friction)
    belief, unexplained = loss.identify(phi, target, batch)
    torch.testing.assert_close(belief.terms, torch.tensor((1.0, *truth)), atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(belief.friction, friction, atol=1e-2, rtol=1e-2)
    assert float(unexplained.abs().max()) < 1e-2
    a = batch["a"].unsqueeze(-1)
    inertia, nle = loss.believed(phi, belief, batch["q"], batch["v"])
    torch.testing.assert_close((inertia @ a).squeeze(-1) + nle, target, atol=1e-2, rtol=1e-2)


def test_a_narrow_spread_keeps_the_nominal_arm(float64):
    loss = make(spread=(1e-6,) * (K - 1))
    phi, batch = drawn_phi(loss), states()
    target = torque_of(loss, phi, batch, (0.3, -0.2, 1.5), torch.zeros(2, N))
    belief, _ = loss.identify(phi, target, batch)
    torch.testing.assert_close(belief.terms[1:], torch.zeros(K - 1), atol=1e-6, rtol=0.0)


def test_inertia_of_the_prior_is_symmetric_in_si(float64):
    loss = make()
    phi, batch = drawn_phi(loss), states()
    scaled, _ = loss.prior.terms(scoped(phi, "prior"), batch["q"], batch["v"])
    power = torch.tensor(OPTIONS["power"])
    # M_ij = effort_i scaled_ij / acceleration_j; with effort = power, acceleration = power
    inertia = power.unsqueeze(-1) * scaled / power
    torch.testing.assert_close(inertia, inertia.mT)


def test_coriolis_torques_are_quadratic_in_the_velocity(float64):
    loss = make()
    phi, batch = scoped(drawn_phi(loss), "prior"), states()

    def nle(scale):
        return loss.prior.terms(phi, batch["q"], scale * batch["v"])[1]

    torch.testing.assert_close(nle(2.0) - nle(0.0), 4.0 * (nle(1.0) - nle(0.0)))
    torch.testing.assert_close(nle(-1.0), nle(1.0))


def test_the_pull_vanishes_at_the_believed_arm_and_only_there(float64):
    loss = make()
    phi, batch = drawn_phi(loss), states()
    target = torque_of(loss, phi, batch, (0.3, -0.2, 1.5), torch.full((2, N), 0.2))
    belief, _ = loss.identify(phi, target, batch)
    count = torch.zeros(())
    model = BoundModel(PriorArm(loss, phi, belief), {})
    zero = torch.zeros(())  # of the error: nothing is left but the pull
    torch.testing.assert_close(evaluate(loss, phi, target, target, batch, count, model), zero)
    theta = {"inertia": torch.zeros(N, N), "nle": torch.zeros(N)}
    other = BoundModel(Arm(), theta)
    assert float(evaluate(loss, phi, target, target, batch, count, other)) > 0.0


def test_the_pull_is_differentiable_in_model_and_gates_alone(float64):
    loss = make()
    phi, batch = drawn_phi(loss, lead=(1,)), states(lead=(1,))
    target = torch.randn(1, B, N)
    gates = [k for k in phi if k.startswith("gate_net")]
    count = torch.full((1,), 7.0)

    def value(inertia, nle, *numbers):
        theta = {"inertia": inertia, "nle": nle}
        changed = {**phi, **dict(zip(gates, numbers, strict=True))}
        model = BoundModel(Arm(), theta)
        # the errors that the gates see are numbers: held fixed here
        return evaluate(loss, changed, torch.zeros(1, B, N), target, batch, count, model)

    leaves = [torch.randn(N, N), torch.randn(N), *(phi[k].clone() for k in gates)]
    assert torch.autograd.gradcheck(value, [x.requires_grad_() for x in leaves])
    given = {k: p.clone().requires_grad_() for k, p in phi.items() if k.startswith("prior")}
    model = BoundModel(Arm(), {"inertia": leaves[0], "nle": leaves[1]})
    found = evaluate(loss, {**phi, **given}, torch.zeros(1, B, N), target, batch, count, model)
    (grad,) = torch.autograd.grad(found.sum(), given["prior.weight_0"], allow_unused=True)
    assert grad is None


def test_a_model_without_inertia_is_rejected():
    loss = make()
    phi, batch = drawn_phi(loss), states()
    with pytest.raises(ConfigError, match="looks at M_theta and F_theta of the model"):
        evaluate(loss, phi, batch["q"], batch["q"], batch)


def test_meta_training_needs_the_prior(family, make_spec):
    context = tuple(InputSpec(name=name, unit="", scale=(1.0,) * N) for name in SIZES)
    spec = replace(make_spec("prior", options=OPTIONS), context=context)
    with pytest.raises(ConfigError, match="give a trained prior"):
        MetaTrainer(family, spec, MetaTrainConfig(), (0,))


@pytest.mark.parametrize(
    "change",
    [
        {"power": (1.0,) * 20_000},
        {"power": (1.0,)},
        {"velocity": (1.0,) * 5},
        {"velocity": (1.0, 0.0)},
        {"spread": (0.0,)},
        {"spread": (float("nan"),)},
        {"spread": 1.0},
    ],
)
def test_options_that_do_not_fit_the_joints_are_rejected(change):
    with pytest.raises(ConfigError, match=next(iter(change))):
        make(**change)


@pytest.mark.parametrize("sizes", [{}, {"q": N, "v": N}, {"q": N, "v": N, "a": 5}])
def test_a_prior_needs_all_of_every_joint(sizes):
    with pytest.raises(ConfigError, match="q, v, a of every joint"):
        make_meta_loss("prior", N, sizes, **OPTIONS)


def test_terms_that_no_parameter_pays_for_are_rejected():
    # one hidden unit makes thousands of terms of it, and of each a matrix for every state
    options = OPTIONS | {"prior_hidden": (1,), "spread": (1.0,) * 4096}
    with pytest.raises(ConfigError, match="spread has 4096 values, more than 65"):
        make_meta_loss("prior", N, SIZES, **options)
