"""What a fault bench has found, and whether it is what is promised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


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
