"""Tables as text: aligned columns for the terminal, Markdown for pages; numbers in cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]], n_texts: int = 1) -> str:
    """Return a Markdown table; behind the first `n_texts` columns cells are right-aligned."""
    rule = ["---"] * n_texts + ["---:"] * (len(header) - n_texts)
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))


def aligned(rows: Sequence[Sequence[str]], rules: Sequence[int] = ()) -> str:
    """Align columns, the first to the left; draw a rule before each row in `rules`."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    for at in sorted(rules, reverse=True):
        lines.insert(at, "-" * (sum(widths) + 2 * len(widths) - 2))
    return "\n".join(lines)


def plain(rows: Mapping[str, Sequence[str]], header: Sequence[str]) -> str:
    """Return aligned columns without rules: a header, and a row for each name."""
    return aligned([header, *([name, *cells] for name, cells in rows.items())])


def number(value: float) -> str:
    """Return three digits, however small: 0.0123, 1.2e-05."""
    if np.isnan(value):
        return "-"
    if np.isinf(value):
        return "diverged"
    if value == 0.0 or 1e-4 <= value < 1e4:
        return f"{value:.3g}" if value >= 1.0 else f"{value:.4f}"
    return f"{value:.1e}"


def shorten(names: tuple[str, ...]) -> tuple[str, ...]:
    """Drop the words that all names begin or end with: right_j0, right_j1 -> j0, j1."""
    words = [name.split("_") for name in names]
    while len(names) > 1 and min(map(len, words)) > 1 and len({word[0] for word in words}) == 1:
        words = [word[1:] for word in words]
    while len(names) > 1 and min(map(len, words)) > 1 and len({word[-1] for word in words}) == 1:
        words = [word[:-1] for word in words]
    return tuple("_".join(word) for word in words)
