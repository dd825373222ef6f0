# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Mapping file: which columns of which text files are the positions, velocities and efforts.

    joints: [shoulder, elbow]
    time: {file: run.csv, columns: [t], unit: s}          # or rate: 500 [Hz], for even samples
    position: {file: run.csv, columns: [q1, q2], unit: deg, sign: [1, -1], offset: [0, 90]}
    velocity: {file: run.csv, columns: [4, 5]}            # left out: the derivative of position
    effort: {file: currents.txt, columns: lines, unit: A}

Write one where a recording is not a ROS bag. `columns` are names of the header, numbers from 1 on,
or `lines`: one number a line, joint after joint. A measured value is sign * number + offset in the
unit of the file; `mix`, a matrix, combines signed motors into joints before the offset is added.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from ml3_ros.errors import DataError
from ml3_ros.files import user_path

Array = NDArray[np.float64]
LINES = "lines"
DEGREE = math.pi / 180.0
UNITS: Mapping[str, Mapping[str, float]] = {
    "time": {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9},
    "position": {"rad": 1.0, "deg": DEGREE, "m": 1.0, "mm": 1e-3, "turns": 2.0 * math.pi},
    "velocity": {"rad/s": 1.0, "deg/s": DEGREE, "m/s": 1.0, "rpm": math.pi / 30.0},
    "effort": {"N m": 1.0, "N": 1.0, "A": 1.0, "mA": 1e-3, "mN m": 1e-3},
}
KEYS = ("joints", "time", "rate", "position", "velocity", "effort", "decimate")
SIGNAL_KEYS = ("file", "columns", "unit", "sign", "offset", "mix")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Signal:
    """Where a signal of n joints stands, and how its numbers become values in SI units.

    `columns` are names, numbers from 0 on, or None for one number a line. A value is
    (numbers * scale) @ mix.T + offset with `scale` and `offset` (n,) and `mix` (n, n).
    """

    file: Path
    columns: tuple[str | int, ...] | None
    scale: Array
    offset: Array
    mix: Array


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ColumnMapping:
    """Columns of a recording; `rate` [Hz] where there is no `time`.

    `decimate`: after a low-pass filter without delay, every so many-th sample is kept.
    """

    joints: tuple[str, ...]
    position: Signal
    velocity: Signal | None
    effort: Signal
    time: Signal | None
    rate: float | None
    decimate: int


def read_mapping(path: str | Path) -> ColumnMapping:
    """Read a mapping file; files that it names lie beside it unless their path is absolute.

    Raises:
        DataError: There is no such file, or what it says cannot be used, with what to write.
    """
    path = user_path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise DataError(f"the mapping file {path} cannot be read: {reason}") from None
    try:
        return _mapping(content, path.parent)
    except _Wrong as wrong:
        raise DataError(f"mapping file {path}: {wrong}") from None


def mapping_of(content: dict[str, Any], folder: Path) -> ColumnMapping:
    """Return a mapping that is given as the content of a mapping file in `folder`.

    Raises:
        DataError: It cannot be used.
    """
    try:
        return _mapping(content, folder)
    except _Wrong as wrong:
        raise DataError(f"mapping of columns: {wrong}") from None


class _Wrong(Exception):
    """What a mapping file says cannot be used."""


def _mapping(content: Any, folder: Path) -> ColumnMapping:
    known = _section(content, "the file", KEYS)
    joints = known.get("joints")
    if not isinstance(joints, list) or not joints or not all(isinstance(x, str) for x in joints):
        raise _Wrong("joints must be a list of the joints' names, as in the URDF")
    if len(set(joints)) != len(joints):
        raise _Wrong(f"joint names must differ, got {', '.join(joints)}")
    for name in ("position", "effort"):
        if name not in known:
            raise _Wrong(f"{name} is missing: give {name}: {{file: FILE, columns: [...]}}")
    if ("time" in known) == ("rate" in known):
        raise _Wrong("give either time: {file: FILE, columns: [...]} or rate: samples a second")
    signals = {
        name: _signal(known[name], name, 1 if name == "time" else len(joints), folder)
        for name in UNITS
        if name in known
    }
    rate = known.get("rate")
    decimate = known.get("decimate", 1)
    if not isinstance(decimate, int) or isinstance(decimate, bool) or decimate < 1:
        raise _Wrong(f"decimate must be a whole number from 1 on, got {decimate!r}")
    return ColumnMapping(
        joints=tuple(joints),
        position=signals["position"],
        velocity=signals.get("velocity"),
        effort=signals["effort"],
        time=signals.get("time"),
        rate=None if rate is None else _number(rate, "rate", positive=True),
        decimate=decimate,
    )


def _signal(content: Any, name: str, n: int, folder: Path) -> Signal:
    known = _section(content, name, SIGNAL_KEYS)
    file = known.get("file")
    if not isinstance(file, str) or not file:
        raise _Wrong(f"{name} has no file: give the name of the text file")
    units = UNITS[name]
    unit = known.get("unit", next(iter(units)))
    if unit not in units:
        raise _Wrong(f"{name} has the unit {unit!r}: choose one of {', '.join(units)}")
    scale = units[unit] * _numbers(known.get("sign", 1.0), f"sign of {name}", n)
    mix = np.array([_numbers(row, f"mix of {name}", n) for row in _rows(known, name, n)])
    return Signal(
        file=folder / user_path(file),
        columns=_columns(known.get("columns"), name, n),
        scale=scale,
        offset=units[unit] * _numbers(known.get("offset", 0.0), f"offset of {name}", n),
        mix=mix,
    )


def _columns(given: Any, name: str, n: int) -> tuple[str | int, ...] | None:
    if given == LINES:
        return None
    if not isinstance(given, list) or len(given) != n:
        raise _Wrong(
            f"{name} needs {n} columns, one a joint: names of the header, numbers from 1 on, or "
            f"`{LINES}` for one number a line; got {given!r}"
        )
    for column in given:
        number = isinstance(column, int) and not isinstance(column, bool) and column >= 1
        if not (number or isinstance(column, str)):
            raise _Wrong(f"column {column!r} of {name} is neither a name nor a number from 1 on")
    return tuple(x - 1 if isinstance(x, int) else x for x in given)


def _rows(known: Mapping[str, Any], name: str, n: int) -> list[Any]:
    rows = known.get("mix", np.eye(n).tolist())
    if not isinstance(rows, list) or len(rows) != n:
        raise _Wrong(f"mix of {name} must have {n} rows, one a joint, got {rows!r}")
    return rows


def _numbers(given: Any, what: str, n: int) -> Array:
    if isinstance(given, list):
        if len(given) != n:
            raise _Wrong(f"{what} has {len(given)} numbers, {n} are needed")
        return np.array([_number(x, what) for x in given])
    return np.full(n, _number(given, what))


def _number(given: Any, what: str, *, positive: bool = False) -> float:
    numeric = isinstance(given, int | float) and not isinstance(given, bool)
    if not numeric or not math.isfinite(given) or (positive and given <= 0):
        raise _Wrong(f"{what} must be {'a number > 0' if positive else 'a number'}, got {given!r}")
    return float(given)


def _section(content: Any, name: str, keys: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise _Wrong(f"{name} must hold {', '.join(keys)}, got {content!r:.60}")
    for key in content:
        if key not in keys:
            near = difflib.get_close_matches(str(key), keys, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(keys)}"
            raise _Wrong(f"{name} has an unknown entry {key!r}: {hint}")
    return content
