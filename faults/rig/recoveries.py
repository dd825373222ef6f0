# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recovery times after kills, and statistics of times in one line of a table."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from faults.rig.result import Row
from faults.rig.waiting import BenchError, require

DEADLINE_S = 20.0  # from a kill to the same work as before


@dataclass(slots=True)
class Recoveries:
    """How long the recovery from each kill took [s], and which of them failed."""

    times: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Return the number of kills."""
        return len(self.times) + len(self.failures)

    def wait(
        self, recovered: Callable[[], object], at: float, timeout_s: float = DEADLINE_S
    ) -> None:
        """Wait until `recovered` is true after the kill at `at` [s since the epoch]."""
        try:
            require(recovered, "recovery", at + timeout_s - time.time())
        except BenchError as error:
            self.failures.append(str(error))
            with contextlib.suppress(BenchError):  # the next kill shall hit a node that works
                require(recovered, "recovery", timeout_s)
        else:
            self.times.append(time.time() - at)

    def row(self, what: str, timeout_s: float = DEADLINE_S) -> Row:
        """Return the row of the table."""
        return Row(
            what,
            f"{len(self.times)} of {self.count}, after {spread(self.times, 's')}",
            f"every time within {timeout_s:g} s",
            not self.failures and self.count > 0,
        )


def spread(values: Sequence[float] | np.ndarray, unit: str, scale: float = 1.0) -> str:
    """Return median and largest of some values in one line."""
    if len(values) == 0:
        return "none"
    scaled = scale * np.asarray(values, dtype=float)
    return f"median {np.median(scaled):.3g} {unit}, max {scaled.max():.3g} {unit}"
