# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Results of a fault bench: what was measured, and whether it is as promised."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from faults.rig.waiting import BenchError


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a bench's table; `holds` is None where nothing is promised."""

    what: str
    measured: str
    promised: str = ""
    holds: bool | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one bench: a page section of a title, a paragraph on the method, and rows."""

    title: str
    method: str
    rows: list[Row] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether all that is promised holds."""
        return all(row.holds is not False for row in self.rows)


Bench = Callable[[Path, bool], Finding]
"""(empty folder to work in, quick) -> finding; quick: as little as shows that the bench works."""


def rows_of(*measurements: Callable[[], Iterable[Row]]) -> list[Row]:
    """Return the rows of some measurements; one that fails leaves the others worth making."""
    rows: list[Row] = []
    for measure in measurements:
        try:
            rows.extend(measure())
        except BenchError as error:
            rows.append(Row("the bench itself", str(error), "measures", False))
    return rows
