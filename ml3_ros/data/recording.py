# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recording of joint states as arrays in time order, whatever file it came from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.stamps import sampling_period
from ml3_ros.errors import DataError

MAX_STEP_BACK = 1.0  # [s] older than this is no late message: the clock was set back
_NS = 1_000_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordingChecks:
    """What was found, and left out, while a recording was read (counts of messages)."""

    messages: int = 0  # on the topic, in all
    others: int = 0  # of other joints altogether, as a gripper's: no loss
    partial: int = 0  # lacked one of the joints: left out
    malformed: int = 0  # name, position, velocity and effort differ in length: left out
    not_finite: int = 0  # a value that no arm has in a joint that is used: left out
    unstamped: int = 0  # had no stamp where others had one: left out
    foreign: int = 0  # of a second publisher of the same joints: left out
    spikes: int = 0  # in which a signal stood far apart from its neighbours: left out
    reordered: int = 0  # older than the message before them: sorted in
    duplicates: int = 0  # stamp equal to another one's: left out
    stamped_by: str = "header"  # or "log": stamps are no times, so times of reception
    differentiated: bool = False  # velocities are the derivative of positions
    notes: tuple[str, ...] = ()  # a sentence each on files, names, values, stamps, publishers
    problems: tuple[str, ...] = ()  # those of the notes that the user should do something about

    @property
    def lost(self) -> int:
        """Messages of these joints that could not be used."""
        return self.partial + self.malformed + self.not_finite + self.unstamped

    def __str__(self) -> str:
        return ", ".join([self.counts, *self.notes])

    @property
    def counts(self) -> str:
        """What was left out or changed, in numbers of messages."""
        left_out = {
            "partial": self.partial,
            "malformed": self.malformed,
            "not finite": self.not_finite,
            "without a stamp": self.unstamped,
            "of a second publisher": self.foreign,
            "with spikes": self.spikes,
            "duplicate": self.duplicates,
        }
        words = [f"{self.others} of other joints"] if self.others else []
        words += [f"{n} {what} left out" for what, n in left_out.items() if n]
        words += [f"{self.reordered} sorted into order"] if self.reordered else []
        words += ["stamped on reception"] if self.stamped_by == "log" else []
        words += ["velocities from positions"] if self.differentiated else []
        return f"{self.messages} messages" + "".join(f", {word}" for word in words)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class JointRecording:
    """Joint states of a recording; rows in time order, columns in the order of `names`.

    `t` [s] (T,) counts from `start_ns`, the stamp of the first row [ns since the epoch];
    `q` [rad], `v` [rad/s] and `tau` [N m, or the unit of the recorded effort] are (T, n).
    """

    names: tuple[str, ...]
    t: NDArray[np.float64]
    q: NDArray[np.float64]
    v: NDArray[np.float64]
    tau: NDArray[np.float64]
    start_ns: int
    topic: str
    checks: RecordingChecks = field(default_factory=RecordingChecks)

    @property
    def dt(self) -> float:
        """Time between samples, whatever their jitter and losses [s]."""
        return sampling_period(self.t)


def in_time_order(
    path: str | Path,
    stamps_ns: NDArray[np.int64],
    rows: NDArray[np.float64],
    checks: RecordingChecks,
) -> tuple[NDArray[np.int64], NDArray[np.float64], RecordingChecks]:
    """Sort rows by stamp and keep the first of equal stamps.

    Args:
        path: Of the file, for the error.
        stamps_ns: Stamps [ns] (T,), in the order of the file.
        rows: What was measured at each, (T, ...).
        checks: To which the count of what was sorted or left out is added.

    Raises:
        DataError: Time goes back by more than MAX_STEP_BACK.
    """
    if not len(stamps_ns):
        return stamps_ns, rows, checks
    newest = np.maximum.accumulate(stamps_ns)
    back = (newest - stamps_ns) / _NS
    if back.max() > MAX_STEP_BACK:
        at = int(np.argmax(back > MAX_STEP_BACK))
        raise DataError(
            f"time goes back by {back[at]:.1f} s at sample {at} of {path}: the clock was set back "
            "or two recordings were joined; cut the bag there and read the parts one by one"
        )
    order = np.argsort(stamps_ns, kind="stable")
    first = np.concatenate(([True], np.diff(stamps_ns[order]) > 0))
    checks = replace(checks, reordered=int((back > 0.0).sum()), duplicates=int((~first).sum()))
    return stamps_ns[order][first], rows[order][first], checks
