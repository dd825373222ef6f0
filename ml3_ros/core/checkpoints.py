"""The whole state of a meta-training run as bytes, so that it goes on after a kill."""

import json

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ml3_ros.core.learned_loss import HEADER_KEY
from ml3_ros.core.meta_training import MetaTrainer
from ml3_ros.errors import DataError

_GROUPS = ("phi", "theta", "inner_state")
_SINGLES = ("tasks", "ages", "resets_in")


def trainer_to_bytes(trainer: MetaTrainer) -> bytes:
    """Return everything that the next outer step depends on, as safetensors."""
    tensors = {f"{g}.{k}": p for g in _GROUPS for k, p in getattr(trainer, g).items()}
    tensors |= {name: getattr(trainer, name) for name in _SINGLES}
    for i, generator in enumerate(trainer.generators):
        tensors[f"generator.{i}"] = generator.get_state()
    for i, entry in trainer.outer_state().items():
        tensors |= {f"outer.{i}.{k}": torch.as_tensor(value) for k, value in entry.items()}
    plain = {k: p.detach().contiguous().clone() for k, p in tensors.items()}
    header = json.dumps({"step": trainer.step_count, "seeds": trainer.seeds}, sort_keys=True)
    return save(plain, {HEADER_KEY: header})


def restore_trainer(trainer: MetaTrainer, data: bytes) -> None:
    """Put `trainer` (built with the same family, spec, config and seeds) where `data` was taken.

    Raises:
        DataError: If the bytes are corrupt or belong to another run; the trainer is unchanged.
    """
    try:
        tensors = load(data)
        length = int.from_bytes(data[:8], "little")
        header = json.loads(json.loads(data[8:][:length])["__metadata__"][HEADER_KEY])
        step, seeds = int(header["step"]), tuple(header["seeds"])
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"the checkpoint is corrupt ({error}): delete it to start anew") from error
    own = load(trainer_to_bytes(trainer))
    expected = {k: p.shape for k, p in own.items() if not k.startswith("outer.")}
    found = {k: p.shape for k, p in tensors.items() if not k.startswith("outer.")}
    if seeds != trainer.seeds or expected != found:
        raise DataError("the checkpoint belongs to another run: delete it to start anew")
    for group in _GROUPS:
        target = getattr(trainer, group)
        for k in target:
            target[k].data = tensors[f"{group}.{k}"]
    for name in _SINGLES:
        setattr(trainer, name, tensors[name])
    for i, generator in enumerate(trainer.generators):
        generator.set_state(tensors[f"generator.{i}"])
    outer: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("outer."):
            _, index, name = key.split(".", 2)
            outer.setdefault(int(index), {})[name] = value
    trainer.restore_outer(outer, step)
