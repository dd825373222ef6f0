# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Linear models in closed form: the fit, iteratively reweighted, and its derivative along phi."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ml3_ros.core.inner_loop import adapt, inner_step
from ml3_ros.core.linear_model import COEFFICIENTS, LinearModel, WeightedProblem
from ml3_ros.core.losses.spec import InputSpec, LossSpec
from ml3_ros.core.networks import BoundModel, Mlp
from ml3_ros.core.outer.meta_gradient import meta_gradient
from ml3_ros.errors import ConfigError

B, N, P = 60, 2, 5
GROUPS = (0, 0, 1, 1, 2)


def spec_of(**options):
    names = ("a", "b")
    return LossSpec(
        architecture="weighted",
        target=InputSpec(name="tau", unit="N m", scale=(2.0, 0.5), labels=names),
        context=(InputSpec(name="v", unit="rad/s", scale=(1.0, 1.0), labels=names),),
        options={"groups": 3, "windows": (0.1, 0.5), "pull": 0.05, **options},
        inner_optimizer="least_squares",
    )


def problem_of(lead=(), seed=0):
    """Return a batch of a linear arm with some wrong rows."""
    generator = torch.Generator().manual_seed(seed)
    columns = torch.randn(*lead, B, N, P, generator=generator)
    truth = torch.randn(*lead, 1, 1, P, generator=generator)
    tau = (columns * truth).sum(-1) + 0.05 * torch.randn(*lead, B, N, generator=generator)
    tau[..., 10:20, :] += 5.0
    v = torch.randn(*lead, B, N, generator=generator)
    return {"columns": columns.flatten(-2), "tau": tau, "v": v}


def random_phi(spec, seed=3, size=0.3):
    generator = torch.Generator().manual_seed(seed)
    phi = spec.init_phi(generator)
    return {k: p + size * torch.randn(p.shape, generator=generator) for k, p in phi.items()}


def test_the_fit_is_that_of_numpy(float64):
    generator = torch.Generator().manual_seed(0)
    columns = torch.randn(B, N, P, generator=generator)
    target, pull = torch.randn(B, N, generator=generator), torch.linspace(0.1, 1.0, P)
    weights = torch.rand(B, N, generator=generator)
    found = WeightedProblem(columns, target, weights, pull).solve()
    root = weights.sqrt().numpy()
    rows = (columns.numpy() * root[..., None]).reshape(-1, P)
    stacked = np.vstack([rows, np.diag(pull.sqrt().numpy())])
    aim = np.concatenate([(target.numpy() * root).ravel(), np.zeros(P)])
    np.testing.assert_allclose(found.numpy(), np.linalg.lstsq(stacked, aim, rcond=None)[0])


def test_the_value_of_a_step_is_that_of_the_loss(float64):
    spec, model, batch = spec_of(), LinearModel(N, GROUPS), problem_of(lead=(3,))
    phi = random_phi(spec)
    learner = spec.learner(model)
    theta = adapt(learner, model.init(torch.Generator(), (3,)), phi, [batch], lead=(3,)).theta
    state = {"count": torch.ones(3)}
    found = inner_step(learner, theta, phi, batch, state).meta_loss_value
    bound = BoundModel(model, theta)
    torch.testing.assert_close(found, spec.loss().evaluate(phi, bound, batch, state["count"]))


def test_columns_that_say_the_same_are_fitted_with_next_to_no_pull():
    """In single precision, where their matrix is singular up to rounding."""
    generator = torch.Generator().manual_seed(0)
    few = torch.randn(400, N, 5, generator=generator)
    columns = few @ torch.randn(5, 60, generator=generator)
    target = few.sum(-1)
    weights, pull = torch.ones_like(target), torch.full((60,), 1e-12)
    found = WeightedProblem(columns, target, weights, pull).solve()
    torch.testing.assert_close(columns @ found, target, rtol=1e-2, atol=1e-2)


def test_one_step_is_least_squares_where_weights_are_not_learned_yet(float64):
    spec, model, batch = spec_of(), LinearModel(N, GROUPS), problem_of()
    theta = model.init(torch.Generator())
    found = adapt(spec.learner(model), theta, spec.init_phi(torch.Generator()), [batch]).theta
    scale = torch.tensor([2.0, 0.5])
    rows = model.columns(batch) / scale.unsqueeze(-1)
    expected = WeightedProblem(
        rows, batch["tau"] / scale, torch.ones(B, N), torch.full((P,), 0.05 * B)
    ).solve()
    torch.testing.assert_close(found[COEFFICIENTS], expected)


def test_further_steps_weigh_the_residuals_of_the_last_fit(float64):
    spec, model, batch = spec_of(), LinearModel(N, GROUPS), problem_of()
    learner, phi = spec.learner(model), random_phi(spec)
    theta = model.init(torch.Generator())
    first = adapt(learner, theta, phi, [batch])
    second = adapt(learner, theta, phi, [batch, batch])
    again = adapt(learner, first.theta, phi, [batch], state=first.state)
    torch.testing.assert_close(second.theta, again.theta)
    assert not torch.allclose(second.theta[COEFFICIENTS], first.theta[COEFFICIENTS])
    assert float(second.state["count"]) == 2.0


def test_many_models_are_fitted_as_each_alone(float64):
    spec, model, batch = spec_of(), LinearModel(N, GROUPS), problem_of(lead=(3,))
    learner, phi = spec.learner(model), random_phi(spec)
    together = adapt(learner, model.init(torch.Generator(), (3,)), phi, [batch, batch], lead=(3,))
    for i in range(3):
        one = {k: x[i] for k, x in batch.items()}
        alone = adapt(learner, model.init(torch.Generator()), phi, [one, one])
        torch.testing.assert_close(together.theta[COEFFICIENTS][i], alone.theta[COEFFICIENTS])


@pytest.mark.parametrize("passes", [1, 3])
def test_the_meta_gradient_is_that_of_finite_differences(float64, passes):
    """It is the derivative of the last fit: residuals that weights come from are numbers."""
    spec, model, batch = spec_of(), LinearModel(N, GROUPS), problem_of()
    learner, phi = spec.learner(model), random_phi(spec)
    query = problem_of(seed=9)
    theta = model.init(torch.Generator())
    state = learner.inner_optimizer.init(theta)
    before = adapt(learner, theta, phi, [batch] * (passes - 1))

    def task_loss(theta):
        return (model.call(theta, query) - query["tau"]).square().mean().log()

    found = meta_gradient(learner, theta, phi, [batch] * passes, task_loss, state=state)

    def value(phi):
        last = adapt(learner, before.theta, phi, [batch], state=before.state)
        return float(task_loss(last.theta))

    generator = torch.Generator().manual_seed(5)
    for name, p in phi.items():
        direction = torch.randn(p.shape, generator=generator)
        step = 1e-6
        slope = (
            value(phi | {name: p + step * direction}) - value(phi | {name: p - step * direction})
        ) / (2.0 * step)
        assert float((found.grads[name] * direction).sum()) == pytest.approx(slope, rel=1e-5)


def test_what_has_no_closed_form_is_named():
    batch = problem_of()
    net = Mlp((N, N))
    with pytest.raises(ConfigError, match="least_squares"):
        adapt(spec_of().learner(net), net.init(torch.Generator()), {}, [batch])
    squared = LossSpec(
        architecture="squared_error", target=spec_of().target, inner_optimizer="least_squares"
    )
    model = LinearModel(N, GROUPS)
    with pytest.raises(ConfigError, match="closed form"):
        adapt(squared.learner(model), model.init(torch.Generator()), {}, [batch])
