# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tuning of rivals, one number after the other, until none of them gains by moving on its grid."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ml3_ros.experiments.payload.rivals import Rival
from ml3_ros.experiments.rivals.bracketed import FACTOR, bracketed

ROUNDS = 3  # through all numbers of a rival
WORST = 1e3  # mean logarithm of what failed

Score = Callable[[dict[str, float]], float]
"""Numbers by name -> mean logarithm of errors on validation arms."""


def tuned(rival: Rival, score: Score) -> dict[str, float]:
    """Return the numbers of a rival with the lowest score, each bracketed by worse ones.

    The first round looks at the whole grid of a number, the next ones about the best so far.
    """
    found = {name: grid[min(2, len(grid) - 1)] for name, grid in rival.grids.items()}
    known: dict[tuple[float, ...], float] = {}

    def scored(numbers: dict[str, float]) -> float:
        key = tuple(numbers.values())
        if key not in known:
            known[key] = _finite(score(numbers)) if _allowed(rival, numbers) else WORST
        return known[key]

    for turn in range(ROUNDS):
        before = dict(found)
        for name, grid in rival.grids.items():
            near = (found[name] / FACTOR, found[name], found[name] * FACTOR)

            def along(x: float, name: str = name) -> np.ndarray:
                return np.array(scored(found | {name: x}))

            found[name] = float(bracketed(along, near if turn else grid))
        if turn and found == before:
            break
    return found


def _allowed(rival: Rival, numbers: dict[str, float]) -> bool:
    return all(low < numbers[name] < high for name, (low, high) in rival.between.items())


def _finite(score: float) -> float:
    return score if np.isfinite(score) else WORST
