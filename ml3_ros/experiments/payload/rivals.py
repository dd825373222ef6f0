# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Rivals that tell a payload from the newest seconds of a stream, with their numbers to tune."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from torch import Tensor

from ml3_ros.experiments.payload.change_point import change_point
from ml3_ros.experiments.payload.recursive import kalman, variable_forgetting
from ml3_ros.experiments.payload.window import Weigh, Window
from ml3_ros.experiments.touched.handmade import huber, windowed
from ml3_ros.identification.live.payload import N_MOMENTS, PayloadChange, PayloadChangeConfig
from ml3_ros.identification.physical.consistent import consistent_fit
from ml3_ros.identification.physical.moments import Moments
from ml3_ros.learners.inverse_dynamics.bodies import BODY_SIZES, N_BODY, body_parameters

HALF = 2  # samples on either side of one that a windowed weight looks at
BLOCK = 0.25  # between decisions of `PayloadChange` [s]
BALL = 0.15  # edge of the box that a consistent fit is pulled to [m]
RIGID = 1e9  # pull of a parameter that is held at zero


def _pull(strength: float, n_fitted: int = N_BODY) -> Tensor:
    """Return the pull of every parameter (10,); those beyond the first are held at zero."""
    pull = torch.full((N_BODY,), float(strength))
    pull[n_fitted:] = RIGID
    return pull


def _windowed(width: float) -> Weigh:
    """Return windowed biweights along the arm, of residuals in deviations."""
    weight = windowed(width, HALF, along_arm=True)
    return lambda u: weight(u.unsqueeze(1)).squeeze(1)


WEIGHTS: Mapping[str, Callable[[float], Weigh]] = {"huber": huber, "biweight": _windowed}


def not_adapting(window: Window) -> Tensor:
    """Return no body."""
    return torch.zeros(len(window.columns), N_BODY)


def least_squares(window: Window, pull: float) -> Tensor:
    """Return the bodies that fit all rows alike."""
    return window.fit(torch.ones_like(window.residual), _pull(pull))


def sliding(window: Window, seconds: float, pull: float, n_fitted: int = N_BODY) -> Tensor:
    """Return the bodies that fit the last seconds."""
    newest = window.newest(seconds)
    return newest.fit(torch.ones_like(newest.residual), _pull(pull, n_fitted))


def sliding_robust(
    window: Window, seconds: float, pull: float, width: float, weights: str
) -> Tensor:
    """Return the bodies that fit the last seconds robustly."""
    return window.newest(seconds).robust_fit(WEIGHTS[weights](width), _pull(pull))


def forgetting(window: Window, memory: float, pull: float) -> Tensor:
    """Return recursive least squares with a fixed forgetting factor, written as one problem."""
    kept = (-window.age / memory).exp()[:, None].expand_as(window.residual)
    return window.fit(kept, _pull(pull))


def forgetting_robust(
    window: Window, memory: float, pull: float, width: float, weights: str
) -> Tensor:
    """Return the same with robust weights."""
    kept = (-window.age / memory).exp()[:, None].expand_as(window.residual)
    return window.robust_fit(WEIGHTS[weights](width), _pull(pull), kept)


def detected(window: Window, width: float, price: float, pull: float) -> Tensor:
    """Return robust fits since the detected change, see `change_point`."""
    return change_point(window, _windowed(width), width, price, _pull(pull))


def consistent(window: Window, seconds: float, strength: float, mass: float) -> Tensor:
    """Return bodies that can exist: ten parameters, pulled to a box of about that mass [kg]."""
    newest = window.newest(seconds)
    nominal = body_parameters(mass, np.zeros(3), np.full(3, BALL))[None]
    found = []
    for columns, residual in zip(newest.columns, newest.residual, strict=True):
        # all joints count alike, so they are one with more rows
        regressor = columns.double().flatten(0, 1)[:, None].numpy() / BODY_SIZES
        tau = residual.double().flatten()[:, None].numpy()
        moments = Moments.of(regressor, [np.zeros((len(tau), 0))], tau, np.ones_like(tau))
        fitted = consistent_fit(moments, nominal, np.ones(1), strength)
        found.append(fitted.links[0] / BODY_SIZES)
    return torch.from_numpy(np.stack(found)).float()


def hand_made(window: Window, seconds: float, noticed: float, unexplained: float) -> Tensor:
    """Return what `PayloadChange` carries after the rows of each stream."""
    config = PayloadChangeConfig(window=seconds, noticed=noticed, explained=1.0 - unexplained)
    t = -window.age.double().numpy()
    blocks = np.array_split(np.arange(len(t)), max(1, round(len(t) * window.spacing / BLOCK)))
    found = np.zeros((len(window.columns), N_BODY))
    moments = BODY_SIZES[:N_MOMENTS]
    for body, columns, residual in zip(found, window.columns, window.residual, strict=True):
        rows = columns[..., :N_MOMENTS].double().numpy() / moments
        left, change = residual.double().numpy(), PayloadChange(config)
        still = np.zeros_like(left)  # velocities decide nothing
        for block in blocks:
            change.take(t[block], rows[block], left[block], still[block])
        body[:N_MOMENTS] = change.parameters / moments
    return torch.from_numpy(found).float()


def all_known(window: Window, pull: float) -> Tensor:
    """Return the bound: fits of what nothing touches, since the change."""
    weights = window.bound.unsqueeze(-1).expand_as(window.residual).clamp_min(1e-9)
    return window.fit(weights, _pull(pull))


@dataclass(frozen=True, slots=True)
class Rival:
    """A way to tell a payload, and where the search for its numbers begins.

    Attributes:
        fit: Window and the numbers by name -> bodies (N, 10), in BODY_SIZES.
        grids: Candidates of each number, lowest first.
        between: Bounds within which a number has to stay, by its name.
    """

    fit: Callable[..., Tensor]
    grids: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    between: Mapping[str, tuple[float, float]] = field(default_factory=dict)


_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)
_PULLS = (1.0, 30.0, 1e3, 3e4, 1e6, 3e7, 1e9)
_WIDTHS = (2.0, 4.0, 8.0, 16.0)
_VARIANCES = (1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1.0)
_DRIFTS = (1e-10, 1e-8, 1e-6, 1e-4, 1e-2)
_IN_WINDOW = {"seconds": _SECONDS, "pull": _PULLS}
_IN_MEMORY = {"memory": _SECONDS, "pull": _PULLS}

RIVALS: Mapping[str, Rival] = {
    "not_adapting": Rival(not_adapting),
    "least_squares": Rival(least_squares, {"pull": _PULLS}),
    "sliding_window": Rival(sliding, _IN_WINDOW),
    "forgetting": Rival(forgetting, _IN_MEMORY),
    "variable_forgetting": Rival(
        variable_forgetting, {"variance": _VARIANCES, "information": (1e2, 1e3, 1e4, 1e5)}
    ),
    "kalman": Rival(kalman, {"variance": _VARIANCES, "drift": _DRIFTS}),
    "four_parameters": Rival(partial(sliding, n_fitted=N_MOMENTS), _IN_WINDOW),
    "consistent": Rival(
        consistent, {"seconds": _SECONDS, "strength": (1.0, 10.0, 100.0), "mass": (0.3, 1.0, 3.0)}
    ),
    "payload_change": Rival(
        hand_made,
        {"seconds": _SECONDS[:4], "noticed": (4.0, 9.0, 20.0), "unexplained": (0.1, 0.2, 0.4)},
        {"noticed": (1.0, np.inf), "unexplained": (0.0, 1.0)},
    ),
    **{
        f"{name}_{weights}": Rival(partial(fit, weights=weights), grids | {"width": _WIDTHS})
        for name, fit, grids in (
            ("sliding_window", sliding_robust, _IN_WINDOW),
            ("forgetting", forgetting_robust, _IN_MEMORY),
        )
        for weights in WEIGHTS
    },
    "kalman_huber": Rival(
        kalman, {"variance": _VARIANCES, "drift": _DRIFTS, "width": (1.0, 2.0, 4.0)}
    ),
    "change_detected": Rival(
        detected, {"width": _WIDTHS, "price": (30.0, 300.0, 3000.0), "pull": _PULLS}
    ),
    "all_known": Rival(all_known, {"pull": _PULLS}),
}
"""Rivals by name. `all_known` is no rival but their bound."""
