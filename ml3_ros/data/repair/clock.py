# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Times of recorded samples: stamps where these are times of samples, else times of reception."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Stamps = NDArray[np.int64]
USELESS = 0.5  # share of messages whose stamp is that of the one before: it is no time of samples
JUMP = 1.0  # stamps that step by so much more or less than times of reception do jumped [s]
MOST_JUMPS = 10  # clocks are set now and then; what jumps more often is no clock
_NS = 1_000_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleTimes:
    """Times [ns] of samples (T,), which of them can be used (T,), and what was found.

    `stamped_by` is header or log, the times of reception.
    """

    ns: Stamps
    usable: NDArray[np.bool_]
    stamped_by: str = "header"
    notes: tuple[str, ...] = ()


def sample_times(header_ns: Stamps, log_ns: Stamps, fresh: NDArray[np.bool_]) -> SampleTimes:
    """Choose the times of samples in the order of their file.

    Args:
        header_ns: Stamps of the messages (T,).
        log_ns: Times of reception (T,).
        fresh: Whether a message differs from the one before it (T,): an equal one that is sent
            twice has the same stamp rightly.
    """
    usable = np.ones(len(header_ns), dtype=bool)
    if len(header_ns) < 2 or np.ptp(log_ns) == 0:
        return SampleTimes(ns=header_ns, usable=usable)
    if np.ptp(header_ns) == 0:
        return SampleTimes(ns=log_ns, usable=usable, stamped_by="log")
    unset = header_ns == 0
    set_ = header_ns[~unset]
    # a simulation's clock may begin at 0, but then the next sample is near
    if unset.any() and set_.min() - 0 > JUMP * _NS:
        if unset.mean() > USELESS:
            note = f"{int(unset.sum())} messages have no stamp"
            return SampleTimes(ns=log_ns, usable=usable, stamped_by="log", notes=(note,))
        rest = sample_times(set_, log_ns[~unset], fresh[~unset])
        ns = log_ns.copy()
        ns[~unset] = rest.ns
        usable = ~unset
        note = f"{int(unset.sum())} without a stamp left out"
        if rest.stamped_by == "log":  # then these are as good as the others
            return SampleTimes(ns=log_ns, usable=~usable | usable, stamped_by="log")
        return SampleTimes(ns=ns, usable=usable, notes=(note, *rest.notes))
    changed = fresh[1:]
    repeated = (np.diff(header_ns) == 0) & changed
    if changed.any() and repeated.sum() > USELESS * changed.sum():
        digits = "whole seconds" if not (header_ns % _NS).any() else "repeated"
        note = f"stamps are {digits}, which are no times of samples"
        return SampleTimes(ns=log_ns, usable=usable, stamped_by="log", notes=(note,))
    return _without_jumps(header_ns, log_ns, usable)


def _without_jumps(header_ns: Stamps, log_ns: Stamps, usable: NDArray[np.bool_]) -> SampleTimes:
    """Shift stamps after the clock was set, which times of reception tell from a pause."""
    step, received = np.diff(header_ns), np.diff(log_ns)
    odd = (np.abs(step - received) > JUMP * _NS) & (received >= 0) & (received < JUMP * _NS)
    jumps = np.flatnonzero(odd)
    if not len(jumps):
        return SampleTimes(ns=header_ns, usable=usable)
    if len(jumps) > MOST_JUMPS:
        note = f"stamps jump {len(jumps)} times"
        return SampleTimes(ns=log_ns, usable=usable, stamped_by="log", notes=(note,))
    shift = np.zeros(len(header_ns), dtype=np.int64)
    shift[jumps + 1] = (received - step)[jumps]
    by = (step - received)[jumps] / _NS
    return SampleTimes(
        ns=header_ns + np.cumsum(shift), usable=usable, notes=(_jumped(jumps, by, log_ns),)
    )


def _jumped(jumps: Sequence[int] | Stamps, by: NDArray[np.float64], log_ns: Stamps) -> str:
    at = ", ".join(f"{(log_ns[i] - log_ns[0]) / _NS:.2f} s" for i in jumps)
    sizes = ", ".join(f"{x:+.1f} s" for x in by)
    return f"the clock of the stamps was set by {sizes} at {at}: later stamps are shifted"
