# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Choice of a joint's friction terms: one after the other, each confirmed by every group.

A term is taken where the fit without any one group predicts that group better with it; of several
the one that helps most. On a short recording many columns fit what the next motion will not show,
so extra terms are also held near zero by a ridge, a weaker one where left-out groups clearly
prefer it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
LEAST_GAIN = 0.01  # share of the left-out error that a term must take off
MOST = 8  # extra terms of a joint
RIDGES = (1e-2, 1e-4)  # of extra terms, as a share of their power, strongest first
LEAST_RIDGE_GAIN = 0.1  # share of the left-out error that a weaker ridge must take off
FLAT_RIDGE = 1e-7  # of all others: only for those that a joint does not excite


def choose_terms(
    moments: Sequence[Array],
    first: Sequence[int],
    candidates: Sequence[int],
    not_negative: NDArray[np.bool_],
) -> tuple[list[int], float]:
    """Return which columns to use beside `first`, and the ridge that holds them near zero.

    Args:
        moments: Of each group (G,): sums of products of columns and target, the target last,
            (k + 1, k + 1).
        first: Columns that are always used.
        candidates: Columns to choose from.
        not_negative: Which columns (k,) are only taken with a coefficient >= 0.
    """
    options = [_chosen(moments, first, candidates, not_negative, ridge) for ridge in RIDGES]
    best = 0
    for i in range(1, len(RIDGES)):
        if options[i][1] < (1.0 - LEAST_RIDGE_GAIN) * options[best][1]:
            best = i
    return options[best][0], RIDGES[best]


def _chosen(
    moments: Sequence[Array],
    first: Sequence[int],
    candidates: Sequence[int],
    not_negative: NDArray[np.bool_],
    held: float,
) -> tuple[list[int], float]:
    """Return the columns for one ridge, and the error of left-out groups with them."""
    whole = np.sum(moments, axis=0)
    chosen = list(first)
    ridge = np.full(len(whole) - 1, held)
    ridge[chosen] = FLAT_RIDGE

    def errors(columns: list[int]) -> Array:
        each = []
        for group in moments:
            x = np.zeros(len(whole))
            x[columns] = _solved(whole - group, columns, ridge)
            x[-1] = -1.0
            each.append(float(x @ group @ x))
        return np.array(each)

    best = errors(chosen)
    while len(chosen) < len(first) + MOST:
        tried = []
        for candidate in candidates:
            if candidate in chosen or not whole[candidate, candidate] > 0.0:
                continue
            columns = [*chosen, candidate]
            with_it = errors(columns)
            if not (with_it < best).all():
                continue
            if not_negative[candidate] and _solved(whole, columns, ridge)[-1] < 0.0:
                continue
            tried.append((float(with_it.sum()), candidate, with_it))
        if not tried:
            break
        total, candidate, with_it = min(tried, key=lambda option: option[0])
        if total > (1.0 - LEAST_GAIN) * best.sum():
            break
        chosen.append(candidate)
        best = with_it
    return chosen[len(first) :], float(best.sum())


def _solved(moments: Array, columns: list[int], ridge: Array) -> Array:
    inner = moments[np.ix_(columns, columns)]
    scale = 1.0 / np.sqrt(np.maximum(np.diag(inner), 1e-30))
    normal = inner * np.outer(scale, scale) + np.diag(ridge[columns])
    return np.asarray(scale * np.linalg.solve(normal, scale * moments[columns, -1]))
