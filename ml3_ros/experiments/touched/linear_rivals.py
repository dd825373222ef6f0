# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Robust fits of a linear model, tuned on validation arms: rivals of the learned loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml3_ros.core.linear_model import COEFFICIENTS, LinearModel, WeightedProblem
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.touched.config import PULLS
from ml3_ros.experiments.touched.data import UNTOUCHED
from ml3_ros.experiments.touched.handmade import (
    NOTHING,
    RECIPES,
    scales,
    weight_of,
    windowed,
)
from ml3_ros.robots.linear.arm import PARAMETER_KINDS
from ml3_ros.tasks.touched.families import TARGET, TouchedFamily

Errors = NDArray[np.float64]
"""NMSE of torque without contacts on held-out motion, mean over joints, (arms,)."""

PASSES = 8  # of iteratively reweighted least squares
FIRST_PULL = 0.01  # at which recipes are compared before the ridge is tuned
FINALISTS = 2  # recipes whose ridge is tuned
OBSERVER_WIDTHS = (0.5, 1.0, 1.5, 2.0, 3.0, 5.0)  # of the threshold on the nominal model's error
HALF = 3  # samples on either side of one that the observer averages over
TOOL = ("tool mass", "tool moment", "tool inertia")
FRICTION = ("viscous", "dry", "offset", "presliding")


@dataclass(frozen=True, kw_only=True, slots=True)
class Robust:
    """One robust fit: which weights, how they weigh joints, how strong the ridge.

    Attributes:
        recipe: See `handmade.weight_of`; "all" counts every sample, "known" those that nothing
            touches, and "observer W" those where the nominal model's error stays below W
            scales.
        by_scale: Whether joints count by the inverse variance of their residuals.
        pull: Strength of the ridge, per sample.
        kinds: Kinds of parameters that are fitted, empty for all.
    """

    recipe: str
    by_scale: bool = False
    pull: float = FIRST_PULL
    kinds: tuple[str, ...] = ()


class LinearRivals:
    """Fits of the arms of one family; torques count in units of the arm's typical ones."""

    def __init__(self, family: TouchedFamily, effort: Sequence[float]) -> None:
        """Take the recordings that are fitted."""
        if not isinstance(family.optimizee, LinearModel):
            raise ConfigError("linear rivals need a family with a linear model")
        self.family, self.model = family, family.optimizee
        tasks = torch.arange(len(family.arms))
        batch = family.support(tasks, torch.zeros_like(tasks), torch.Generator())
        gain = 1.0 / torch.tensor(effort)
        self._columns = self.model.columns(batch) * gain.unsqueeze(-1)
        self._target = batch[TARGET] * gain
        self._untouched = batch[UNTOUCHED].expand_as(self._target).clamp_min(NOTHING)

    def fit(self, chosen: Robust) -> Tensor:
        """Return coefficients (arms, p)."""
        pull = self._pulls(chosen)
        weights = self._first_weights(chosen.recipe)
        found = self._solve(weights, pull)
        weight = weight_of(chosen.recipe)
        for _ in range(PASSES if weight or chosen.by_scale else 0):
            error = self._target - (self._columns @ found[:, None, :, None]).squeeze(-1)
            scale = scales(error.unsqueeze(1)).squeeze(1)
            if weight:
                weights = weight((error / scale).unsqueeze(1)).squeeze(1).clamp_min(NOTHING)
            found = self._solve(weights / scale.square() if chosen.by_scale else weights, pull)
        return found

    def errors(self, chosen: Robust) -> Errors:
        """Return the held-out errors of a fit."""
        return self.errors_of(self.fit(chosen))

    def errors_of(self, coefficients: Tensor) -> Errors:
        """Return the held-out errors of coefficients (arms, p)."""
        found = self.family.held_out_error({COEFFICIENTS: coefficients})
        return found.mean(-1).double().numpy()

    def _solve(self, weights: Tensor, pull: Tensor) -> Tensor:
        # the ridge is as strong against few weights as against many
        total = weights.mean((-2, -1)).unsqueeze(-1) * weights.shape[-2]
        return WeightedProblem(self._columns, self._target, weights, pull * total).solve()

    def _first_weights(self, recipe: str) -> Tensor:
        if recipe == "known":
            return self._untouched
        if recipe.startswith("observer"):
            width = float(recipe.split()[1])
            nominal = self._target.unsqueeze(1)
            gate = windowed(width, HALF, along_arm=True)(nominal / scales(nominal)).squeeze(1)
            return (gate > 0.0).float().clamp_min(NOTHING)
        return torch.ones_like(self._target)

    def _pulls(self, chosen: Robust) -> Tensor:
        pulls = torch.full((len(self._columns), len(self.model.groups)), chosen.pull)
        if chosen.kinds:
            fitted = torch.tensor([PARAMETER_KINDS.index(kind) for kind in chosen.kinds])
            held = ~torch.isin(self.model.groups, fitted)
            pulls[:, held] = 1e6
        return pulls


def tuned(rivals: LinearRivals) -> dict[str, Robust]:
    """Return the best fit of every kind on validation arms, by method.

    Robust recipes are first compared at one ridge; then the ridge of the best is tuned, with equal
    joints and with joints by scale.
    """
    finalists = _finalists(rivals, [Robust(recipe=name) for name in RECIPES])
    finalists += [replace(each, by_scale=True) for each in finalists]
    methods = {
        "least_squares": [Robust(recipe="all", pull=PULLS[0])],
        "ridge": _with_pulls([Robust(recipe="all"), Robust(recipe="all", by_scale=True)]),
        "observer_gate": _with_pulls(
            _finalists(rivals, [Robust(recipe=f"observer {w:g}") for w in OBSERVER_WIDTHS])
        ),
        "robust_tuned": _with_pulls(finalists),
        "payload_fit": _with_pulls([replace(fit, kinds=(*TOOL, *FRICTION)) for fit in finalists]),
        "contacts_known": _with_pulls(
            [Robust(recipe="known"), Robust(recipe="known", by_scale=True)]
        ),
    }
    return {name: best(rivals, candidates) for name, candidates in methods.items()}


def best(rivals: LinearRivals, candidates: Sequence[Robust]) -> Robust:
    """Return the candidate with the lowest geometric mean of errors."""
    return min(candidates, key=lambda each: score(rivals, each))


def at_strongest(chosen: Robust) -> bool:
    """Return whether the ridge of a tuned fit is the strongest candidate."""
    return chosen.pull >= PULLS[-1]


def _with_pulls(fits: Sequence[Robust]) -> list[Robust]:
    return [replace(fit, pull=pull) for fit in fits for pull in PULLS]


def _finalists(rivals: LinearRivals, fits: Sequence[Robust]) -> list[Robust]:
    return sorted(fits, key=lambda each: score(rivals, each))[:FINALISTS]


def score(rivals: LinearRivals, chosen: Robust) -> float:
    """Return the mean logarithm of a fit's errors."""
    return float(np.log(rivals.errors(chosen)).mean())
