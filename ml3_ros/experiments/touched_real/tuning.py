# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tuning of robust fits on wide grids, from weights that leave little out to least squares.

Real arms leave other residuals than simulated ones, so the best numbers lie elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ml3_ros.experiments.touched.handmade import WIDER_RECIPES
from ml3_ros.experiments.touched.linear_rivals import (
    FRICTION,
    TOOL,
    LinearRivals,
    Robust,
    best,
    score,
)

PULLS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # of a ridge, per sample
OBSERVER_WIDTHS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
SCREENED_AT = 1e-4  # pull at which recipes are compared
FINALISTS = 3  # recipes whose ridge is tuned
NARROWER = 0.7  # times a width is the next one


def tuned(rivals: LinearRivals) -> dict[str, Robust]:
    """Return the fit of every kind with the lowest geometric mean of errors, by method."""
    robust = _finalists(rivals, list(WIDER_RECIPES), by_scale=True)
    observers = [f"observer {width:g}" for width in OBSERVER_WIDTHS]
    methods = {
        "least_squares": [Robust(recipe="all", pull=1e-5)],
        "ridge": _with_pulls([Robust(recipe="all")]),
        "observer_gate": _with_pulls(_finalists(rivals, observers, by_scale=False)),
        "robust_tuned": _with_pulls(robust),
        "contacts_known": _with_pulls([Robust(recipe="known")]),
    }
    found = {name: _inside(rivals, candidates) for name, candidates in methods.items()}
    payload = replace(found["robust_tuned"], kinds=(*TOOL, *FRICTION))
    return found | {"payload_fit": best(rivals, _with_pulls([payload]))}


def narrower(chosen: Robust) -> str:
    """Return a narrower recipe of the same kind if there is none in the grid, else nothing.

    Other ends of the grids end by themselves, at least squares and at no ridge.
    """
    kind, *numbers = chosen.recipe.split()
    least = min((float(x.split()[1]) for x in WIDER_RECIPES if x.split()[0] == kind), default=0.0)
    if not least or float(numbers[0]) > least:
        return ""
    return " ".join((kind, f"{NARROWER * float(numbers[0]):g}", *numbers[1:]))


def _inside(rivals: LinearRivals, fits: Sequence[Robust]) -> Robust:
    """Return the best fit, from a grid that goes on until the best one is inside."""
    chosen = best(rivals, fits)
    while recipe := narrower(chosen):
        further = best(rivals, _with_pulls([replace(chosen, recipe=recipe)]))
        if score(rivals, further) >= score(rivals, chosen):
            break
        chosen = further
    return chosen


def _finalists(rivals: LinearRivals, recipes: Sequence[str], *, by_scale: bool) -> list[Robust]:
    fits = [Robust(recipe=name, by_scale=by_scale, pull=SCREENED_AT) for name in recipes]
    return sorted(fits, key=lambda each: score(rivals, each))[:FINALISTS]


def _with_pulls(fits: Sequence[Robust]) -> list[Robust]:
    """Return fits with all ridges, with equal joints and with joints by scale."""
    return [
        replace(fit, pull=pull, by_scale=by_scale)
        for fit in fits
        for pull in PULLS
        for by_scale in (False, True)
    ]
