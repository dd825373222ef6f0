# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The whole state of a meta-training run as bytes, so that it goes on after a kill."""

import hashlib
import json
import re
from dataclasses import asdict
from typing import Any

import torch
from safetensors.torch import load
from torch import Tensor

from ml3_ros.core.checks import check_whole
from ml3_ros.core.outer.alternating import Trainer
from ml3_ros.core.outer.evolution import Unrolled
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.core.tensor_files import read_entry, write_tensors
from ml3_ros.core.types import Params
from ml3_ros.errors import DataError, reason_of

_DIGEST_LENGTH = 64  # characters
_IS_COUNT = re.compile(r"(inner_state\.(twin\.state\.)?count$)|((outer|limit)_state\.count\.)")
MAX_STEPS = 2**53
_COUNTERS = ("tasks", "ages", "resets_in")  # tensors of `Population`


def pack(tensors: Params, header: dict[str, Any]) -> bytes:
    """Return tensors and a JSON-able header as safetensors, with a fingerprint of both."""
    # a copy, as the format takes no two tensors of the same memory
    plain = {k: p.detach().cpu().contiguous().clone() for k, p in tensors.items()}
    text = json.dumps(header, sort_keys=True)
    return write_tensors(plain, _digest(plain, text) + text, largest=None)


def unpack(data: bytes) -> tuple[Params, dict[str, Any]]:
    """Return what was packed.

    Raises:
        DataError: If it is no longer what was packed.
    """
    try:
        tensors = load(data)
        entry, _ = read_entry(data, largest=None)
        digest, text = entry[:_DIGEST_LENGTH], entry[_DIGEST_LENGTH:]
        if digest != _digest(tensors, text):
            raise ValueError("its fingerprint is another one")
        header: dict[str, Any] = json.loads(text)
        if not isinstance(header, dict):
            raise TypeError("its header is no object")
    except Exception as error:  # what is corrupt raises anything
        raise corrupt(error) from error
    return tensors, header


def corrupt(error: Exception) -> DataError:
    """Return the error of a checkpoint that cannot be read."""
    return DataError(f"the checkpoint is corrupt ({reason_of(error)}): delete it to start anew")


def check_generator(state: Tensor) -> None:
    """Reject what is no state of a generator (RuntimeError)."""
    torch.Generator().set_state(state)


def check_counts(name: str, counts: Tensor) -> None:
    """Reject numbers of steps that are NaN, infinite, negative or not whole (DataError).

    What an optimizer derives from them would be wrong for ever, and silently.
    """
    if not ((counts >= 0) & (counts <= MAX_STEPS) & (counts == counts.round())).all():
        raise DataError(f"{name} holds what is no number of steps")


def layout(tensors: Params) -> dict[str, tuple[torch.Size, torch.dtype]]:
    """Return shape and type of every tensor by name."""
    return {k: (p.shape, p.dtype) for k, p in tensors.items()}


def trainer_to_bytes(trainer: Trainer) -> bytes:
    """Return everything that the next outer step depends on, as safetensors."""
    parts = _parts(trainer)
    tensors = {prefix + k: p for prefix, part in parts.items() for k, p in _tensors(part).items()}
    runs = [_description(part) for part in parts.values()]
    run = runs[0] if isinstance(trainer, MetaTrainer) else runs
    return pack(tensors, {"step": trainer.step_count, "run": run})


def restore_trainer(trainer: Trainer, data: bytes) -> None:
    """Put `trainer` (built with the same family, spec, config and seeds) where `data` was taken.

    Raises:
        DataError: If the bytes are corrupt or belong to another run; the trainer is unchanged.
    """
    tensors, header = unpack(data)
    present, present_header = unpack(trainer_to_bytes(trainer))
    if header.get("run") != present_header["run"] or layout(tensors) != layout(present):
        raise DataError("the checkpoint belongs to another run: delete it to start anew")
    kept = {
        prefix: {k.removeprefix(prefix): p for k, p in tensors.items() if k.startswith(prefix)}
        for prefix in _parts(trainer)
    }
    try:
        step = header["step"]
        check_whole("step", step, 0, MAX_STEPS)
        for prefix, part in _parts(trainer).items():
            _check(part, kept[prefix])
    except Exception as error:
        raise corrupt(error) from error
    for prefix, part in _parts(trainer).items():
        _restore(part, kept[prefix])
    trainer.step_count = step


def _parts(trainer: Trainer) -> dict[str, MetaTrainer]:
    """Return the trainers whose state makes up that of `trainer`, by the prefix of their names."""
    if isinstance(trainer, MetaTrainer):
        return {"": trainer}
    return {f"family_{i}.": part for i, part in enumerate(trainer.parts)}


def _tensors(trainer: MetaTrainer) -> Params:
    tensors = {f"{g}.{k}": p for g, group in _groups(trainer).items() for k, p in group.items()}
    tensors |= {name: getattr(trainer.models, name) for name in _COUNTERS}
    for i, generator in enumerate(trainer.generators):
        tensors[f"generator.{i}"] = generator.get_state()
    return tensors


def _check(trainer: MetaTrainer, tensors: Params) -> None:
    """Reject states of generators and numbers of steps that are none."""
    for i in range(len(trainer.generators)):
        check_generator(tensors[f"generator.{i}"])
    for name, x in tensors.items():
        if _IS_COUNT.match(name):
            check_counts(name, x)


def _restore(trainer: MetaTrainer, tensors: Params) -> None:
    for name, group in _groups(trainer).items():
        for k, p in group.items():
            p.data = tensors[f"{name}.{k}"].to(p.device)
    for name in _COUNTERS:
        setattr(trainer.models, name, tensors[name])
    for i, generator in enumerate(trainer.generators):
        generator.set_state(tensors[f"generator.{i}"])


def _groups(trainer: MetaTrainer) -> dict[str, Params]:
    """Return the parameters and states of a trainer by their names in files."""
    return {
        "phi": trainer.phi,
        "theta": trainer.models.theta,
        "inner_state": trainer.models.inner_state,
        "outer_state": trainer.outer_state,
        "limit_state": trainer.fixed_point_state,
    }


def _description(trainer: MetaTrainer) -> dict[str, Any]:
    """Return what must be equal for a run to go on from another's checkpoint."""
    return {
        "seeds": trainer.seeds,
        "spec": trainer.spec.to_dict(),
        "config": asdict(trainer.config),
        "constants": _digest(trainer.constants, ""),
        **({} if trainer.estimator == Unrolled() else {"estimator": asdict(trainer.estimator)}),
    }


def _digest(tensors: Params, text: str) -> str:
    digest = hashlib.sha256(text.encode())
    for k, p in sorted(tensors.items()):
        digest.update(f"{k} {p.dtype} {tuple(p.shape)}".encode())
        digest.update(p.numpy().tobytes())
    return digest.hexdigest()
