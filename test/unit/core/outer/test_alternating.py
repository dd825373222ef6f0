# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One loss is trained on families of other sizes in turn: one phi, one Adam, all models kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ml3_ros.core.checkpoints import restore_trainer, trainer_to_bytes
from ml3_ros.core.linear_model import COLUMNS, LinearModel
from ml3_ros.core.losses.spec import LEAST_SQUARES, InputSpec, LossSpec
from ml3_ros.core.outer.alternating import AlternatingTrainer
from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.errors import ConfigError, DataError

CONFIG = MetaTrainConfig(n_outer_steps=5, n_tasks=2, unroll=2, horizon=4, outer_lr=0.05)


class LineFamily:
    """Fit y = 2 x for n outputs, some samples of which are far off."""

    def __init__(self, n: int) -> None:
        self.n, self.optimizee = n, LinearModel(n, (0,))

    def sample(self, n, generator):
        return torch.zeros(n, dtype=torch.int64)

    def init(self, tasks, generator):
        return self.optimizee.init(torch.Generator(), (len(tasks),))

    def support(self, tasks, ages, generator):
        x = torch.linspace(-1.0, 1.0, 12).reshape(1, 12, 1).repeat(len(tasks), 1, self.n)
        y = 2.0 * x
        y[:, 3:6] += 1.0
        return {COLUMNS: x, "y": y, "v": x}

    def query(self, tasks, ages, generator):
        batch = self.support(tasks, ages, generator)
        return batch | {"y": 2.0 * batch[COLUMNS]}, {}

    def task_losses(self, theta, batch, extra):
        error = self.optimizee.call(theta, batch) - batch["y"]
        return {"task": error.square().mean((-2, -1))}


def trainer(n, config=CONFIG, seeds=(0, 3), **options):
    spec = LossSpec(
        architecture="weighted",
        target=InputSpec(name="y", unit="-", scale=(1.0,) * n),
        context=(InputSpec(name="v", unit="-", scale=(1.0,) * n),),
        options={"spacing": 0.1, "windows": (0.2,), "groups": 1, **options},
        inner_optimizer=LEAST_SQUARES,
    )
    return MetaTrainer(LineFamily(n), spec, config, seeds)


def phi_of(made):
    return torch.cat([made.seed_phi(i)[k].flatten() for i in (0, 1) for k in made.seed_phi(0)])


def test_one_family_alone_is_trained_as_by_its_own_trainer():
    alone, joined = trainer(2), AlternatingTrainer([trainer(2)])
    while not joined.done:
        assert torch.equal(alone.step().task_loss, joined.step().task_loss)
    assert alone.done and torch.equal(phi_of(alone), phi_of(joined))


def test_families_take_turns_on_one_phi_and_one_adam():
    parts = [trainer(2), trainer(3)]
    joined = AlternatingTrainer(parts)
    seen = [phi_of(joined)]
    while not joined.done:
        ages = [part.models.ages.clone() for part in parts]
        step = joined.step()
        assert step.step == joined.step_count
        stepped = [
            not torch.equal(a, part.models.ages) for a, part in zip(ages, parts, strict=True)
        ]
        assert stepped == [joined.step_count % 2 == 1, joined.step_count % 2 == 0]
        assert torch.equal(phi_of(parts[0]), phi_of(parts[1]))
        assert not torch.equal(phi_of(joined), seen[-1])
        seen.append(phi_of(joined))
    counts = [x for k, x in parts[1].outer_state.items() if k.startswith("count")]
    assert counts and all((x == CONFIG.n_outer_steps).all() for x in counts)


def test_both_families_gain_from_what_they_share():
    config = replace(CONFIG, n_outer_steps=60)
    joined = AlternatingTrainer([trainer(2, config), trainer(3, config)])
    losses = []
    while not joined.done:
        losses.append(float(joined.step().task_loss.mean()))
    for first, last in zip(losses[:2], losses[-2:], strict=True):
        assert last < 0.5 * first


@pytest.mark.parametrize("n_steps", [0, 1, 4])
def test_a_killed_run_goes_on_to_the_same_bytes(n_steps):
    whole, killed, resumed = (AlternatingTrainer([trainer(2), trainer(3)]) for _ in range(3))
    while not whole.done:
        whole.step()
    for _ in range(n_steps):
        killed.step()
    data = trainer_to_bytes(killed)
    restore_trainer(resumed, data)
    assert trainer_to_bytes(resumed) == data
    while not resumed.done:
        resumed.step()
    assert trainer_to_bytes(resumed) == trainer_to_bytes(whole)


def test_a_checkpoint_of_other_families_is_rejected():
    data = trainer_to_bytes(AlternatingTrainer([trainer(2), trainer(3)]))
    for other in (
        AlternatingTrainer([trainer(3), trainer(2)]),
        AlternatingTrainer([trainer(2)]),
        trainer(2),
    ):
        with pytest.raises(DataError, match="another run"):
            restore_trainer(other, data)


def test_trainers_that_cannot_share_a_loss_are_rejected():
    with pytest.raises(ConfigError, match="at least one"):
        AlternatingTrainer([])
    with pytest.raises(ConfigError, match="other parameters"):
        AlternatingTrainer([trainer(2), trainer(3, windows=(0.2, 0.4))])
    for other in (trainer(3, seeds=(0, 4)), trainer(3, replace(CONFIG, n_outer_steps=6))):
        with pytest.raises(ConfigError, match="must be the same"):
            AlternatingTrainer([trainer(2), other])
