# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tables of numbers in text files, with or without a header, whatever separates their columns."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml3_ros.errors import DataError

Array = NDArray[np.float64]
SEPARATORS = (",", ";", "\t", None)  # None: spaces


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Table:
    """Numbers (T, C) of a text file, and the names of its columns where it has a header."""

    path: Path
    names: tuple[str, ...]
    values: Array

    def columns(self, wanted: Sequence[str | int]) -> Array:
        """Return the columns (T, n) by name, or by number from 0 on.

        Raises:
            DataError: There is no such column.
        """
        return self.values[:, [self._index(column) for column in wanted]]

    def _index(self, column: str | int) -> int:
        if isinstance(column, int):
            if column < self.values.shape[1]:
                return column
            raise DataError(
                f"{self.path} has no column {column + 1}: it has {self.values.shape[1]}, counted "
                "from 1 on"
            )
        if column not in self.names:
            listed = ", ".join(self.names) or "none, it has no header: give numbers from 1 on"
            raise DataError(f"{self.path} has no column {column!r}: its columns are {listed}")
        return self.names.index(column)


def read_table(path: Path) -> Table:
    """Read a text file of numbers.

    Raises:
        DataError: There is no such file, it holds no numbers, or a line has more or fewer than
            the others.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            first = next((line for line in file if line.strip()), "")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not a text file"
        raise DataError(f"{path} cannot be read: {reason}") from error
    separator = next(x for x in SEPARATORS if x is None or x in first)
    words = [word.strip().strip("\"'") for word in first.split(separator)]
    header = not all(map(_is_number, words))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an empty file; it is an error below
            values = np.loadtxt(
                path, delimiter=separator, skiprows=int(header), ndmin=2, encoding="utf-8-sig"
            )
    except ValueError as error:
        raise DataError(f"{path} is no table of numbers: {error}") from error
    if not values.size:
        raise DataError(f"{path} holds no numbers")
    return Table(path=path, names=tuple(words) if header else (), values=values)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
