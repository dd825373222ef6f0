# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Algorithm 1 on a small problem: it learns, it is reproducible, and one bad model stays alone."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from ml3_ros.core.inner_loop import adapt
from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.outer.objective import OuterObjective, task_loss_of
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.errors import ConfigError

CONFIG = MetaTrainConfig(n_outer_steps=20, n_tasks=3, unroll=4, horizon=12, outer_lr=3e-2)


def run(trainer, n_steps=None):
    steps = trainer.config.n_outer_steps if n_steps is None else n_steps
    return [trainer.step() for _ in range(steps)]


def final_task_loss(family, spec, phi, n_steps, seed=77):
    """Return the task loss of fresh models trained for `n_steps` by a frozen loss."""
    generator = torch.Generator().manual_seed(seed)
    tasks = torch.arange(len(family.amplitudes))
    batches = [family.support(tasks, 0 * tasks, generator) for _ in range(n_steps)]
    theta = family.init(tasks, generator)
    learner = spec.learner(family.optimizee)
    result = adapt(learner, theta, phi, batches, lead=(len(tasks),))
    query, extra = family.query(tasks, 0 * tasks, generator)
    return float(family.task_losses(result.theta, query, extra)["task"].mean())


@pytest.mark.parametrize(("architecture", "n_steps"), [("structured", 60), ("mlp", 150)])
def test_a_meta_trained_loss_trains_better_than_a_fresh_one(
    family, make_spec, architecture, n_steps
):
    spec = make_spec(architecture, inner_lr=0.5, options={"hidden": (20,)})
    config = replace(CONFIG, n_outer_steps=n_steps)
    trainer = MetaTrainer(family, spec, config, (0, 1))
    before = [trainer.seed_phi(i) for i in range(2)]
    losses = torch.stack([step.task_loss for step in run(trainer)])
    assert trainer.done
    assert torch.all(losses[-12:].mean(0) < losses[:12].mean(0) - 0.5)
    for i in range(2):
        trained = final_task_loss(family, spec, trainer.seed_phi(i), CONFIG.horizon)
        fresh = final_task_loss(family, spec, before[i], CONFIG.horizon)
        assert trained < 0.5 * fresh


@pytest.mark.parametrize("weight", [1.0, 2.0])
def test_the_task_loss_for_people_is_no_logarithm(family, make_spec, weight):
    """One model and one step: there is nothing that the geometric mean could differ by."""
    logarithmic = replace(CONFIG, n_tasks=1, unroll=1, weights=(("task", weight),))
    plain = replace(logarithmic, log_task_loss=False)
    log, loss = (
        MetaTrainer(family, make_spec("mlp"), config, (4,)).step().task_loss
        for config in (logarithmic, plain)
    )
    assert float(task_loss_of(log, logarithmic)) == pytest.approx(float(loss) / weight, rel=1e-4)
    assert torch.equal(task_loss_of(loss, plain), loss)


def test_the_task_loss_for_people_is_the_geometric_mean_of_models_and_terms():
    losses = {"a": torch.tensor([[4.0, 9.0]]), "b": torch.tensor([[1.0, 1.0]])}
    config = replace(CONFIG, weights=(("a", 0.5), ("b", 0.5)))
    objective = OuterObjective(
        task_losses=lambda *_: losses, weights=config.weights, log_task_loss=True, clip=1.0
    )
    mean = objective.evaluate({}, {}, {}).mean(-1)
    assert task_loss_of(mean, config).item() == pytest.approx(6.0**0.5, rel=1e-5)
    assert task_loss_of(torch.tensor([-50.0]), config).item() == 0.0  # never below
    assert task_loss_of(torch.tensor([math.nan]), config).isnan().all()


def test_equal_seeds_give_equal_runs_and_others_do_not(family, make_spec):
    trainers = [MetaTrainer(family, make_spec("mlp"), CONFIG, (seed,)) for seed in (4, 4, 5)]
    losses = [torch.cat([step.task_loss for step in run(trainer)]) for trainer in trainers]
    assert torch.equal(losses[0], losses[1])
    assert not torch.equal(losses[0], losses[2])
    phis = [trainer.seed_phi(0) for trainer in trainers]
    assert all(torch.equal(p, phis[1][k]) for k, p in phis[0].items())
    assert any(not torch.equal(p, phis[2][k]) for k, p in phis[0].items())


@pytest.mark.parametrize("restart", ["together", "staggered"])
def test_a_seed_alone_equals_the_same_seed_in_company(float64, family, make_spec, restart):
    config = replace(CONFIG, restart=restart)
    company = MetaTrainer(family, make_spec("structured"), config, (3, 8, 1))
    together = torch.stack([step.task_loss for step in run(company)])
    for i, seed in enumerate((3, 8, 1)):
        trainer = MetaTrainer(family, make_spec("structured"), config, (seed,))
        alone = torch.cat([step.task_loss for step in run(trainer)])
        torch.testing.assert_close(together[:, i], alone, rtol=1e-9, atol=1e-11)
        for k, p in trainer.seed_phi(0).items():
            torch.testing.assert_close(company.seed_phi(i)[k], p, rtol=1e-8, atol=1e-10)


def test_shapes_and_counts(family, make_spec):
    trainer = MetaTrainer(family, make_spec("mlp"), CONFIG, (0, 1))
    step = trainer.step()
    assert step.step == trainer.step_count == 1
    assert step.task_loss.shape == step.diverged.shape == (2,)
    assert {p.shape[:2] for p in trainer.phi.values()} == {(2, 1)}
    assert {p.shape[:2] for p in trainer.models.theta.values()} == {(2, CONFIG.n_tasks)}
    network = dict(make_spec("mlp").network().named_parameters())
    assert {k: p.shape for k, p in trainer.seed_phi(1).items()} == {
        k: p.shape for k, p in network.items()
    }


def ages_over_time(trainer, n_steps):
    rows = [trainer.models.ages.clone()]
    for _ in range(n_steps):
        trainer.step()
        rows.append(trainer.models.ages.clone())
    return torch.stack(rows)[:, 0]  # of the first seed: (time, tasks)


def test_together_all_models_are_reset_at_the_horizon(family, make_spec):
    config = replace(CONFIG, n_tasks=4, unroll=2, horizon=8)
    ages = ages_over_time(MetaTrainer(family, make_spec("mlp"), config, (0,)), 8)
    expected = torch.tensor([0, 2, 4, 6, 0, 2, 4, 6, 0])
    assert torch.equal(ages, expected.unsqueeze(-1).expand(-1, 4))


def test_staggered_models_are_of_all_ages(family, make_spec):
    config = replace(CONFIG, n_tasks=4, unroll=2, horizon=8, restart="staggered")
    ages = ages_over_time(MetaTrainer(family, make_spec("mlp"), config, (0,)), 12)
    assert int(ages.max()) == 6  # the horizon is never passed
    for row in ages[4:]:  # one horizon after the start
        assert sorted(row.tolist()) == [0, 2, 4, 6]


def test_a_reset_gives_a_new_model_and_a_fresh_optimizer_state(family, make_spec):
    config = replace(CONFIG, n_tasks=2, unroll=2, horizon=4, restart="staggered")
    spec = make_spec("mlp", inner_optimizer="adam", inner_lr=0.01)
    trainer = MetaTrainer(family, spec, config, (0,))
    trainer.step()  # the second model was due after two steps
    assert trainer.models.ages[0].tolist() == [2, 0]
    assert trainer.models.inner_state["count"][0].tolist() == [2.0, 0.0]
    moments = [p for k, p in trainer.models.inner_state.items() if k != "count"]
    assert all(p[0, 0].any() and not p[0, 1].any() for p in moments)


class Spoilt:
    """A family of which one task has infinite samples after a while, in one seed's company."""

    def __init__(self, family, bad_task, value):
        self._family, self.bad_task, self.value = family, bad_task, value
        self.optimizee, self.sample, self.init = family.optimizee, family.sample, family.init
        self.task_losses = family.task_losses
        self.met = 0

    def support(self, tasks, ages, generator):
        batch = self._family.support(tasks, ages, generator)
        bad = (tasks == self.bad_task) & (ages >= 4)
        self.met += int(bad.sum())
        return {**batch, "y": torch.where(bad[:, None, None], self.value, batch["y"])}

    def query(self, tasks, ages, generator):
        return self._family.query(tasks, ages, generator)


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e30])
@pytest.mark.parametrize("architecture", ["structured", "mlp"])
def test_a_diverging_model_is_reset_and_does_not_poison_phi(
    family, make_spec, architecture, value
):
    spoilt = Spoilt(family, bad_task=1, value=value)
    spec = make_spec(architecture)
    trainer = MetaTrainer(spoilt, spec, CONFIG, (0, 1))
    diverged = sum(int(step.diverged.sum()) for step in run(trainer))
    assert spoilt.met > 0
    if not math.isfinite(value):
        assert diverged > 0
    for i in range(2):
        assert all(p.isfinite().all() for p in trainer.seed_phi(i).values())
    assert all(p.isfinite().all() for p in trainer.models.theta.values())
    assert all(p.isfinite().all() for p in trainer.models.inner_state.values())
    assert math.isfinite(final_task_loss(family, spec, trainer.seed_phi(0), 12))


def test_only_the_diverged_model_is_reset(family, make_spec):
    trainer = MetaTrainer(family, make_spec("structured"), replace(CONFIG, horizon=100), (0,))
    trainer.step()
    trainer.models.theta["net.bias_1"][0, 1] = 1e10
    step = trainer.step()
    assert step.diverged.tolist() == [1]
    assert trainer.models.ages[0].tolist() == [8, 0, 8]
    assert all(p.isfinite().all() for p in trainer.models.theta.values())
    assert all(p.isfinite().all() for p in trainer.phi.values())


def test_the_outer_step_size_falls_over_the_second_half(family, make_spec):
    config = replace(CONFIG, n_outer_steps=10, outer_lr=0.1, outer_lr_final=0.0, outer_clip=1e-3)
    trainer = MetaTrainer(family, make_spec("mlp"), config, (0,))
    moved = []
    for _ in range(10):
        before = trainer.seed_phi(0)
        trainer.step()
        change = [(p - before[k]).abs().max() for k, p in trainer.seed_phi(0).items()]
        moved.append(float(torch.stack(change).max()))
    assert moved[0] == pytest.approx(0.1, rel=0.01)  # Adam's first step is the step size
    assert moved[9] < 0.5 * moved[5]


def test_the_weights_of_the_task_loss_decide_what_is_learned(family, make_spec):
    """Eq. (9): the outer loss is the weighted sum of the named terms, or of their logs."""

    class TwoTerms(type(family)):
        def task_losses(self, theta, batch, extra):
            task = super().task_losses(theta, batch, extra)["task"]
            return {"task": task, "extra": 3.0 * task}

    two = TwoTerms(family.optimizee, family.amplitudes)

    def first(log, **weights):
        config = replace(CONFIG, log_task_loss=log, weights=tuple(weights.items()))
        return float(MetaTrainer(two, make_spec("mlp"), config, (0,)).step().task_loss)

    task = first(False, task=1.0)
    assert first(False, extra=1.0) == pytest.approx(3.0 * task)
    assert first(False, task=0.5, extra=2.0) == pytest.approx(6.5 * task)
    assert first(False, task=1.0, extra=0.0) == pytest.approx(task)
    assert first(True, extra=1.0) == pytest.approx(first(True, task=1.0) + math.log(3.0), abs=1e-4)


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_outer_steps": 0},
        {"n_tasks": 0},
        {"unroll": 0},
        {"horizon": -1},
        {"outer_lr": 0.0},
        {"outer_lr": math.nan},
        {"outer_clip": 0.0},
        {"outer_clip": math.inf},
        {"limit_weight": -1.0},
        {"limit_weight": math.nan},
        {"limit_weight": math.inf},
        {"limit_epochs": -1},
        {"limit_mini_batches": 0},
        {"limit_lr": math.nan},
        {"weights": ()},
        {"weights": (("task", 0.0),)},
    ],
)
def test_configurations_out_of_range_are_rejected(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        MetaTrainConfig(**wrong)


def test_early_steps_may_count_more(family, make_spec):
    config = replace(CONFIG, outer_every_step=True, outer_early=True, restart="staggered")
    trainer = MetaTrainer(family, make_spec("mlp"), config, (0, 1))
    trainer.models.ages = torch.tensor([[0] * config.n_tasks, [40] * config.n_tasks])
    weights = trainer._step_weights()["step_weights"]
    assert weights.shape == (config.unroll, 2, config.n_tasks)
    torch.testing.assert_close(weights.sum(0), torch.ones(2, config.n_tasks))
    torch.testing.assert_close(weights[0, 0] / weights[1, 0], torch.full((config.n_tasks,), 2.0))
    torch.testing.assert_close(
        weights[0, 1] / weights[1, 1], torch.full((config.n_tasks,), 42 / 41)
    )
    assert MetaTrainer(family, make_spec("mlp"), CONFIG, (0,))._step_weights() == {}
