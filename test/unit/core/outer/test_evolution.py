# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Online evolution: unbiased over a life, where the derivative through a window is not."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ml3_ros.core.checkpoints import restore_trainer, trainer_to_bytes
from ml3_ros.core.inner_optimizers import Sgd
from ml3_ros.core.learner import Learner
from ml3_ros.core.networks import FunctionalModule
from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.outer.estimator import Window
from ml3_ros.core.outer.evolution import Evolution, Unrolled
from ml3_ros.core.outer.gradient import OuterGradient
from ml3_ros.core.outer.objective import OuterObjective
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.errors import DataError, Ml3Error

LIFE, PAIRS, STEP = 6, 20_000, 0.1


class Number(FunctionalModule):
    """f = theta."""

    def call(self, params, batch):
        return params["theta"] + 0.0 * batch["x"].mean(-2)


class Square:
    """e^phi theta^2 / 2."""

    def evaluate(self, phi, model, batch, count):
        return 0.5 * (phi["rate"].exp() * model(batch) ** 2).sum(-1)


def gradient():
    """Return the problem: descend on e^phi theta^2 / 2, the task loss is theta^2."""
    return OuterGradient(
        learner=Learner(Number(), Square(), Sgd(STEP)),
        objective=OuterObjective(
            task_losses=lambda theta, query, extra: {"task": theta["theta"].square().sum(-1)},
            weights=(("task", 1.0),),
            log_task_loss=False,
            clip=1e9,
        ),
    )


def estimate(kind, rates, *, window=1, life=LIFE):
    """Return the sum of the gradients (seeds,) of all windows of a life, one seed a rate."""
    phi = {"rate": torch.tensor(rates).view(-1, 1, 1)}
    pairs = PAIRS if isinstance(kind, Evolution) else 1
    lead = (len(rates), pairs)
    theta = {"theta": torch.ones(*lead, 1)}
    estimator = kind.estimator(gradient(), phi)
    state = estimator.init(theta, lead)
    generators = [torch.Generator().manual_seed(i) for i in range(len(rates))]
    batch, total = {"x": torch.zeros(*lead, 1, 1)}, torch.zeros(len(rates))
    for _ in range(0, life, window):
        noise = estimator.draw(generators, pairs)
        step = estimator.estimate(phi, Window(theta, state, {}, {}, noise, (batch,) * window))
        theta, state = step.theta, step.inner_state
        total += step.grads["rate"].view(-1)
    return total


def true_gradient(rates, window=1):
    """Return d sum_k theta_k^2 / d phi by the derivative through the whole life."""
    phi = torch.tensor(rates, requires_grad=True)
    theta, total = torch.ones(len(rates)), torch.zeros(())
    for k in range(1, LIFE + 1):
        theta = theta - STEP * phi.exp() * theta
        if k % window == 0:
            total = total + theta.square().sum()
    return torch.autograd.grad(total, phi)[0]


@pytest.mark.parametrize("window", [1, 2])
@pytest.mark.parametrize("noise", ["persistent", "reused"])
def test_evolution_is_unbiased_where_a_window_is_not(window, noise):
    rates = [0.0, 0.7]
    true = true_gradient(rates, window)
    found = estimate(Evolution(sigma=0.02, noise=noise), rates, window=window)
    torch.testing.assert_close(found, true, rtol=0.04, atol=0.0)
    truncated = estimate(Unrolled(), rates, window=window)
    assert (truncated / true < 0.75).all()


@pytest.mark.parametrize("noise", ["persistent", "reused"])
def test_within_one_window_all_agree(noise):
    whole = estimate(Unrolled(), [0.3], window=LIFE)
    found = estimate(Evolution(sigma=0.02, noise=noise), [0.3], window=LIFE)
    torch.testing.assert_close(found, whole, rtol=0.04, atol=0.0)


def test_twins_and_sums_start_afresh_with_a_model():
    estimator = Evolution().estimator(gradient(), {"rate": torch.zeros(1, 1, 1)})
    theta = {"theta": torch.full((1, 3, 1), 2.0)}
    state = estimator.init(theta, (1, 3))
    assert torch.equal(state["twin.theta.theta"], theta["theta"])
    assert torch.equal(state["sum.rate"], torch.zeros(1, 3, 1))
    theta["theta"].zero_()
    assert state["twin.theta.theta"].abs().sum() > 0.0  # memory of its own


CONFIG = MetaTrainConfig(
    n_outer_steps=60, n_tasks=8, unroll=2, horizon=8, restart="staggered", outer_lr=0.03
)


@pytest.mark.parametrize("noise", ["persistent", "reused"])
def test_meta_training_by_evolution_improves_the_task_loss(family, make_spec, noise):
    trainer = MetaTrainer(
        family,
        make_spec("structured"),
        replace(CONFIG, outer_every_step=True),
        (0,),
        estimator=Evolution(noise=noise),
    )
    losses = []
    while not trainer.done:
        losses.append(float(trainer.step().task_loss))
    assert sum(losses[-20:]) < sum(losses[:20])


def test_a_run_goes_on_where_it_stopped(family, make_spec):
    def trainer(estimator):
        return MetaTrainer(family, make_spec("structured"), CONFIG, (0,), estimator=estimator)

    first, second = trainer(Evolution()), trainer(Evolution())
    first.step()
    restore_trainer(second, trainer_to_bytes(first))
    for _ in range(3):
        first.step(), second.step()
    assert all(torch.equal(p, second.phi[k]) for k, p in first.phi.items())
    for other in (Evolution(sigma=0.5), Evolution(noise="reused"), Unrolled()):
        with pytest.raises(DataError, match="another run"):
            restore_trainer(trainer(other), trainer_to_bytes(first))


@pytest.mark.parametrize("sigma", [0.0, -1.0, float("nan"), float("inf")])
def test_invalid_sigmas_are_rejected(sigma):
    with pytest.raises(Ml3Error, match="sigma"):
        Evolution(sigma=sigma)


def test_unknown_noise_is_rejected():
    with pytest.raises(Ml3Error, match="persistent"):
        Evolution(noise="pink")
