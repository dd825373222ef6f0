# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Both sine families: what a learner sees, what exists at meta-train only."""

from __future__ import annotations

import math

import pytest
import torch

from ml3_ros.core.losses.spec import InputSpec, LossSpec
from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.errors import ConfigError
from ml3_ros.tasks.sine.frequency import FrequencyFamily, FrequencyTasks, Sinusoid
from ml3_ros.tasks.sine.regression import (
    META_TEST,
    META_TRAIN,
    Regressor,
    SineDistribution,
    SineRegressionFamily,
    SineTasks,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def spec() -> LossSpec:
    target = InputSpec(name="y", unit="", scale=(1.0,))
    return LossSpec(architecture="mlp", target=target, options={"hidden": (8,)}, inner_lr=0.01)


@pytest.fixture
def regression():
    return SineRegressionFamily(Regressor((8,)), SineTasks.draw(META_TEST, 6, generator()))


@pytest.fixture
def frequency():
    return FrequencyFamily(Sinusoid(), FrequencyTasks.random(6, generator()))


def test_points_lie_on_the_sine_that_was_drawn(regression):
    tasks = regression.tasks
    for points in (tasks.support, tasks.query):
        expected = (
            tasks.amplitude[:, None, None] * (points["x"] - tasks.phase[:, None, None]).sin()
        )
        torch.testing.assert_close(points["y"], expected)
        assert points["x"].abs().max() <= 5.0
    assert not torch.equal(tasks.support["x"], tasks.query["x"])
    assert (tasks.amplitude >= 0.2).all() and (tasks.amplitude <= 5.0).all()


def test_the_paper_meta_trains_on_one_task():
    tasks = SineTasks.draw(META_TRAIN, 3, generator())
    assert (tasks.amplitude == 1.0).all() and torch.allclose(tasks.phase, torch.tensor(math.pi))
    torch.testing.assert_close(tasks.support["y"], -tasks.support["x"].sin())


@pytest.mark.parametrize(
    "wrong", [{"x": (1.0, -1.0)}, {"amplitude": (0.0, math.nan)}, {"n_points": 0}]
)
def test_invalid_ranges_are_rejected(wrong):
    with pytest.raises(ConfigError):
        SineDistribution(**wrong)


def test_frequency_task_losses_are_the_two_terms(frequency):
    tasks = torch.arange(6)
    batch, extra = frequency.query(tasks, tasks, generator())
    theta = {"omega": extra["nu"].unsqueeze(-1) + 0.5}
    terms = frequency.task_losses(theta, batch, extra)
    torch.testing.assert_close(terms["frequency"], torch.full((6,), 0.25))
    error = ((extra["nu"] + 0.5)[:, None, None] * batch["x"]).sin() - batch["y"]
    torch.testing.assert_close(terms["task"], error.square().mean((1, 2)))


@pytest.mark.parametrize("family", ["regression", "frequency"])
def test_extra_information_is_never_observed(family, request):
    family = request.getfixturevalue(family)
    tasks = torch.arange(3)
    assert set(family.support(tasks, tasks, generator())) == {"x", "y"}


def test_first_guesses_cover_the_range_or_are_one_point():
    omega = Sinusoid().init(generator(), (1000,))["omega"]
    assert omega.min() < -4.9 and omega.max() > 4.9 and omega.abs().max() <= 5.0
    assert (Sinusoid((0.1, 0.1)).init(generator(), (5,))["omega"] == 0.1).all()


@pytest.mark.parametrize("family", ["regression", "frequency"])
def test_family_meta_trains(family, request):
    family = request.getfixturevalue(family)
    weights = (
        (("task", 1.0),) if isinstance(family, SineRegressionFamily) else (("frequency", 1.0),)
    )
    config = MetaTrainConfig(n_outer_steps=3, unroll=2, horizon=4, weights=weights)
    trainer = MetaTrainer(family, spec(), config, seeds=(0, 1))
    before = trainer.seed_phi(1)
    while not trainer.done:
        assert trainer.step().task_loss.shape == (2,)
    assert any(not torch.equal(before[k], p) for k, p in trainer.seed_phi(1).items())


@pytest.mark.parametrize("model", [Regressor((8, 8)), Sinusoid()])
def test_roles_name_every_parameter(model):
    assert (
        set(model.roles()) == set(model.init(generator())) == set(dict(model.named_parameters()))
    )
