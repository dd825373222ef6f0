# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Rows of joint states from messages: which are of the arm, which can be used, and why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.recording import RecordingChecks
from ml3_ros.data.repair.values import CAUSES, FIELDS, bad_values, describe_bad, never_good, number
from ml3_ros.errors import DataError

Array = NDArray[np.float64]
_NS = 1e9


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class MessageRows:
    """Positions, velocities and efforts (K, 3, n) of the messages (M,) that are `kept`.

    `no_velocity` (n,) marks joints whose velocity is missing or NaN in every message; it is 0 in
    the rows.
    """

    values: Array
    kept: NDArray[np.bool_]
    no_velocity: NDArray[np.bool_]
    checks: RecordingChecks


def rows_of(
    messages: Sequence[Any], names: Sequence[str], log_ns: NDArray[np.int64], where: str
) -> MessageRows:
    """Return what messages of joint states hold of some joints.

    Args:
        messages: In the order of the file (M,).
        names: Of the joints as they are recorded (n,).
        log_ns: Times of reception [ns] (M,).
        where: What an error calls the recording.

    Raises:
        DataError: A field is missing, or never holds a number that an arm can have.
    """
    rows, fate = _filled(messages, names)
    whole = np.array([word == "" for word in fate], dtype=bool)
    _require(where, messages, names, whole)
    given = np.array([[len(x) > 0 for x in _fields(m)] for m in messages])[whole]
    values, t = rows[whole], (log_ns[whole] - log_ns[0]) / _NS
    bad = bad_values(values)
    # Franka's and others' drivers fill no velocity, or NaN: it is known from positions
    no_velocity = np.isnan(values[:, 1]).all(axis=0)
    values[:, 1, no_velocity], bad[:, 1, no_velocity] = 0.0, False
    _require_fields(where, values, bad, given, names)
    use = ~bad.any(axis=(1, 2))
    some = describe_bad(bad, values, t, names)
    kept = whole.copy()
    kept[whole] = use
    count = Counter(fate)
    return MessageRows(
        values=values[use],
        kept=kept,
        no_velocity=no_velocity,
        checks=RecordingChecks(
            messages=len(messages),
            others=count["other"],
            partial=count["partial"],
            malformed=count["malformed"],
            not_finite=int((~use).sum()),
            notes=tuple(some),
        ),
    )


def _fields(message: Any) -> tuple[Any, Any, Any]:
    return message.position, message.velocity, message.effort


def _filled(messages: Sequence[Any], names: Sequence[str]) -> tuple[Array, list[str]]:
    """Return (M, 3, n) with NaN where nothing is, and why a message is left out, "" if not."""
    columns: dict[tuple[str, ...], list[int] | str] = {}
    rows = np.full((len(messages), 3, len(names)), np.nan)
    fate = []
    for row, message in zip(rows, messages, strict=True):
        layout = tuple(message.name)
        if layout not in columns:
            carried = len(set(names) & set(layout))
            words = {0: "other", len(names): ""}
            lack = words.get(carried, "partial")
            columns[layout] = lack or [layout.index(name) for name in names]
        pick = columns[layout]
        if isinstance(pick, str):
            fate.append(pick)
        elif any(len(array) not in (0, len(layout)) for array in _fields(message)):
            fate.append("malformed")
        else:
            for target, array in zip(row, _fields(message), strict=True):
                if len(array):
                    target[:] = array[pick]
            fate.append("")
    return rows, fate


def _require(
    where: str, messages: Sequence[Any], names: Sequence[str], whole: NDArray[np.bool_]
) -> None:
    if whole.any():
        return
    if not any(set(names) <= set(message.name) for message in messages):
        raise DataError(
            f"no message of {where} carries all of {', '.join(names)}: choose joints that are "
            "published together"
        )
    raise DataError(
        f"position, velocity and effort in {where} have other lengths than its names: fix the "
        "driver"
    )


def _require_fields(
    where: str,
    values: Array,
    bad: NDArray[np.bool_],
    given: NDArray[np.bool_],
    names: Sequence[str],
) -> None:
    """Raise an error that names field and joints where nothing is left because of them."""
    if not bad.any(axis=(1, 2)).all():
        return
    for i in (0, 2):
        if not given[:, i].any():
            raise DataError(
                f"{where} carries no {FIELDS[i]}: record it with a driver that fills it "
                "(position and effort are needed)"
            )
    for sentence in never_good(bad, names):
        name = sentence.split(" ", 1)[0]
        i = FIELDS.index(name)
        worst = values[0, i, int(np.argmax(bad[:, i].all(axis=0)))]
        raise DataError(
            f"{sentence} is {number(worst)} in every message of {where}: {CAUSES[name]}; record "
            "it with a driver that does, or leave the joint out"
        )
