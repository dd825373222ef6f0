# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A meta-training run that was killed goes on to the very same bytes."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch

from ml3_ros.core.checkpoints import pack, restore_trainer, trainer_to_bytes, unpack
from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.errors import DataError

CONFIG = MetaTrainConfig(n_outer_steps=12, n_tasks=3, unroll=2, horizon=6, restart="staggered")


@pytest.fixture(params=["sgd", "adam"])
def make_trainer(request, family, make_spec):
    def make(config=CONFIG, seeds=(0, 5), architecture="structured", **rest):
        spec = make_spec(architecture, **{"inner_optimizer": request.param, **rest})
        return MetaTrainer(family, spec, config, seeds)

    return make


@pytest.mark.parametrize("n_steps", [0, 1, 7])
def test_resumed_equals_uninterrupted_bit_for_bit(make_trainer, n_steps):
    whole, killed, resumed = make_trainer(), make_trainer(), make_trainer()
    losses = [whole.step().task_loss for _ in range(CONFIG.n_outer_steps)]
    for _ in range(n_steps):
        killed.step()
    data = trainer_to_bytes(killed)
    restore_trainer(resumed, data)
    assert trainer_to_bytes(resumed) == data
    rest = [resumed.step().task_loss for _ in range(CONFIG.n_outer_steps - n_steps)]
    assert resumed.done
    assert torch.equal(torch.stack(rest), torch.stack(losses[n_steps:]))
    assert trainer_to_bytes(resumed) == trainer_to_bytes(whole)


def test_a_checkpoint_is_a_copy(make_trainer):
    trainer = make_trainer()
    trainer.step()
    data = trainer_to_bytes(trainer)
    trainer.step()
    other = make_trainer()
    restore_trainer(other, data)
    other.step()
    assert trainer_to_bytes(other) == trainer_to_bytes(trainer)


def test_checkpoints_of_other_runs_are_rejected(make_trainer):
    trainer = make_trainer()
    trainer.step()
    others = [
        make_trainer(seeds=(0, 6)),
        make_trainer(seeds=(0,)),
        make_trainer(architecture="mlp"),
        make_trainer(config=replace(CONFIG, n_tasks=2)),
        make_trainer(config=replace(CONFIG, outer_lr=0.5)),
        make_trainer(config=replace(CONFIG, weights=(("task", 2.0),))),
        make_trainer(inner_lr=0.2),
    ]
    for other in others:
        other.step()
        before = trainer_to_bytes(trainer)
        with pytest.raises(DataError, match="another run: delete it"):
            restore_trainer(trainer, trainer_to_bytes(other))
        assert trainer_to_bytes(trainer) == before


def test_a_damaged_checkpoint_changes_nothing(make_trainer):
    source, trainer = make_trainer(), make_trainer()
    for _ in range(3):
        source.step()
    data, before = trainer_to_bytes(source), trainer_to_bytes(trainer)
    rng = random.Random(0)
    length = int.from_bytes(data[:8], "little")
    damaged = [b"", b"hello", data[:-1], data[: length // 2], b"[" * 200_000]
    for i in range(150):
        changed = bytearray(data)
        at = rng.randrange(8 + length if i % 2 else len(data))
        changed[at] = rng.choice((rng.randrange(256), changed[at] ^ 1))
        damaged += [bytes(changed)] if bytes(changed) != data else []
    for changed in damaged:
        try:
            restore_trainer(trainer, changed)
        except DataError as error:
            assert "delete it to start anew" in str(error)
            assert trainer_to_bytes(trainer) == before
        else:  # a byte that means nothing
            assert trainer_to_bytes(trainer) == data
            trainer = make_trainer()
    restore_trainer(trainer, data)
    assert trainer_to_bytes(trainer) == data


@pytest.mark.parametrize("step", [None, -1, 1.5, True, "3", 2**60, float("nan")])
def test_a_checkpoint_with_an_invalid_step_changes_nothing(make_trainer, step):
    source, trainer = make_trainer(), make_trainer()
    source.step()
    before = trainer_to_bytes(trainer)
    tensors, header = unpack(trainer_to_bytes(source))
    with pytest.raises(DataError, match=r"corrupt.*step"):
        restore_trainer(trainer, pack(tensors, {**header, "step": step}))
    assert trainer_to_bytes(trainer) == before


@pytest.mark.parametrize("count", [float("nan"), float("inf"), -1.0, 2.5])
def test_a_checkpoint_with_invalid_counts_changes_nothing(make_trainer, count):
    source, trainer = make_trainer(), make_trainer()
    source.step()
    before = trainer_to_bytes(trainer)
    tensors, header = unpack(trainer_to_bytes(source))
    outer = next(k for k in tensors if k.startswith("outer_state.count."))
    for name in ("inner_state.count", outer):
        changed = {name: torch.full_like(tensors[name], count)}
        with pytest.raises(DataError, match=r"corrupt.*count.*no number of steps"):
            restore_trainer(trainer, pack({**tensors, **changed}, header))
        assert trainer_to_bytes(trainer) == before


def test_a_checkpoint_whose_generator_or_types_are_others_changes_nothing(make_trainer):
    source, trainer = make_trainer(), make_trainer()
    source.step()
    before = trainer_to_bytes(trainer)
    tensors, header = unpack(trainer_to_bytes(source))
    generator = torch.zeros_like(tensors["generator.1"])
    name = next(k for k in tensors if k.startswith("phi."))
    for changed in ({"generator.1": generator}, {name: tensors[name].double()}):
        with pytest.raises(DataError, match="delete it to start anew"):
            restore_trainer(trainer, pack({**tensors, **changed}, header))
        assert trainer_to_bytes(trainer) == before
