# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tuning of one number, on a grid that is extended until the best candidate lies inside it."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ml3_ros.errors import ConfigError

Array = NDArray[np.float64]

FACTOR = 3.0  # from the first or last candidate to the next one beyond
FLAT = 2e-3  # of a mean logarithm: at an edge that gains less, going on is pointless
MOST_EXTENSIONS = 10


def bracketed(score: Callable[[float], Array], grid: Sequence[float]) -> Array:
    """Return the candidate with the lowest score in every cell, none of them at an edge.

    An edge is good enough only where the candidate beside it is as good: there the number does not
    matter any more, for instance a step size so small that a model hardly moves.

    Args:
        score: candidate -> scores (...,) of all cells; infinite where it failed.
        grid: Positive candidates to begin with.

    Raises:
        ConfigError: Far beyond the grid there was still no best candidate.
    """
    scores = {float(x): score(float(x)) for x in grid}
    for _ in range(MOST_EXTENSIONS):
        candidates = sorted(scores)
        table = np.stack([np.nan_to_num(scores[x], nan=np.inf) for x in candidates])
        best = table.argmin(0)
        further = []
        for edge, beside, beyond in (
            (0, 1, candidates[0] / FACTOR),
            (-1, -2, candidates[-1] * FACTOR),
        ):
            at_edge = (best == edge % len(candidates)) & np.isfinite(table[edge])
            if len(candidates) == 1 or np.any(at_edge & (table[edge] < table[beside] - FLAT)):
                further.append(beyond)
        if not further:
            return np.asarray(candidates)[best]
        scores |= {x: score(x) for x in further}
    raise ConfigError(
        f"the best of {', '.join(f'{x:g}' for x in sorted(scores))} is at an edge: begin with "
        "another grid"
    )
