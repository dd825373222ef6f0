# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The state of online learning as bytes, so that a killed process goes on where it was."""

import math
from dataclasses import asdict
from typing import Any

import torch

from ml3_ros.core.checkpoints import (
    MAX_STEPS,
    check_counts,
    check_generator,
    corrupt,
    layout,
    pack,
    unpack,
)
from ml3_ros.core.checks import check_number, check_whole
from ml3_ros.core.types import Params
from ml3_ros.errors import DataError
from ml3_ros.learners.inverse_dynamics.online import OnlineLearner, Snapshot
from ml3_ros.learners.inverse_dynamics.sample_buffer import SIGNALS, SampleBuffer

LATEST = 1e12  # of times [s]


def learner_to_bytes(online: OnlineLearner, learn_until: float = math.inf) -> bytes:
    """Return samples, models, optimizer states, snapshots and generator state as safetensors.

    Args:
        online: The learner.
        learn_until: Time of the last sample that is learned from [s]; infinite while learning.
    """
    everything = slice(None)
    tensors = {f"samples.{k}": x for k, x in online.samples.batch(everything).items()}
    tensors["times"] = torch.from_numpy(online.samples.times(everything))
    tensors["generator"] = online.generator.get_state()
    for name, method in online.methods.items():
        tensors |= {f"theta.{name}/{k}": p for k, p in method.theta.items()}
        tensors |= {f"state.{name}/{k}": p for k, p in method.state.items()}
    for i, snapshot in enumerate(online.snapshots):
        for name, theta in snapshot.thetas.items():
            tensors |= {f"snapshot.{i}/{name}/{k}": p for k, p in theta.items()}
    header = {
        "run": _description(online),
        "n_learned": online.n_learned,
        "n_steps": online.n_steps,
        "learn_until": learn_until if math.isfinite(learn_until) else None,
        "snapshots": [[s.n_steps, s.t, list(s.thetas)] for s in online.snapshots],
    }
    return pack(tensors, header)


def restore_learner(online: OnlineLearner, data: bytes) -> float:
    """Put a fresh learner (same network, losses, config) where `data` was taken.

    Returns:
        learn_until [s], see `learner_to_bytes`.

    Raises:
        DataError: If the bytes are corrupt, or were taken with other losses, another network or
            another configuration; the learner is unchanged.
    """
    tensors, header = unpack(data)
    present, present_header = unpack(learner_to_bytes(online))
    expected, restored = (
        layout({k: p for k, p in x.items() if k.startswith(("theta.", "state."))})
        for x in (present, tensors)
    )
    if header.get("run") != present_header["run"] or expected != restored:
        raise DataError(
            "the checkpoint was taken with other losses or settings: delete it to start anew"
        )
    try:
        samples, snapshots, counts, learn_until = _checked(online, tensors, header)
    except Exception as error:
        raise corrupt(error) from error
    online.generator.set_state(tensors["generator"])
    online.samples, online.snapshots = samples, snapshots
    for name, method in online.methods.items():
        method.theta = _group(tensors, f"theta.{name}/")
        method.state = _group(tensors, f"state.{name}/")
    online.n_learned, online.n_steps = counts
    online.replay(learn_until)
    return learn_until


def _checked(
    online: OnlineLearner, tensors: Params, header: dict[str, Any]
) -> tuple[SampleBuffer, list[Snapshot], tuple[int, int], float]:
    """Return samples, snapshots, numbers of samples and steps learned, and learn_until [s].

    What does not fit raises anything; the learner is unchanged.
    """
    check_generator(tensors["generator"])
    for name in online.methods:
        check_counts(f"the count of {name}", tensors[f"state.{name}/count"])
    samples = SampleBuffer(online.optimizee.units.n_joints)
    rows = zip(*(tensors[f"samples.{k}"].numpy() for k in SIGNALS), strict=True)
    for t, row in zip(tensors["times"].tolist(), rows, strict=True):
        samples.append(t, *row)
    expected = layout(online.optimizee.init(torch.Generator()))
    snapshots = []
    for i, (n, t, names) in enumerate(header["snapshots"]):
        check_whole("steps of a snapshot", n, 0, MAX_STEPS)
        check_number("time of a snapshot", t, -LATEST, LATEST)
        thetas = {name: _group(tensors, f"snapshot.{i}/{name}/") for name in names}
        if any(layout(theta) != expected for theta in thetas.values()):
            raise DataError("a snapshot is of another network")
        snapshots.append(Snapshot(n, t, thetas))
    counts = header["n_learned"], header["n_steps"]
    check_whole("n_learned", counts[0], 0, len(samples))
    check_whole("n_steps", counts[1], 0, MAX_STEPS)
    learn_until = header.get("learn_until")
    if learn_until is None:
        return samples, snapshots, counts, math.inf
    check_number("learn_until", learn_until, -LATEST, LATEST)
    return samples, snapshots, counts, float(learn_until)


def _description(online: OnlineLearner) -> dict[str, Any]:
    """Return what must be equal for a learner to go on from another's checkpoint."""
    return {
        "losses": {name: method.loss.sha256() for name, method in online.methods.items()},
        "units": online.optimizee.units.to_dict(),
        "config": asdict(online.config),
        "companions": list(online.companions.names),
    }


def _group(tensors: Params, prefix: str) -> Params:
    return {k.removeprefix(prefix): p for k, p in tensors.items() if k.startswith(prefix)}
