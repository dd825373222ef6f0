# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""External torque of a real UR10e that holds a pose while a person pushes it.

A public recording, no part of this package (see docs/arms.md). Models begin at the URDF, learn
from some seconds of another recording, in which the arm moves and nothing touches it, and learn on
while it is pushed. Nobody knows the true force; when there was one is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.data.filters import AccelerationFilter
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.external_torque.config import GAINS, LEARNED
from ml3_ros.experiments.external_torque.scores import area
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.experiments.touched_real.recordings import ARMS, PUSHES, STANDING, RealRows
from ml3_ros.identification.live.external_torque import (
    ExternalTorque,
    ExternalTorqueConfig,
    ExternalTorqueObserver,
)
from ml3_ros.identification.live.fits import FitName
from ml3_ros.identification.live.momentum import MomentumObserver
from ml3_ros.identification.live.physical_model import PhysicalModel, PhysicalModelConfig
from ml3_ros.robots.base import Array

MOVING = ARMS["ur10e_february_12"]
NOMINAL = "nominal_observer"
APART = 0.5  # from pushes of samples that count as free, and after the beginning [s]
PAUSE = 1.0  # between both recordings, as if they were one stream [s]
GOLDEN = 0.6180339887  # stretches that are learned from are spread evenly, however many


@dataclass(frozen=True, kw_only=True, slots=True)
class RealContactConfig:
    """Recordings and observers.

    Attributes:
        data: Folder with the recordings, see docs/arms.md.
        seeds: Stretches of motion that models have learned from before.
        learn_seconds: Of each [s].
        gain: Of the observers [1/s], one of GAINS.
    """

    data: str = ""
    seeds: int = 5
    learn_seconds: float = 20.0
    gain: float = 80.0

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise ConfigError(f"seeds must be >= 1, got {self.seeds}")
        if not self.learn_seconds >= 1.0:
            raise ConfigError(f"learn_seconds must be >= 1, got {self.learn_seconds}")
        if self.gain not in GAINS:
            raise ConfigError(f"gain must be one of {', '.join(f'{g:g}' for g in GAINS)} 1/s")


def prepare(config: RealContactConfig, scratch: Path, report: Report) -> Arrays:
    """Return what was measured: "t" (T,) [s], "tau" (T, n) [N m], "pushed" (T,).

    Raises:
        ConfigError: No recordings are given.
    """
    if not config.data:
        raise ConfigError(
            "this experiment needs recordings: give --data DIR, see docs/arms.md for their source"
        )
    rows = STANDING.rows(config.data)
    return {"t": rows.t, "tau": rows.tau, "pushed": _within(rows.t, 0.0)}


def run_seed(
    config: RealContactConfig,
    seed: int,
    shared: Arrays,
    scratch: Path,
    engine: Engine = AUTOGRAD,
) -> Arrays:
    """Observe the pushed arm after one stretch of motion.

    Returns:
        By method "torque/NAME" and "std/NAME" (T, n) [N m]; "area/NAME", that under the ROC curve
        of samples within and apart from pushes; "free/NAME" and "largest/NAME" (n,), the RMS apart
        from pushes and the largest of each joint during them [N m]; of learned models "flag/NAME"
        (T, n), "found/NAME" and "false/NAME", the shares of pushes and of samples apart from them
        with a flag.
    """
    moving, standing = MOVING.rows(config.data), STANDING.rows(config.data)
    latest = moving.t[-1] - config.learn_seconds
    begin = (GOLDEN * (seed + 1)) % 1.0 * latest
    within = (moving.t >= begin) & (moving.t < begin + config.learn_seconds)
    arrays: Arrays = {}
    for name, fit in LEARNED.items():
        seen = _observe_and_learn(fit, config, _states(moving)[within], standing)
        arrays |= {f"{key}/{name}": value for key, value in seen.items()}
    model = STANDING.model(config.data)
    observer = MomentumObserver(model, config.gain)
    torque = np.stack([observer.push(*_split(state)) for state in _states(standing)])
    arrays |= {f"torque/{NOMINAL}": torque, f"std/{NOMINAL}": np.ones_like(torque)}
    pushed = _within(standing.t, 0.0)
    apart = np.asarray((standing.t > APART) & ~_within(standing.t, APART))
    for name in (*LEARNED, NOMINAL):
        torque, std = arrays[f"torque/{name}"], arrays[f"std/{name}"]
        evidence, told = (np.abs(torque) / std).max(axis=1), np.asarray(pushed | apart)
        arrays |= {
            f"area/{name}": np.array(area(evidence[told], pushed[told])),
            f"free/{name}": np.sqrt(np.square(torque[apart]).mean(axis=0)),
            f"largest/{name}": np.abs(torque[pushed]).max(axis=0),
        }
        if name in LEARNED:
            flags = np.asarray(arrays[f"flag/{name}"].any(axis=1))
            found = [flags[(standing.t >= a) & (standing.t <= b)].any() for a, b in PUSHES]
            arrays |= {
                f"found/{name}": np.array(np.mean(found)),
                f"false/{name}": np.array(flags[apart].mean()),
            }
    return arrays


def _observe_and_learn(
    fit: FitName, config: RealContactConfig, moving: Array, standing: RealRows
) -> Arrays:
    """Return "torque", "std" and "flag" (T, n) of the standing arm, after it has moved."""
    described = STANDING.model(config.data)
    model = PhysicalModel(described, described.description.home, PhysicalModelConfig(fit=fit))
    settings, began = ExternalTorqueConfig(gain=config.gain), 0.0
    seen: list[ExternalTorque] = []
    for states in (moving, _states(standing)):
        arm = STANDING.model(config.data)
        observer = ExternalTorqueObserver(model, arm, settings)
        filtered = AccelerationFilter(model.n, float(np.median(np.diff(states[:, 0]))))
        states = states.copy()
        states[:, 0] += began - states[0, 0]
        began = states[-1, 0] + PAUSE
        seen = []
        for row in states:
            state = _split(row)
            seen.append(observer.observe(*state))
            for sample in filtered.push(*state):
                if model.take(sample):
                    model.update()
    return {
        "torque": np.stack([x.torque for x in seen]),
        "std": np.stack([x.std for x in seen]),
        "flag": np.stack([x.touched for x in seen]),
    }


def _states(rows: RealRows) -> Array:
    """Return time, position, velocity and torque of all samples (T, 1 + 3 n)."""
    return np.concatenate([rows.t[:, None], rows.q, rows.v, rows.tau], axis=1)


def _split(state: Array) -> tuple[float, Array, Array, Array]:
    q, v, tau = state[1:].reshape(3, -1)
    return float(state[0]), q, v, tau


def _within(t: Array, margin: float) -> NDArray[np.bool_]:
    """Return which times (T,) are within a push, or no farther from one than `margin` [s]."""
    return np.asarray(np.any([(t >= a - margin) & (t <= b + margin) for a, b in PUSHES], axis=0))
