"""The state of online learning as bytes, so that a killed process goes on where it was."""

import json

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ml3_ros.core.learned_loss import HEADER_KEY
from ml3_ros.errors import DataError
from ml3_ros.tasks.inverse_dynamics.online import OnlineLearner, Snapshot
from ml3_ros.tasks.inverse_dynamics.sample_buffer import SIGNALS


def learner_to_bytes(online: OnlineLearner) -> bytes:
    """Return samples, models, optimizer states, snapshots and generator state as safetensors."""
    everything = slice(None)
    tensors = {f"samples.{k}": x for k, x in online.samples.batch(everything).items()}
    tensors["times"] = torch.from_numpy(online.samples.times(everything))
    tensors["generator"] = online.generator.get_state()
    for name, learner in online.learners.items():
        tensors |= {f"theta.{name}/{k}": p for k, p in learner.theta.items()}
        tensors |= {f"state.{name}/{k}": p for k, p in learner.state.items()}
    for i, snapshot in enumerate(online.snapshots):
        for name, theta in snapshot.thetas.items():
            tensors |= {f"snapshot.{i}/{name}/{k}": p for k, p in theta.items()}
    header = {
        "losses": {name: learner.loss.sha256() for name, learner in online.learners.items()},
        "n_learned": online.n_learned,
        "n_steps": online.n_steps,
        "snapshots": [[s.n_steps, s.t] for s in online.snapshots],
    }
    plain = {k: p.detach().contiguous().clone() for k, p in tensors.items()}
    return save(plain, {HEADER_KEY: json.dumps(header, sort_keys=True)})


def restore_learner(online: OnlineLearner, data: bytes) -> None:
    """Put a fresh learner (same network, losses, config) where `data` was taken.

    Raises:
        DataError: If the bytes are corrupt, or were taken with other losses or another network;
            the learner is unchanged.
    """
    try:
        tensors = load(data)
        length = int.from_bytes(data[:8], "little")
        header = json.loads(json.loads(data[8:][:length])["__metadata__"][HEADER_KEY])
        losses, marks = header["losses"], [(int(n), float(t)) for n, t in header["snapshots"]]
        n_learned, n_steps = int(header["n_learned"]), int(header["n_steps"])
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"the checkpoint is corrupt ({error}): delete it to start anew") from error
    fresh = load(learner_to_bytes(online))
    models = {k: p.shape for k, p in fresh.items() if k.startswith(("theta.", "state."))}
    found = {k: p.shape for k, p in tensors.items() if k.startswith(("theta.", "state."))}
    if models != found or losses != {n: x.loss.sha256() for n, x in online.learners.items()}:
        raise DataError(
            "the checkpoint was taken with other losses or another network: delete it to start anew"
        )
    online.generator.set_state(tensors["generator"])
    rows = zip(*(tensors[f"samples.{k}"].numpy() for k in SIGNALS), strict=True)
    for t, row in zip(tensors["times"].numpy().astype(np.float64), rows, strict=True):
        online.push(float(t), *row)
    for name, learner in online.learners.items():
        learner.theta = _group(tensors, f"theta.{name}/")
        learner.state = _group(tensors, f"state.{name}/")
    names = list(online.learners)
    online.snapshots = [
        Snapshot(n, t, {name: _group(tensors, f"snapshot.{i}/{name}/") for name in names})
        for i, (n, t) in enumerate(marks)
    ]
    online.n_learned, online.n_steps = n_learned, n_steps


def _group(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): p for k, p in tensors.items() if k.startswith(prefix)}
