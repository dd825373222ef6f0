# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A real UR10e that takes up 2.8 kg: its recordings without and with the load, as one stream.

The recordings are public (see docs/payload.md) and no part of this package. The model is learned
from the first one; its end and the beginning of the second one, at several places, are streams in
which the load is put on. What is left of the second one is held out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ml3_ros.data.columns.mapping import mapping_of
from ml3_ros.data.columns.reader import read_mapped
from ml3_ros.data.filters import uneven_acceleration
from ml3_ros.experiments.payload.before import robust_model
from ml3_ros.experiments.payload.config import PayloadExperimentConfig
from ml3_ros.experiments.payload.data import Moment
from ml3_ros.files import user_path
from ml3_ros.robots.linear.arm import LinearArm
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.tasks.payload.families import LoadedFamily
from ml3_ros.tasks.payload.simulated import LoadedArms, LoadedConfig, columns_of_body

Array = NDArray[np.float64]
REAL = "real"  # name among families
UNLOADED_FILE = "ur-20_02_19_14harm50sec.csv"
LOADED_FILE = "ur-20_02_19_14harm50secLoad.csv"
URDF = "ur10e.urdf"
JOINTS = tuple(
    f"{name}_joint"
    for name in ("shoulder_pan", "shoulder_lift", "elbow", "wrist_1", "wrist_2", "wrist_3")
)
CONSTANTS = np.array([14.87, 13.26, 11.13, 10.62, 11.03, 11.47])  # published [N m/A]
STARTS = tuple(range(0, 40, 5))  # of the loaded recording, at which the load is put on [s]
WINDOW, ORDER = 0.25, 3  # of the acceleration filter [s]


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of a recording at even times, torque in N m."""

    t: Array
    v: Array
    columns: Array
    rest: Array  # torque less that of the arm as described
    spread: Array


def real_moments(config: PayloadExperimentConfig) -> list[Moment]:
    """Return the real arm at every time after the load is put on, once for each of STARTS."""
    family = LoadedFamily(_arms(user_path(config.data)))
    return [Moment.of(family, since) for since in config.times]


def _arms(folder: Path) -> LoadedArms:
    """Return a stream for each of STARTS, as of simulated arms."""
    model = PinocchioModel(load_robot(folder / URDF, simulated=False))
    linear = LinearArm(model)
    without, loaded = (_read(folder, name, linear) for name in (UNLOADED_FILE, LOADED_FILE))
    config = LoadedConfig()
    rows = config.rows
    n_fitted = len(without.t) - rows
    coefficients, unit = robust_model(
        without.t[:n_fitted], without.columns[:n_fitted], without.rest[:n_fitted]
    )

    def columns(of: _Rows) -> Array:
        return columns_of_body(linear, model.tool_position, of.columns) / unit[:, None]

    def left(of: _Rows) -> Array:
        return np.asarray((of.rest - of.columns @ coefficients) / unit)

    quiet = np.arange(n_fitted, n_fitted + rows)
    arms: dict[str, list[Array]] = {}
    for start in STARTS:
        carried = np.arange(round(start / config.spacing), round(start / config.spacing) + rows)
        others = np.delete(np.arange(len(loaded.t)), carried)
        measured = np.stack([left(loaded)[others]] * 2)  # there is none without the load
        stream = {
            "v": _stretches(without.v[quiet], loaded.v[carried]),
            "columns": _stretches(columns(without)[quiet], columns(loaded)[carried]),
            "residual": _stretches(left(without)[quiet], left(loaded)[carried]),
            "touched": np.zeros(3 * rows),
            "held_columns": columns(loaded)[others],
            "held_free": measured,
            "held_measured": measured,
            "held_spread": np.stack([loaded.spread] * 2) / unit,
            "unit": unit,
        }
        for name, value in stream.items():
            arms.setdefault(name, []).append(value)
    tensors = {k: torch.from_numpy(np.stack(x)).float() for k, x in arms.items()}
    touched = tensors.pop("touched") > 0.0
    return LoadedArms(**tensors, touched=touched, spacing=config.spacing)


def _stretches(without: Array, loaded: Array) -> Array:
    """Return the three stretches of a stream; in the last one the arm moves as in the first."""
    return np.concatenate([without, loaded, without])


def _read(folder: Path, name: str, linear: LinearArm) -> _Rows:
    """Return the rows of a recording: currents times published constants."""
    mapping: dict[str, Any] = {
        "joints": list(JOINTS),
        "time": {"file": name, "columns": [1]},
        "effort": {"file": name, "columns": [14, 15, 16, 17, 18, 19], "unit": "A"},
        "velocity": {"file": name, "columns": [8, 9, 10, 11, 12, 13]},
        "position": {"file": name, "columns": [2, 3, 4, 5, 6, 7]},
    }
    recording = read_mapped(mapping_of(mapping, folder), name, JOINTS)
    window = max(5, round(WINDOW / recording.dt) // 2 * 2 + 1)
    a, use = uneven_acceleration(recording.t, recording.v, recording.dt, window, ORDER)
    tau = recording.tau * CONSTANTS
    usable = np.flatnonzero(use)
    grid = np.arange(recording.t[usable[0]], recording.t[usable[-1]], LoadedConfig().spacing)
    at = usable[np.searchsorted(recording.t[usable], grid)]
    # friction remembers, so its columns are made of all samples
    every = linear.columns(recording.q, recording.v, a)
    nominal = linear.nominal(recording.q[at], recording.v[at], a[at])
    return _Rows(recording.t[at], recording.v[at], every[at], tau[at] - nominal, tau[at].std(0))
