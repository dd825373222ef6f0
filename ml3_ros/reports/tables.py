# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tables and numbers as text: aligned for the terminal, Markdown for pages.

Every table and every rounded number that the package prints is made here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from tabulate import SEPARATING_LINE, DataRow, TableFormat, tabulate

RULE: Sequence[str] = (SEPARATING_LINE,)  # a row that draws a line across a terminal table


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]], n_texts: int = 1) -> str:
    """Return an aligned table for the terminal.

    Args:
        header: Names of the columns; line breaks make a header of several lines.
        rows: Cells; `RULE` in place of a row draws a line.
        n_texts: Columns that are aligned to the left; those behind them are numbers.
    """
    sides = _sides(n_texts, len(header))
    return tabulate(rows, header, tablefmt="simple", colalign=sides, disable_numparse=True)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], n_texts: int = 1) -> str:
    """Return a Markdown table without padding, so that a changed cell changes one line.

    Args:
        header: Names of the columns.
        rows: Cells; a bar in one is escaped.
        n_texts: Columns that are aligned to the left; those behind them are numbers.
    """
    line = DataRow("| ", " | ", " |")
    marks = ["---" if side == "left" else "---:" for side in _sides(n_texts, len(header))]
    compact = TableFormat(
        lineabove=None,
        linebelowheader=lambda _widths, _sides: f"| {' | '.join(marks)} |",
        linebetweenrows=None,
        linebelow=None,
        headerrow=line,
        datarow=line,
        padding=0,
        with_header_hide=None,
    )
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (header, *rows)]
    return tabulate(
        cells[1:],
        cells[0],
        tablefmt=compact,
        disable_numparse=True,
        stralign=None,
        numalign=None,
    )


def definition_list(texts: Sequence[tuple[str, str]]) -> str:
    """Return indented lines of a name and what it means, for the help of a command."""
    return tabulate([("", *text) for text in texts], tablefmt="plain", disable_numparse=True)


def number(value: float, digits: int = 3) -> str:
    """Return a number with so many significant digits; ∞ where a run diverged, - for none."""
    if math.isinf(value):
        return "∞" if value > 0.0 else "-∞"
    return "-" if math.isnan(value) else f"{value:.{digits}g}"


def number_in_range(middle: float, low: float, high: float) -> str:
    """Return a number and the range that it is from: 0.0123 [0.011 0.014]."""
    return f"{number(middle)} [{number(low, 2)} {number(high, 2)}]"


def median_in_range(values: NDArray[np.float64]) -> str:
    """Return median, lowest and highest of measured values, such as one of every seed."""
    low, middle, high = np.quantile(values, (0.0, 0.5, 1.0), method="nearest")
    return number_in_range(float(middle), float(low), float(high))


def shorten(names: Sequence[str]) -> tuple[str, ...]:
    """Drop the words that all names begin or end with: right_j0, right_j1 -> j0, j1."""
    words = [name.split("_") for name in names]
    while len(names) > 1 and min(map(len, words)) > 1 and len({word[0] for word in words}) == 1:
        words = [word[1:] for word in words]
    while len(names) > 1 and min(map(len, words)) > 1 and len({word[-1] for word in words}) == 1:
        words = [word[:-1] for word in words]
    return tuple("_".join(word) for word in words)


def _sides(n_texts: int, n_columns: int) -> list[str]:
    return ["left"] * n_texts + ["right"] * (n_columns - n_texts)
