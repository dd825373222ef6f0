# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Engine "higher": the same run as other engines, and optimizees that are plain modules."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ml3_ros.core.engine.engine import Engine
from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.errors import ConfigError

HIGHER = Engine(kind="higher")
CONFIG = MetaTrainConfig(
    n_outer_steps=4,
    n_tasks=2,
    unroll=2,
    horizon=4,
    restart="staggered",
    outer_lr=3e-2,
    outer_every_step=True,
)


class Plain(nn.Module):
    """A module as anybody writes it: it knows nothing of parameters that come from outside."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 2))

    def forward(self, batch):
        return self.layers(batch["x"])


@pytest.fixture
def plain_family(family):
    class PlainFamily(type(family)):
        def init(self, tasks, generator):
            return {
                k: 0.5 * torch.randn(len(tasks), *p.shape)
                for k, p in self.optimizee.named_parameters()
            }

        def task_losses(self, theta, batch, extra):
            def error(theta, batch):
                prediction = torch.func.functional_call(self.optimizee, theta, (batch,))
                return (prediction - batch["y"]).square().mean()

            over_models = torch.func.vmap(torch.func.vmap(error))
            return {"task": over_models(theta, batch)}

    return PlainFamily(Plain(), family.amplitudes)


@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_it_makes_the_run_of_the_other_engines(float64, family, make_spec, rule):
    spec = make_spec("structured", inner_optimizer=rule)
    ours, theirs = (
        MetaTrainer(family, spec, CONFIG, (0, 5), engine=engine) for engine in (Engine(), HIGHER)
    )
    while not ours.done:
        expected, found = ours.step(), theirs.step()
        torch.testing.assert_close(found.task_loss, expected.task_loss)
    for k, p in ours.phi.items():
        torch.testing.assert_close(theirs.phi[k], p, rtol=1e-6, atol=1e-8)
    for k, p in ours.models.inner_state.items():
        torch.testing.assert_close(theirs.models.inner_state[k], p, rtol=1e-6, atol=1e-8)


def test_it_meta_trains_any_module(plain_family, make_spec):
    before = {k: p.clone() for k, p in plain_family.optimizee.named_parameters()}
    trainer = MetaTrainer(plain_family, make_spec("mlp"), CONFIG, (0,), engine=HIGHER)
    start = trainer.seed_phi(0)
    while not trainer.done:
        assert trainer.step().task_loss.isfinite().all()
    assert all(not torch.equal(p, start[k]) for k, p in trainer.seed_phi(0).items())
    for k, p in plain_family.optimizee.named_parameters():
        assert torch.equal(p, before[k]) and p.grad is None


def test_other_engines_reject_a_plain_module_and_name_the_one_that_takes_it(
    plain_family, make_spec
):
    trainer = MetaTrainer(plain_family, make_spec("mlp"), CONFIG, (0,))
    with pytest.raises(ConfigError, match=r"Plain is no FunctionalModule.*engine 'higher'"):
        trainer.step()
    learned = {"inner_optimizer": "scheduled_adam", "roles": ("hidden.weight",), "knots": (0.0,)}
    with pytest.raises(ConfigError, match="only a FunctionalModule knows: use 'sgd' or 'adam'"):
        MetaTrainer(plain_family, make_spec("mlp", **learned), CONFIG, (0,), engine=HIGHER)


def test_models_of_another_network_are_rejected(plain_family, make_spec):
    trainer = MetaTrainer(plain_family, make_spec("mlp"), CONFIG, (0,), engine=HIGHER)
    del trainer.models.theta["layers.0.bias"]
    with pytest.raises(ConfigError, match=r"layers\.0\.bias.*the same names"):
        trainer.step()


def test_a_segment_or_a_device_is_rejected():
    with pytest.raises(ConfigError, match="keeps the graph of all steps"):
        Engine(kind="higher", segment=2)
    with pytest.raises(ConfigError, match="'replayed' or 'compiled'"):
        Engine(kind="higher", device="cuda")
