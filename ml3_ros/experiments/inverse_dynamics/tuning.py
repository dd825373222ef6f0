# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tuned baselines: the best step size for every number of steps, on validation robots.

The grids here are where a search begins: see `bracketed`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml3_ros.core.types import Params
from ml3_ros.experiments.inverse_dynamics.config import (
    ADAM_GRID,
    CLIP,
    DISTILLED_GRID,
    LIVE_ADAM_GRID,
    LIVE_SGD_GRID,
    SGD_GRID,
    STARTED_GRID,
    Part,
)
from ml3_ros.experiments.inverse_dynamics.curves import Measure, learning_curves
from ml3_ros.experiments.rivals.bracketed import bracketed
from ml3_ros.learners.inverse_dynamics.squared_error import squared_error
from ml3_ros.tasks.inverse_dynamics.family import InverseDynamicsFamily

Curves = NDArray[np.float64]
"""NMSE per joint (inits, tasks, C, n)."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """An update rule on the squared error, and the step sizes to choose from.

    Attributes:
        rule: "sgd" or "adam".
        grid: Step sizes.
        start: Name of the models that it begins with.
        clip_norm: Largest norm of the gradient (with "sgd"), or None.
    """

    rule: str
    grid: tuple[float, ...]
    start: str = "random"
    clip_norm: float | None = None


def baselines(part: Part) -> dict[str, Baseline]:
    """Return the tuned baselines of a part by name; what clips there clips for descent too."""
    live = part.nle == "learned"
    clip = CLIP if part.at_work else None
    return {
        "sgd_tuned": Baseline("sgd", LIVE_SGD_GRID if live else SGD_GRID, clip_norm=clip),
        "adam_tuned": Baseline("adam", LIVE_ADAM_GRID if live else ADAM_GRID),
        "distilled_prior": Baseline("adam", DISTILLED_GRID, start="distilled"),
        "pretrained": Baseline("adam", STARTED_GRID, start="pretrained"),
        "maml": Baseline("adam", STARTED_GRID, start="maml"),
    }


def run(
    family: InverseDynamicsFamily,
    rule: str,
    step_size: float,
    marks: Sequence[int],
    *,
    seeds: Sequence[int],
    theta: Params | None = None,
    measure: Measure | None = None,
    clip_norm: float | None = None,
) -> Curves:
    """Train fresh (or given) models on the squared error with one step size."""
    optimizee = family.optimizee
    loss = squared_error(optimizee.units, optimizee.target, rule, step_size, clip_norm)
    return learning_curves(
        family, loss.spec, [loss.phi], marks, seeds=seeds, theta=theta, measure=measure
    )


def tune(
    family: InverseDynamicsFamily,
    baseline: Baseline,
    marks: Sequence[int],
    *,
    seeds: Sequence[int],
    theta: Params | None = None,
    measure: Measure | None = None,
) -> NDArray[np.float64]:
    """Return the best step size for every number of steps (C,) on validation robots.

    Best is the mean log NMSE; a step size with which a model diverged is not. With a measure of
    its own, each of its k numbers has a best step size, (C, k).
    """

    def score(step_size: float) -> NDArray[np.float64]:
        curves = run(
            family,
            baseline.rule,
            step_size,
            marks,
            seeds=seeds,
            theta=theta,
            measure=measure,
            clip_norm=baseline.clip_norm,
        )
        errors = curves.mean(-1) if measure is None else curves
        with np.errstate(divide="ignore"):
            logs: NDArray[np.float64] = np.log(errors).mean((0, 1))
        return logs

    return bracketed(score, baseline.grid)


def tuned_curves(
    family: InverseDynamicsFamily,
    baseline: Baseline,
    step_sizes: NDArray[np.float64],
    marks: Sequence[int],
    *,
    seeds: Sequence[int],
    theta: Params | None = None,
    measure: Measure | None = None,
) -> Curves:
    """Return curves that have, at every mark, the step size that is best for it.

    No single run has such a curve: it is the strongest that the update rule can do. `step_sizes`
    are those of `tune`.
    """
    result: Curves | None = None
    for step_size in np.unique(step_sizes):
        chosen = step_sizes == step_size
        rows = chosen if chosen.ndim == 1 else chosen.any(1)
        until = [mark for mark in marks if mark <= max(np.array(marks)[rows])]
        curves = run(
            family,
            baseline.rule,
            float(step_size),
            until,
            seeds=seeds,
            theta=theta,
            measure=measure,
            clip_norm=baseline.clip_norm,
        )
        if result is None:
            result = np.empty((*curves.shape[:2], len(marks), curves.shape[-1]))
        part, kept = result[:, :, : len(until)], chosen[: len(until)]
        if chosen.ndim == 1:
            kept = np.broadcast_to(kept[:, None], part.shape[2:])
        part[..., kept] = curves[..., kept]
    assert result is not None
    return result
