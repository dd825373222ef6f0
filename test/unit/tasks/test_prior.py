# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The physics prior is trained on Pinocchio's model: the nominal arm, its links, its payload."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ml3_ros.core.losses.prior import PriorLoss
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.tasks.inverse_dynamics.prior import PriorConfig, teach_prior
from ml3_ros.tasks.inverse_dynamics.recipes import EXCITATIONS, Recipe

UNITS = Units(
    joint_names=("joint0", "joint1"),
    velocity=(1.8, 1.9),
    acceleration=(10.0, 11.0),
    effort=(0.1, 0.05),
)
CONFIG = PriorConfig(hidden=(48, 48), n_positions=2000, n_steps=600, batch_size=128)


@pytest.fixture(scope="module")
def prior():
    return teach_prior("reacher", UNITS, EXCITATIONS["reacher"], nle="learned", config=CONFIG)


def states(n=400, seed=3):
    rng = np.random.default_rng(seed)
    q = load_robot("reacher").home + rng.normal(0.0, 0.8, (n, 2))
    v = rng.normal(0.0, 1.0, (n, 2)) * UNITS.velocity
    a = rng.normal(0.0, 1.0, (n, 2)) * UNITS.acceleration
    return q, v, a


def normalised(q, v, a):
    scaled = {"q": q, "v": v / UNITS.velocity, "a": a / UNITS.acceleration}
    return {k: torch.from_numpy(x.astype(np.float32)) for k, x in scaled.items()}


@pytest.mark.parametrize(
    ("perturbation", "coefficients"),
    [
        (Perturbation(), (0.0, 0.0, 0.0)),
        (Perturbation(mass_scale=(1.2, 0.9)), (0.2, -0.1, 0.0)),
        (Perturbation(payload=0.03), (0.0, 0.0, 0.03)),
    ],
)
def test_its_terms_are_links_and_payload(prior, perturbation, coefficients):
    q, v, a = states()
    expected = PinocchioModel(load_robot("reacher"), perturbation).rnea(q, v, a) / UNITS.effort
    batch = normalised(q, v, a)
    inertia, nle = prior.network.terms(prior.params, batch["q"], batch["v"])
    torques = (inertia @ batch["a"][:, None, :, None]).squeeze(-1) + nle
    weight = torch.tensor((1.0, *coefficients)).unsqueeze(-1)
    found = (weight * torques).sum(1).numpy()
    error = np.square(found - expected).mean() / np.square(expected).mean()
    assert error < 0.005


def test_the_loss_that_carries_it_identifies_a_payload(prior):
    q, v, a = states()
    heavy = PinocchioModel(load_robot("reacher"), Perturbation(payload=0.02))
    target = torch.from_numpy((heavy.rnea(q, v, a) / UNITS.effort).astype(np.float32))
    loss = PriorLoss(2, {"q": 2, "v": 2, "a": 2}, **prior.options)
    batch = normalised(q, v, a)
    belief, unexplained = loss.identify(prior.constants, target, batch)
    assert float(belief.terms[1:].abs().max()) > 0.01
    inertia, nle = prior.network.terms(prior.params, batch["q"], batch["v"])
    nominal = (inertia[:, 0] @ batch["a"].unsqueeze(-1)).squeeze(-1) + nle[:, 0]
    left = (target - nominal).square().mean()
    assert float(unexplained.square().mean()) < 0.2 * float(left)


def test_the_residual_of_a_nominal_f_has_no_nominal_f():
    taught = teach_prior("reacher", UNITS, EXCITATIONS["reacher"], nle="residual", config=CONFIG)
    batch = normalised(*states())
    _, nle = taught.network.terms(taught.params, batch["q"], batch["v"])
    assert float(nle[:, 0].square().mean()) < 0.02 * float(nle[:, 1:].square().mean())


def test_a_recipe_with_a_prior_needs_one(prior):
    recipe = Recipe(nle="learned", architecture="prior")
    spec = recipe.loss_spec(UNITS, "reacher", prior)
    assert [c.name for c in spec.context] == ["q", "v", "a"]
    assert spec.network().prior.n_terms == 4
    with pytest.raises(ValueError, match="teach_prior"):
        recipe.loss_spec(UNITS, "reacher")
