# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Steps of a loss on episodes at its fixed point: each row once an epoch, at the loss of today."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.outer.fixed_point import EpisodicFamily, fixed_point_steps
from ml3_ros.core.outer.objective import OuterObjective
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.errors import ConfigError

SEEDS, TASKS, ROWS = 2, 3, 11
CONFIG = MetaTrainConfig(
    n_outer_steps=8,
    n_tasks=TASKS,
    unroll=1,
    horizon=4,
    outer_lr=1e-5,
    limit_lr=1e-2,
    log_task_loss=False,
    limit_epochs=3,
    limit_mini_batches=4,
)


def mean_parameter(phi):
    """Return a number of each loss (seeds, 1) that depends on all that is learned."""
    return sum((p.flatten(2).mean(-1) for p in phi.values()), torch.zeros(()))


@pytest.fixture
def episodic(family):
    """The family, where the greedy action of a loss is a number: best 1 by the episodes."""

    class Episodic(type(family)):
        def __init__(self):
            super().__init__(family.optimizee, family.amplitudes)
            self.requested, self.parts = [], []

        def fixed_point_episodes(self, network, phi, query):
            lead = query["y"].shape[:2]
            self.requested.append(mean_parameter(phi).clone())
            row = torch.arange(ROWS).view(ROWS, 1).expand(*lead, ROWS, 1)
            return {"target": torch.ones(*lead, ROWS, 1), "row": row}

        def fixed_point_losses(self, network):
            def losses(phi, query, extra):
                self.parts.append(query["row"])
                error = mean_parameter(phi)[..., None, None] - query["target"]
                return {"task": error.square().mean((-2, -1))}

            return losses

    return Episodic()


@pytest.fixture
def steps(episodic, make_spec, random_phi):
    """Return (FixedPointSteps, the arguments of its gradients)."""
    spec = make_spec("mlp")
    objective = OuterObjective(
        task_losses=episodic.task_losses,
        weights=(("task", 1.0),),
        log_task_loss=True,  # of the task loss alone
        clip=1e9,
    )
    made = fixed_point_steps(episodic, spec.network(), objective, {}, epochs=3, mini_batches=4)
    generators = [torch.Generator().manual_seed(s) for s in range(SEEDS)]
    phi = random_phi(spec, lead=(SEEDS, 1))
    return made, (phi, {"y": torch.zeros(SEEDS, TASKS, 2, 1)}, {}, generators)


def test_mini_batches_of_an_epoch_share_no_row_and_differ_between_tasks_and_epochs(
    steps, episodic
):
    made, arguments = steps
    assert len(list(made.gradients(*arguments))) == 3 * 4
    assert len(episodic.requested) == 1  # all of them of the same episodes
    epochs = [torch.cat(episodic.parts[4 * i : 4 * i + 4], dim=-2) for i in range(3)]
    for seen in epochs:
        assert seen.shape == (SEEDS, TASKS, 8, 1)  # 4 parts of 2; 3 of 11 rows are left over
        assert all(len(set(rows.tolist())) == 8 for rows in seen.view(SEEDS * TASKS, 8))
    orders = torch.cat([seen.view(SEEDS * TASKS, 8) for seen in epochs])
    assert len(orders.unique(dim=0)) == 3 * SEEDS * TASKS


def test_there_are_no_more_mini_batches_than_rows(steps, episodic):
    made, arguments = steps
    assert len(list(replace(made, mini_batches=5 * ROWS).gradients(*arguments))) == 3 * ROWS
    assert all(part.shape == (SEEDS, TASKS, 1, 1) for part in episodic.parts)


def test_every_gradient_is_that_of_todays_loss(steps):
    """Against the derivative by hand, while the loss is moved between the steps."""
    made, arguments = steps
    phi = arguments[0]
    for grads in made.gradients(*arguments):
        for k, p in phi.items():
            expected = 2.0 * (mean_parameter(phi) - 1.0) / p[0, 0].numel()
            torch.testing.assert_close(
                grads[k], expected.view(SEEDS, 1, *[1] * (p.ndim - 2)).expand_as(p)
            )
        for k, p in phi.items():
            p -= 0.1 * grads[k]


def test_meta_training_descends_by_them(episodic, make_spec):
    trainer = MetaTrainer(episodic, make_spec("mlp"), CONFIG, (0, 1))
    before = (mean_parameter(trainer.phi) - 1.0).abs()
    while not trainer.done:
        trainer.step()
    assert ((mean_parameter(trainer.phi) - 1.0).abs() < 0.3 * before).all()
    assert len(episodic.requested) == CONFIG.n_outer_steps


def test_they_have_a_rate_of_their_own(episodic, make_spec):
    """The first step of Adam is as long as its rate, whatever the gradient."""
    spec, moved = make_spec("mlp"), []
    config = replace(CONFIG, limit_epochs=1, limit_mini_batches=1)
    for rate in (1e-3, 4e-3):
        trainer = MetaTrainer(episodic, spec, replace(config, limit_lr=rate), (0,))
        before = {k: p.clone() for k, p in trainer.phi.items()}
        trainer.step()
        moved.append(max(float((trainer.phi[k] - p).abs().max()) for k, p in before.items()))
    assert moved == pytest.approx([1e-3, 4e-3], rel=0.05)


def test_a_run_goes_on_where_it_stopped_and_not_with_other_epochs(episodic, make_spec, goes_on):
    def trainer(epochs):
        config = replace(CONFIG, limit_epochs=epochs)
        return MetaTrainer(episodic, make_spec("mlp"), config, (0,))

    goes_on(lambda: trainer(3), trainer(2))


def test_a_family_without_episodes_is_rejected(family, episodic, make_spec):
    class NoEpisodes(type(family)):
        def fixed_point_losses(self, network):
            return episodic.fixed_point_losses(network)

    assert isinstance(episodic, EpisodicFamily)
    without = NoEpisodes(family.optimizee, family.amplitudes)
    with pytest.raises(ConfigError, match="limit_epochs=3: the family has no episodes"):
        MetaTrainer(without, make_spec("mlp"), CONFIG, (0,))


def test_a_device_that_episodes_are_not_on_is_rejected(episodic, make_spec):
    engine = SimpleNamespace(kind="replayed", device="cuda", segment=None)
    with pytest.raises(ConfigError, match="limit_epochs=3: its episodes are on the CPU"):
        MetaTrainer(episodic, make_spec("mlp"), CONFIG, (0,), engine=engine)
