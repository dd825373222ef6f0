# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Joint states of text files as a recording, with the same checks as those of a bag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.columns.mapping import ColumnMapping, Signal, read_mapping
from ml3_ros.data.columns.tables import Table, read_table
from ml3_ros.data.recording import JointRecording, RecordingChecks, in_time_order
from ml3_ros.data.repair.angles import continuous
from ml3_ros.data.repair.values import bad_values, describe_bad
from ml3_ros.data.repair.velocities import from_positions
from ml3_ros.data.stamps import EVEN, sampling_period
from ml3_ros.errors import DataError
from ml3_ros.files import user_path

Array = NDArray[np.float64]
_NS = 1_000_000_000
_TAPS = 20  # of the low-pass filter, a kept sample


def read_columns(path: str | Path, joints: Sequence[str] | None = None) -> JointRecording:
    """Read the recording that a mapping file describes.

    Args:
        path: The mapping file, see `mapping`.
        joints: Joints to read, in the order of the arrays; without it, all of the mapping.

    Raises:
        DataError: A file cannot be read, lengths differ, a joint is missing, or fewer than two
            samples can be used.
    """
    path = user_path(path)
    return read_mapped(read_mapping(path), str(path), joints)


def read_mapped(
    mapping: ColumnMapping, path: str, joints: Sequence[str] | None = None
) -> JointRecording:
    """Read the recording that a mapping describes; `path` is what errors call it.

    Raises:
        DataError: As `read_columns`.
    """
    tables: dict[Path, Table] = {}
    q, tau = (_values(signal, tables) for signal in (mapping.position, mapping.effort))
    signals = [q, tau]
    if mapping.velocity is not None:
        signals.insert(1, _values(mapping.velocity, tables))
    t = (
        np.arange(len(q)) / float(mapping.rate or 1.0)
        if mapping.time is None
        else _values(mapping.time, tables)[:, 0]
    )
    if len({len(x) for x in (t, *signals)}) > 1:
        raise DataError(
            f"{path}: the signals differ in length: " + _lengths(mapping, t, signals) + "; give "
            "files of the same recording"
        )
    pick = _order(path, mapping.joints, joints)
    rows = np.stack(signals, axis=1)[..., pick]
    names = tuple(mapping.joints[i] for i in pick)
    three = _three(rows, mapping.velocity is None)
    bad = bad_values(three)
    finite = ~bad.any(axis=(1, 2)) & np.isfinite(t)
    said = tuple(describe_bad(bad, three, t - t[0], names))
    checks = RecordingChecks(
        messages=len(t), not_finite=int((~finite).sum()), notes=said, problems=said
    )
    stamps = np.round(t[finite] * _NS).astype(np.int64)
    stamps, rows, checks = in_time_order(path, stamps, rows[finite], checks)
    if len(rows) < 2:
        raise DataError(f"{path} has {len(rows)} usable samples ({checks}): at least 2 are needed")
    seconds = (stamps - stamps[0]) / _NS
    rows, checks = continuous(seconds, rows, names, checks)
    if mapping.velocity is None:
        seconds, rows, checks = _with_velocity(path, seconds, rows, checks)
    if mapping.decimate > 1:
        seconds, rows = _decimated(path, seconds, rows, mapping.decimate)
    q, v, tau = (np.ascontiguousarray(rows[:, i]) for i in range(3))
    if not np.any(np.ptp(tau, axis=0) > 0.0):
        raise DataError(f"{path}: the effort never changes: name the columns that measure it")
    return JointRecording(
        names=names,
        t=seconds - seconds[0],
        q=q,
        v=v,
        tau=tau,
        start_ns=int(stamps[0]),
        topic="",
        checks=checks,
    )


def _values(signal: Signal, tables: dict[Path, Table]) -> Array:
    if signal.file not in tables:
        tables[signal.file] = read_table(signal.file)
    table = tables[signal.file]
    n = len(signal.scale)
    if signal.columns is None:
        if table.values.size % n:
            raise DataError(
                f"{table.path} has {table.values.size} numbers, which is no multiple of {n} joints"
            )
        numbers = table.values.reshape(-1, n)
    else:
        numbers = table.columns(signal.columns)
    return np.asarray((numbers * signal.scale) @ signal.mix.T + signal.offset)


def _lengths(mapping: ColumnMapping, t: Array, signals: list[Array]) -> str:
    names = ["position", "velocity", "effort"]
    if mapping.velocity is None:
        names.remove("velocity")
    return ", ".join(
        f"{name} {len(x)}" for name, x in zip(["time", *names], [t, *signals], strict=True)
    )


def _order(path: str, known: tuple[str, ...], joints: Sequence[str] | None) -> list[int]:
    wanted = known if joints is None else tuple(joints)
    missing = [name for name in wanted if name not in known]
    if missing:
        raise DataError(
            f"{path} has no joint {', '.join(missing)}: it maps {', '.join(known)}; name them as "
            "the URDF does"
        )
    return [known.index(name) for name in wanted]


def _with_velocity(
    path: str, t: Array, rows: Array, checks: RecordingChecks
) -> tuple[Array, Array, RecordingChecks]:
    """Return rows (T, 3, n) with velocities between positions and efforts (T, 2, n)."""
    v, use = from_positions(path, t, rows[:, 0])
    filled = np.stack([rows[:, 0], v, rows[:, 1]], axis=1)
    return t[use], filled[use], replace(checks, differentiated=True)


def _three(rows: Array, without_velocity: bool) -> Array:
    """Return rows (T, 3, n), with zeros where velocities are missing in (T, 2, n)."""
    return np.insert(rows, 1, 0.0, axis=1) if without_velocity else rows


def _decimated(path: str, t: Array, rows: Array, factor: int) -> tuple[Array, Array]:
    """Return every `factor`-th sample after a symmetric low-pass filter; its ends are cut off."""
    from scipy.signal import firwin, oaconvolve  # its import takes longer than most recordings

    if (np.abs(np.diff(t) - sampling_period(t)) > EVEN * sampling_period(t)).any():
        raise DataError(f"{path}: uneven samples cannot be decimated: leave out decimate")
    half = _TAPS * factor // 2
    if len(t) <= 2 * half + factor:
        raise DataError(f"{path} is too short for decimate: {factor}")
    taps = firwin(2 * half + 1, 0.8 / factor)
    smooth = oaconvolve(rows, taps[:, None, None], mode="valid", axes=0)
    return t[half : len(t) - half : factor], smooth[::factor]
