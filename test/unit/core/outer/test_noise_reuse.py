# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reused noise: as unbiased as persistent noise, with the smaller variance that theory says."""

from __future__ import annotations

import pytest
import torch

from ml3_ros.core.inner_optimizers import Sgd
from ml3_ros.core.learner import Learner
from ml3_ros.core.networks import FunctionalModule
from ml3_ros.core.outer.estimator import Window
from ml3_ros.core.outer.evolution import Evolution
from ml3_ros.core.outer.gradient import OuterGradient
from ml3_ros.core.outer.objective import OuterObjective

LIFE, DRAWS, SIGMA = 6, 3000, 0.1  # windows of one step; phi has as many elements


class Number(FunctionalModule):
    """f = theta."""

    def call(self, params, batch):
        return params["theta"] + 0.0 * batch["x"].mean(-2)[..., :1]


class Slope:
    """phi_k theta in step k, so that theta falls by phi_k whatever it is."""

    def evaluate(self, phi, model, batch, count):
        rates = (phi["rate"] * batch["x"].squeeze(-2)).sum(-1)
        return rates * model(batch).squeeze(-1)


def gradient():
    """Return the problem: theta falls by phi, the task loss is theta."""
    return OuterGradient(
        learner=Learner(Number(), Slope(), Sgd(1.0)),
        objective=OuterObjective(
            task_losses=lambda theta, query, extra: {"task": theta["theta"].squeeze(-1)},
            weights=(("task", 1.0),),
            log_task_loss=False,
            clip=1e9,
        ),
    )


def life(noise):
    """Return estimates (DRAWS, LIFE) of the gradient of theta after every window."""
    phi, lead = {"rate": torch.zeros(DRAWS, 1, LIFE)}, (DRAWS, 1)
    theta = {"theta": torch.zeros(*lead, 1)}
    estimator = Evolution(sigma=SIGMA, noise=noise).estimator(gradient(), phi)
    state = estimator.init(theta, lead)
    generator, estimates = torch.Generator().manual_seed(0), []
    for step in torch.eye(LIFE):
        batch = {"x": step.expand(*lead, 1, -1)}
        drawn = {k: x.transpose(0, 1) for k, x in estimator.draw(generator, DRAWS).items()}
        estimate = estimator.estimate(phi, Window(theta, state, {}, {}, drawn, (batch,)))
        theta, state = estimate.theta, estimate.inner_state
        estimates.append(estimate.grads["rate"].squeeze(1))
    return estimates


@pytest.mark.parametrize(
    ("noise", "variance"),
    # of window t, with independent effects of t steps on it, in d dimensions
    [
        ("persistent", lambda t, d: t * t * d + t),
        ("reused", lambda t, d: t * d + t),
    ],
)
def test_mean_and_variance_are_those_of_theory(noise, variance):
    for t, found in enumerate(life(noise), start=1):
        true = -(torch.arange(LIFE) < t).float()
        standard_error = found.std(0) / DRAWS**0.5
        assert ((found.mean(0) - true).abs() < 4.0 * standard_error).all()
        assert float(found.var(0).sum()) == pytest.approx(variance(t, LIFE), rel=0.2)


def test_a_model_begins_with_noise_of_its_own():
    phi, theta = {"rate": torch.zeros(1, 1, LIFE)}, {"theta": torch.zeros(1, 2, 1)}
    estimator = Evolution(noise="reused").estimator(gradient(), phi)
    old = torch.ones(1, 2, LIFE)
    # the first of two models has just been reset, the second has made a step
    state = estimator.init(theta, (1, 2)) | {"sum.rate": old}
    state["count"] = torch.tensor([[0.0, 1.0]])
    drawn = estimator.draw([torch.Generator().manual_seed(0)], 2)
    batch = {"x": torch.ones(1, 2, 1, LIFE)}
    window = Window(theta, state, {}, {}, drawn, (batch,))
    kept = estimator.estimate(phi, window).inner_state["sum.rate"]
    assert torch.equal(kept[0, 1], old[0, 1])
    assert torch.equal(kept[0, 0], 0.03 * drawn["noise.rate"][0, 0])
