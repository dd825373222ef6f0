# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Hand-made weights of residuals, the rivals of learned ones: robust regression's, and windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ml3_ros.core.learner import Predictor
from ml3_ros.core.losses.weighting.residual_context import windowed_mean
from ml3_ros.core.types import Batch, Params

MAD = 0.6745  # median of |x| for a standard normal x
LEAST = 1e-4  # scale of residuals, in units of the joint's torque
NOTHING = 1e-6  # weight of a residual that is rejected: a fit always has rows

Weight = Callable[[Tensor], Tensor]
"""Residuals in units of their scale (*lead, R, L, n) -> weights likewise, in 0 ... 1."""


def huber(width: float) -> Weight:
    """Return weights min(1, width / |u|) (Huber 1964)."""
    return lambda u: (width / u.abs().clamp_min(1e-9)).clamp_max(1.0)


def cauchy(width: float) -> Weight:
    """Return weights 1 / (1 + (u / width)^2)."""
    return lambda u: 1.0 / (1.0 + (u / width).square())


def tukey(width: float) -> Weight:
    """Return the biweight (Beaton and Tukey 1974): 0 beyond `width`."""
    return lambda u: (1.0 - (u / width).square()).clamp_min(0.0).square()


def windowed(width: float, half: int, *, along_arm: bool = False) -> Weight:
    """Return the biweight of the root mean square over 2 half + 1 samples.

    Args:
        width: Root mean square beyond which a residual counts nothing.
        half: Half the window [samples].
        along_arm: Whether a joint counts no more than those beyond it, which feel less of a
            contact (`identification.robust.weights.toward_base`).
    """

    def weight(u: Tensor) -> Tensor:
        power = windowed_mean(u.square(), half, half)
        if along_arm:
            power = power.flip(-1).cummax(-1).values.flip(-1)
        return (1.0 - power / width**2).clamp_min(0.0).square()

    return weight


def weight_of(recipe: str) -> Weight | None:
    """Return a recipe's weight, by kind, width, and samples of a window; None for other words."""
    kind, *numbers = recipe.split()
    plain = {"huber": huber, "cauchy": cauchy, "tukey": tukey}
    if kind in plain:
        return plain[kind](float(numbers[0]))
    if kind in ("window", "arm"):
        return windowed(float(numbers[0]), int(numbers[1]) // 2, along_arm=kind == "arm")
    return None


def recipes(
    hubers: Sequence[float], cauchys: Sequence[float], widths: Sequence[float]
) -> dict[str, Weight]:
    """Return recipes of a robust fit by name; `widths` are of biweights, plain and windowed."""
    windows = [f"{k:g} {samples}" for k in widths for samples in (5, 13)]
    names = [
        *(f"huber {k:g}" for k in hubers),
        *(f"cauchy {k:g}" for k in cauchys),
        *(f"tukey {k:g}" for k in widths),
        *(f"window {numbers}" for numbers in windows),
        *(f"arm {numbers}" for numbers in windows),
    ]
    return {name: weight for name in names if (weight := weight_of(name))}


RECIPES = recipes((0.7, 1.0, 1.345, 2.0), (0.7, 1.0, 2.385, 4.0), (2.0, 3.0, 4.685, 7.0))
WIDER_RECIPES = recipes(
    (0.7, 1.345, 3.0, 6.0), (0.7, 2.385, 4.0, 8.0), (1.5, 2.0, 3.0, 4.685, 7.0, 10.0, 15.0, 25.0)
)
"""More of them, up to such that leave nothing out."""


def scales(error: Tensor) -> Tensor:
    """Return the scale of residuals (*lead, R, L, n) of each joint (*lead, 1, 1, n), by MAD."""
    median = error.abs().flatten(-3, -2).median(-2).values
    return (median / MAD).clamp_min(LEAST).unsqueeze(-2).unsqueeze(-2)


@dataclass(frozen=True, slots=True)
class HandmadeLoss:
    """The weighted mean squared error of a network under hand-made weights. A `Loss`.

    Attributes:
        gain: 1 / typical torque of each joint (n,).
        weight: Of its own residuals, in units of their scale; None: all count alike.
        run: Samples of a run, see `WeightedLoss`.
        given: Name of weights within the batch, if they do not come from residuals.
        of_target: Whether weights come from the target, which is what an earlier fit left, instead
            of the network's own residuals.
    """

    gain: Tensor
    weight: Weight | None = None
    run: int = 1
    given: str = ""
    of_target: bool = False

    def evaluate(self, phi: Params, model: Predictor, batch: Batch, count: Tensor) -> Tensor:
        """Return the value (*lead,), see `Loss`."""
        error = (model(batch) - batch["tau"]) * self.gain
        weights = torch.ones_like(error)
        if self.given:
            weights = batch[self.given].expand_as(error)
        elif self.weight:
            residual = batch["tau"] * self.gain if self.of_target else error.detach()
            runs = residual.unflatten(-2, (-1, self.run))
            weights = self.weight(runs / scales(runs)).flatten(-3, -2)
        return (weights * error.square()).sum(-1).mean(-1)
