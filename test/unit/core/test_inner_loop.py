# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The inner loop and its derivative: the meta-gradient is the true one, for one model or many."""

from __future__ import annotations

import pytest
import torch

from ml3_ros.core.inner_loop import adapt, unroll
from ml3_ros.core.inner_optimizers import Adam, Sgd
from ml3_ros.core.learner import Learner
from ml3_ros.core.outer.meta_gradient import meta_gradient

LEAD = (2, 3)  # seeds, tasks
OPTIMIZERS = {
    "sgd": Sgd(0.3),
    "clipped": Sgd(0.3, clip_norm=0.05),
    "momentum": Sgd(0.3, momentum=0.8),
    "adam": Adam(0.05),
}


@pytest.fixture
def problem(float64, family, make_spec, random_phi):
    """Build theta, phi, four batches and a task loss, all with the same leading dimensions."""

    def build(architecture, lead=(), optimizer="sgd"):
        generator = torch.Generator().manual_seed(1)
        spec = make_spec(architecture)
        theta = family.optimizee.init(generator, lead)
        phi = random_phi(spec, lead=(lead[0], 1) if lead else ())

        def draw():
            x = torch.randn(*lead, 5, 2, generator=generator)
            return {"x": x, "y": torch.stack((x[..., 0].sin(), x[..., 1]), -1)}

        batches, query = [draw() for _ in range(3)], draw()

        def task_loss(adapted):
            return family.task_losses(adapted, query, {})["task"]

        learner = Learner(family.optimizee, spec.loss(), OPTIMIZERS[optimizer])
        return theta, phi, batches, task_loss, learner

    return build


def fresh_state(learner, theta, lead=()):
    return learner.inner_optimizer.init(theta, lead)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("architecture", ["structured", "mlp"])
def test_adapted_task_loss_passes_gradcheck_in_phi(problem, architecture, optimizer):
    theta, phi, batches, task_loss, learner = problem(architecture, optimizer=optimizer)
    theta = {k: p.requires_grad_() for k, p in theta.items()}
    state = fresh_state(learner, theta)

    def adapted_task_loss(*values):
        named = dict(zip(phi, values, strict=True))
        steps = unroll(learner, theta, named, batches, state, create_graph=True)
        return task_loss(list(steps)[-1].theta)

    assert torch.autograd.gradcheck(
        adapted_task_loss, tuple(p.requires_grad_() for p in phi.values()), atol=1e-7
    )


@pytest.mark.parametrize("step_weights", [None, (0.5, 0.3, 0.2)])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("architecture", ["structured", "mlp"])
def test_meta_gradient_is_the_slope_of_its_outer_loss(
    problem, architecture, optimizer, step_weights
):
    theta, phi, batches, task_loss, learner = problem(architecture, LEAD, optimizer)
    weights = None if step_weights is None else torch.tensor(step_weights)

    def at(phi):
        state = fresh_state(learner, theta, LEAD)
        return meta_gradient(
            learner, theta, phi, batches, task_loss, state=state, step_weights=weights
        )

    found = at(phi)
    assert found.outer_loss.shape == LEAD
    generator = torch.Generator().manual_seed(2)
    for seed in range(LEAD[0]):  # phi of one seed changes the loss of its own models alone
        direction = {k: torch.zeros_like(p) for k, p in phi.items()}
        for d in direction.values():
            d[seed] = torch.randn(d.shape[1:], generator=generator)
        h = 1e-5
        ahead = at({k: p + h * direction[k] for k, p in phi.items()}).outer_loss
        behind = at({k: p - h * direction[k] for k, p in phi.items()}).outer_loss
        slope = (ahead - behind) / (2.0 * h)
        expected = sum((found.grads[k] * direction[k]).sum() for k in phi)
        assert expected.abs() > 1e-6
        assert slope.sum() == pytest.approx(float(expected), rel=1e-5)
        others = [s for s in range(LEAD[0]) if s != seed]
        assert torch.all(slope[others] == 0.0)


def test_outer_loss_is_that_of_the_last_step_or_a_mean_of_all(problem):
    theta, phi, batches, task_loss, learner = problem("mlp", LEAD)
    state = fresh_state(learner, theta, LEAD)
    steps = [
        task_loss(adapt(learner, theta, phi, batches[:n], lead=LEAD).theta) for n in (1, 2, 3)
    ]
    share = torch.rand(3, *LEAD)
    cases = (
        (None, steps[-1]),
        (torch.full((3,), 1.0 / 3.0), torch.stack(steps).mean(0)),
        (share, (share * torch.stack(steps)).sum(0)),
    )
    for weights, expected in cases:
        found = meta_gradient(
            learner, theta, phi, batches, task_loss, state=state, step_weights=weights
        )
        torch.testing.assert_close(found.outer_loss, expected)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("architecture", ["structured", "mlp", "squared_error"])
def test_many_models_at_once_equal_one_by_one(problem, architecture, optimizer):
    theta, phi, batches, task_loss, learner = problem(architecture, LEAD, optimizer)
    state = fresh_state(learner, theta, LEAD)
    together = adapt(learner, theta, phi, batches, lead=LEAD)
    gradient = (
        meta_gradient(learner, theta, phi, batches, task_loss, state=state).grads if phi else {}
    )
    for s in range(LEAD[0]):
        for t in range(LEAD[1]):
            alone = adapt(
                learner,
                {k: p[s, t] for k, p in theta.items()},
                {k: p[s, 0] for k, p in phi.items()},
                [{k: x[s, t] for k, x in batch.items()} for batch in batches],
            )
            for k in theta:
                torch.testing.assert_close(
                    together.theta[k][s, t], alone.theta[k], rtol=1e-12, atol=1e-14
                )
            for k in state:
                torch.testing.assert_close(
                    together.state[k][s, t], alone.state[k], rtol=1e-12, atol=1e-14
                )
            torch.testing.assert_close(together.meta_loss_value[s, t], alone.meta_loss_value)
    assert all(g.shape == phi[k].shape for k, g in gradient.items())


def test_adapt_makes_the_same_steps_as_meta_training(problem):
    theta, phi, batches, task_loss, learner = problem("structured", optimizer="adam")
    state = fresh_state(learner, theta)
    trained = meta_gradient(learner, theta, phi, batches, task_loss, state=state)
    adapted = adapt(learner, theta, phi, batches)
    for k in theta:
        torch.testing.assert_close(adapted.theta[k], trained.theta[k], rtol=1e-12, atol=0.0)
    torch.testing.assert_close(task_loss(adapted.theta), trained.outer_loss)
    for result in (adapted, trained):
        assert not any(p.requires_grad for p in (*result.theta.values(), *result.state.values()))


def test_adapt_goes_on_from_a_state_and_ends_at_once_without_batches(problem):
    theta, phi, batches, _, learner = problem("mlp", optimizer="adam")
    whole = adapt(learner, theta, phi, batches)
    part = adapt(learner, theta, phi, batches[:2])
    rest = adapt(learner, part.theta, phi, batches[2:], state=part.state)
    for k in theta:
        assert torch.equal(whole.theta[k], rest.theta[k])
    nothing = adapt(learner, theta, phi, [])
    assert nothing.theta == theta
    assert float(nothing.state["count"]) == 0.0


def test_arguments_are_only_read(problem):
    theta, phi, batches, task_loss, learner = problem("structured", LEAD, "adam")
    state = fresh_state(learner, theta, LEAD)
    before = {k: p.clone() for k, p in {**theta, **phi, **state}.items()}
    own = {k: p.clone() for k, p in learner.optimizee.named_parameters()}
    adapt(learner, theta, phi, batches, state=state, lead=LEAD)
    meta_gradient(learner, theta, phi, batches, task_loss, state=state)
    for k, p in {**theta, **phi, **state}.items():
        assert torch.equal(before[k], p)
        assert p.grad is None
        assert not p.requires_grad
    for k, p in learner.optimizee.named_parameters():
        assert torch.equal(own[k], p)
        assert p.grad is None


def test_adapting_lowers_the_squared_error(family, make_spec):
    spec = make_spec("squared_error")
    generator = torch.Generator().manual_seed(0)
    tasks = torch.arange(4)
    theta = family.init(tasks, generator)
    batches = [family.support(tasks, 0 * tasks, generator) for _ in range(60)]
    result = adapt(spec.learner(family.optimizee), theta, {}, batches, lead=(4,))
    query, extra = family.query(tasks, 0 * tasks, generator)
    before = family.task_losses(theta, query, extra)["task"]
    after = family.task_losses(result.theta, query, extra)["task"]
    assert torch.all(after < 0.5 * before)
