# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The fixed point of descent: a second gradient on phi, added to that of any estimator."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ml3_ros.core.engine.engine import Engine
from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.outer.estimator import Window
from ml3_ros.core.outer.evolution import Evolution, Unrolled
from ml3_ros.core.outer.fixed_point import FixedPointFamily, with_fixed_point
from ml3_ros.core.outer.gradient import OuterGradient
from ml3_ros.core.outer.objective import OuterObjective
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.errors import ConfigError

SEEDS, TASKS = 2, 3
KINDS = [Unrolled(), Evolution(sigma=0.1)]
CONFIG = MetaTrainConfig(
    n_outer_steps=6, n_tasks=TASKS, unroll=2, horizon=4, outer_lr=3e-2, limit_weight=0.5
)


def mean_parameter(phi):
    """Return a number of each loss (seeds, 1) that depends on all that is learned."""
    return sum((p.tanh().flatten(2).mean(-1) for p in phi.values()), torch.zeros(()))


@pytest.fixture
def limited(family):
    """The family, where the greedy action of a loss is a number: best 1 above targets."""

    class Limited(type(family)):
        def fixed_point_losses(self, network):
            def losses(phi, query, extra):
                error = mean_parameter(phi)[..., None, None] - query["y"] - 1.0
                return {"task": error.square().mean((-2, -1))}

            return losses

    return Limited(family.optimizee, family.amplitudes)


@pytest.fixture
def problem(float64, limited, make_spec, random_phi):
    """Return (estimator, with the fixed point, phi, window), by kind, weight and clip."""

    def make(kind, weight, clip=1e9):
        spec = make_spec("structured")
        phi = random_phi(spec, lead=(SEEDS, 1))
        objective = OuterObjective(
            task_losses=limited.task_losses,
            weights=(("task", 1.0),),
            log_task_loss=True,
            clip=clip,
        )
        gradient = OuterGradient(learner=spec.learner(limited.optimizee), objective=objective)
        estimator = kind.estimator(gradient, phi)
        generators = [torch.Generator().manual_seed(s) for s in range(SEEDS)]
        lead = (SEEDS, TASKS)
        tasks = limited.sample(SEEDS * TASKS, generators)
        drawn = [limited.support(tasks, 0 * tasks, generators) for _ in range(3)]
        query, *batches = ({k: x.view(*lead, 8, 2) for k, x in b.items()} for b in drawn)
        theta = limited.init(tasks, generators)
        theta = {k: p.view(*lead, *p.shape[1:]) for k, p in theta.items()}
        both = with_fixed_point(estimator, limited, spec.network(), objective, {}, weight)
        state, schedule = both.init(theta, lead), both.draw(generators, TASKS)
        return estimator, both, phi, Window(theta, state, query, {}, schedule, tuple(batches))

    return make


def share_of_fixed_point(estimator, both, phi, window):
    """Return by how much the gradient is another one with the fixed point, by name."""
    before, after = (x.estimate(phi, window).grads for x in (estimator, both))
    return {k: after[k] - g for k, g in before.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_is_the_estimators_and_that_of_the_fixed_point(problem, kind):
    """The latter against finite differences of what it descends on."""
    estimator, both, phi, window = problem(kind, weight=0.7)
    query = window.query
    found = share_of_fixed_point(estimator, both, phi, window)

    def value(phi):
        error = mean_parameter(phi)[..., None, None] - query["y"] - 1.0
        return (error.square().mean((-2, -1)) + 1e-6).log().mean(-1)  # (seeds,)

    generator = torch.Generator().manual_seed(1)
    for _ in range(3):
        way = {k: torch.randn(p.shape, generator=generator) for k, p in phi.items()}
        h = 1e-6
        ahead, behind = (value({k: p + s * way[k] for k, p in phi.items()}) for s in (h, -h))
        along = sum((found[k] * way[k]).flatten(1).sum(-1) for k in phi)
        torch.testing.assert_close(along, 0.7 * (ahead - behind) / (2.0 * h), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_models_go_on_as_without_the_fixed_point(problem, kind):
    estimator, both, phi, window = problem(kind, weight=0.7)
    expected, found = (x.estimate(phi, window) for x in (estimator, both))
    assert torch.equal(found.task_loss, expected.task_loss)
    assert torch.equal(found.diverged, expected.diverged)
    for models in ("theta", "inner_state"):
        before, after = getattr(expected, models), getattr(found, models)
        assert before.keys() == after.keys()
        assert all(torch.equal(after[k], x) for k, x in before.items())


def test_each_of_the_two_is_clipped_by_itself(problem):
    clip = 1e-3
    found = share_of_fixed_point(*problem(Unrolled(), weight=0.5, clip=clip))
    norm = torch.stack([g.flatten(1).square().sum(-1) for g in found.values()]).sum(0).sqrt()
    torch.testing.assert_close(norm, torch.full((SEEDS,), 0.5 * clip))


def test_a_fixed_point_that_is_not_finite_counts_for_nothing_in_its_seed(problem):
    estimator, both, phi, window = problem(Unrolled(), weight=0.5)

    def losses(phi, query, extra):
        task = both.objective.task_losses(phi, query, extra)["task"]
        return {"task": task * torch.tensor([[1.0], [torch.nan]])}

    spoilt = replace(both, objective=replace(both.objective, task_losses=losses))
    found = share_of_fixed_point(estimator, spoilt, phi, window)
    expected = share_of_fixed_point(estimator, both, phi, window)
    for k, g in expected.items():
        torch.testing.assert_close(found[k][0], g[0])
        assert not found[k][1].any()


@pytest.mark.parametrize("kind", KINDS)
def test_recorded_steps_give_the_same_run(float64, limited, make_spec, kind):
    phis = []
    for engine in (Engine(), Engine(kind="replayed")):
        trainer = MetaTrainer(
            limited, make_spec("mlp"), CONFIG, (0, 5), engine=engine, estimator=kind
        )
        for _ in range(3):
            trainer.step()
        phis.append(trainer.phi)
    for k, p in phis[0].items():
        torch.testing.assert_close(phis[1][k], p, rtol=1e-9, atol=1e-11)


def test_meta_training_descends_at_the_fixed_point(limited, make_spec):
    """The mean of targets is zero, so the number that is best is 1."""
    wrong = {}
    for weight in (0.0, 3.0):
        config = replace(CONFIG, n_outer_steps=30, limit_weight=weight, log_task_loss=False)
        trainer = MetaTrainer(limited, make_spec("mlp"), config, (0, 1))
        while not trainer.done:
            trainer.step()
        wrong[weight] = (mean_parameter(trainer.phi) - 1.0).abs()
    assert (wrong[3.0] < 0.2).all()
    assert (wrong[0.0] > 0.5).all()


def test_a_run_goes_on_where_it_stopped_and_not_under_another_weight(limited, make_spec, goes_on):
    def trainer(weight):
        config = replace(CONFIG, limit_weight=weight)
        return MetaTrainer(limited, make_spec("mlp"), config, (0,))

    goes_on(lambda: trainer(0.5), trainer(0.0))


def test_a_family_that_does_not_know_the_fixed_point_is_rejected(family, limited, make_spec):
    assert isinstance(limited, FixedPointFamily)
    assert not isinstance(family, FixedPointFamily)
    with pytest.raises(ConfigError, match=r"limit_weight=0\.5: the family does not know"):
        MetaTrainer(family, make_spec("mlp"), CONFIG, (0,))
