# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Output folder of an online run: its files, each written whole or not at all.

    OUT/config.json        resolved arguments and parameters
    OUT/samples.npz        t (T,), q, v, a, tau (T, n), joint_names, learn_until
    OUT/predictions.npz    t (K,), tau (K, n) measured, and (K, n) predicted per method
    OUT/heldout.npz        steps (C,), seconds (C,), and NMSE (C, n) per method
    OUT/checkpoints/       optimizee parameters by method, for resuming
    OUT/metrics.json       numbers of the report

Every file is written beside its place and renamed into it, so that a run that is killed leaves
the older file whole. Needs numpy alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ml3_ros.data.array_files import write_arrays
from ml3_ros.errors import DataError
from ml3_ros.files import user_path, write_atomically, write_error

Array = NDArray[np.float64]
Content = TypeVar("Content")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Samples:
    """The filtered stream: what was learned from, and after `learn_until` [s] what was held out.

    `t` (T,) [s] increases; `q` [rad], `v` [rad/s], `a` [rad/s^2], `tau` [N m] are (T, n), columns
    in the order of `joint_names`. Without a held-out part `learn_until` is infinite.
    """

    joint_names: tuple[str, ...]
    t: Array
    q: Array
    v: Array
    a: Array
    tau: Array
    learn_until: float = np.inf

    def __post_init__(self) -> None:
        n = len(self.joint_names)
        if n == 0 or len(set(self.joint_names)) != n:
            raise DataError(f"joint names must be some and differ, got {self.joint_names}")
        _require_times("samples", self.t)
        for name in ("q", "v", "a", "tau"):
            _require_shape("samples", name, getattr(self, name), (len(self.t), n))
            if not np.isfinite(getattr(self, name)).all():
                raise DataError(f"samples: {name} is not finite everywhere; drop such samples")
        if np.isnan(self.learn_until):
            raise DataError("samples: learn_until is NaN; use inf where nothing was held out")

    def part(self, *, held_out: bool) -> Samples:
        """Return the held-out samples, or those that were learned from."""
        rows = (self.t > self.learn_until) == held_out
        arrays = {name: getattr(self, name)[rows] for name in ("t", "q", "v", "a", "tau")}
        return Samples(joint_names=self.joint_names, learn_until=self.learn_until, **arrays)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Predictions:
    """Prequential predictions: each row was predicted before anything was learned from it.

    `t` (K,) [s] increases, `tau` (K, n) [N m] is measured, `methods` holds (K, n) [N m] by name;
    a method that diverged may hold infinities or NaN.
    """

    t: Array
    tau: Array
    methods: Mapping[str, Array]

    def __post_init__(self) -> None:
        _require_times("predictions", self.t)
        _require_methods("predictions", self.methods, ("t", "tau"))
        if np.ndim(self.tau) != 2:
            raise DataError(f"predictions: tau must be (K, n), got shape {np.shape(self.tau)}")
        for name, values in {"tau": self.tau, **self.methods}.items():
            _require_shape("predictions", name, values, (len(self.t), *self.tau.shape[1:2]))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class HeldOut:
    """Held-out NMSE of snapshots taken while learning.

    `steps` (C,) are gradient steps and `seconds` (C,) [s] robot time learned from; `methods`
    holds the NMSE (C, n) [-] per joint by name.
    """

    steps: Array
    seconds: Array
    methods: Mapping[str, Array]

    def __post_init__(self) -> None:
        _require_methods("heldout", self.methods, ("steps", "seconds"))
        if np.ndim(self.steps) != 1:
            raise DataError(f"heldout: steps must be a list, got shape {np.shape(self.steps)}")
        _require_shape("heldout", "seconds", self.seconds, self.steps.shape)
        columns = {np.shape(values)[1:] for values in self.methods.values()}
        if len(columns) > 1 or any(len(column) != 1 for column in columns):
            raise DataError("heldout: the methods' arrays must be (C, n) with the same n")
        for name, values in self.methods.items():
            _require_shape("heldout", name, values, (len(self.steps), *values.shape[1:]))


class RunFolder:
    """Read and write the files of one run; every failure is a DataError."""

    def __init__(self, path: str | Path) -> None:
        self.path = user_path(path)

    @classmethod
    def create(cls, path: str | Path) -> Self:
        """Make the folder where it is missing, and make sure now that it can be written."""
        run = cls(path)
        try:
            (run.path / "checkpoints").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(run.path, error) from error
        except ValueError as error:  # a NUL in the name
            raise DataError(f"{path!r} is no folder ({error}): choose another name") from error
        probe = run.path / ".writable"
        write_atomically(probe, b"")
        probe.unlink(missing_ok=True)
        return run

    def checkpoint(self, method: str) -> Path:
        """Return where the parameters of `method` are kept."""
        return self.path / "checkpoints" / f"{method}.safetensors"

    def save_config(self, config: Mapping[str, Any]) -> None:
        """Write config.json."""
        self._save_json("config.json", config)

    def save_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write metrics.json; a number that diverged stands there as Infinity."""
        self._save_json("metrics.json", metrics)

    def save_samples(self, samples: Samples) -> None:
        """Write samples.npz."""
        arrays = {name: getattr(samples, name) for name in ("t", "q", "v", "a", "tau")}
        self._save_arrays(
            "samples.npz",
            {
                **arrays,
                "joint_names": np.array(samples.joint_names, dtype=str),
                "learn_until": np.float64(samples.learn_until),
            },
        )

    def save_predictions(self, predictions: Predictions) -> None:
        """Write predictions.npz."""
        arrays = {"t": predictions.t, "tau": predictions.tau, **predictions.methods}
        self._save_arrays("predictions.npz", arrays)

    def save_heldout(self, heldout: HeldOut) -> None:
        """Write heldout.npz."""
        arrays = {"steps": heldout.steps, "seconds": heldout.seconds, **heldout.methods}
        self._save_arrays("heldout.npz", arrays)

    def load_config(self) -> dict[str, Any]:
        """Read config.json."""
        return self._load_json("config.json")

    def load_metrics(self) -> dict[str, Any]:
        """Read metrics.json."""
        return self._load_json("metrics.json")

    def load_samples(self) -> Samples:
        """Read samples.npz and check it."""
        arrays = self._load_arrays("samples.npz", ("t", "q", "v", "a", "tau", "joint_names"))
        return self._made("samples.npz", lambda: _samples(arrays))

    def load_predictions(self) -> Predictions:
        """Read predictions.npz and check it."""
        arrays = self._load_arrays("predictions.npz", ("t", "tau"))
        t, tau = arrays.pop("t"), arrays.pop("tau")
        return self._made("predictions.npz", lambda: Predictions(t=t, tau=tau, methods=arrays))

    def load_heldout(self) -> HeldOut:
        """Read heldout.npz and check it."""
        arrays = self._load_arrays("heldout.npz", ("steps", "seconds"))
        steps, seconds = arrays.pop("steps"), arrays.pop("seconds")
        return self._made(
            "heldout.npz", lambda: HeldOut(steps=steps, seconds=seconds, methods=arrays)
        )

    def _save_json(self, name: str, content: Mapping[str, Any]) -> None:
        text = json.dumps(content, indent=1, default=_plain)
        write_atomically(self.path / name, text.encode() + b"\n")

    def _save_arrays(self, name: str, arrays: Mapping[str, ArrayLike]) -> None:
        write_arrays(self.path / name, arrays)

    def _load_json(self, name: str) -> dict[str, Any]:
        path = self._existing(name)
        try:
            content = json.loads(path.read_bytes())
        except Exception as error:  # a damaged file raises anything
            raise self._unreadable(name, error) from error
        if not isinstance(content, dict):
            raise self._unreadable(name, f"a {type(content).__name__} where an object belongs")
        return content

    def _load_arrays(self, name: str, required: tuple[str, ...]) -> dict[str, NDArray[Any]]:
        path = self._existing(name)
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {
                    key: file[key] if key == "joint_names" else np.asarray(file[key], dtype=float)
                    for key in file.files
                }
        except Exception as error:
            raise self._unreadable(name, error) from error
        missing = [key for key in required if key not in arrays]
        if missing:
            raise self._unreadable(name, f"no array {', '.join(missing)}")
        return arrays

    def _made(self, name: str, make: Callable[[], Content]) -> Content:
        """Return what is made of a file's arrays; they may be of any shape and number."""
        try:
            return make()
        except DataError:
            raise
        except Exception as error:
            raise self._unreadable(name, error) from error

    def _existing(self, name: str) -> Path:
        """Return the path of a file; of a pipe, reading would wait for ever."""
        if not os.path.isfile(self.path / name):
            raise self._unreadable(name, "it is no file")
        return self.path / name

    def _unreadable(self, name: str, why: object) -> DataError:
        # of os.path: those of a Path raise where a name is too long or a folder is closed to us
        if not os.path.isdir(self.path):
            return DataError(f"there is no folder {self.path}: give the `out` folder of a run")
        if not os.path.exists(self.path / name):
            return DataError(
                f"{self.path} has no {name}: it is not the folder of a finished run; run it again"
            )
        return DataError(f"{self.path / name} is damaged ({why}): run it again")


def _samples(arrays: dict[str, NDArray[Any]]) -> Samples:
    names = tuple(str(name) for name in arrays.pop("joint_names"))
    learn_until = float(arrays.pop("learn_until", np.inf))
    return Samples(joint_names=names, learn_until=learn_until, **arrays)


def _plain(value: object) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise DataError(f"a {type(value).__name__} cannot be written as JSON: convert it first")


def _require_times(what: str, t: Array) -> None:
    if np.ndim(t) != 1 or not np.isfinite(t).all() or np.any(np.diff(t) <= 0):
        raise DataError(f"{what}: t must be a list of increasing finite times; sort the rows")


def _require_shape(what: str, name: str, array: Array, shape: tuple[int, ...]) -> None:
    if np.shape(array) != shape:
        raise DataError(f"{what}: {name} must have shape {shape}, got {np.shape(array)}")


def _require_methods(what: str, methods: Mapping[str, Array], reserved: tuple[str, ...]) -> None:
    for name in methods:
        if name in reserved:
            raise DataError(f"{what}: a method cannot be called {name}: rename it")
