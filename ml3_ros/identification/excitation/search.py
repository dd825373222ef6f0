# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Search of the most telling motion: quasi-Newton descent from random series, then a check.

The problem has many local optima; a few random starts are tried and the best is kept. That it is
the best of all is not claimed: what a motion is worth can be compared with a random one's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml3_ros.errors import ConfigError
from ml3_ros.identification.excitation.knowledge import Knowledge
from ml3_ros.identification.excitation.limits import GRID, MotionLimits, ToolModel, shrunk
from ml3_ros.identification.excitation.objective import Objective
from ml3_ros.identification.excitation.series import FourierSeries

Array = NDArray[np.float64]
PENALTIES = (30.0, 300.0, 3000.0)  # of limits, one round after another
SAMPLES_A_PERIOD = 6.0  # of the fastest harmonic, at which motions are evaluated
_SMALLEST = 0.02  # scale of a motion below which there is none


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchConfig:
    """How long a motion is sought."""

    seed: int = 0
    starts: int = 3  # random motions that are improved a little; the best goes on
    first: int = 12  # iterations of each of them
    iterations: int = 40  # of the best, with each of PENALTIES

    def __post_init__(self) -> None:
        """Reject searches without a start (ConfigError)."""
        if self.seed < 0 or self.starts < 1 or self.first < 1 or self.iterations < 1:
            raise ConfigError(
                f"seed {self.seed} must be >= 0; starts {self.starts}, first {self.first} and "
                f"iterations {self.iterations} >= 1"
            )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Motion:
    """A motion within its limits: its series and coefficients (n, F), and what it tells.

    `information` [-] is the mean log eigenvalue of the information matrix after it.
    """

    series: FourierSeries
    coefficients: Array
    information: float

    def at(self, t: Array) -> tuple[Array, Array, Array]:
        """Return q [rad], v [rad/s], a [rad/s^2] (T, n) at times t [s] (T,)."""
        return self.series.path(self.coefficients, t)


def most_telling_motion(
    model: ToolModel,
    series: FourierSeries,
    limits: MotionLimits,
    known: Knowledge,
    config: SearchConfig = SearchConfig(),
    log: Callable[[str], None] = lambda text: None,
) -> Motion:
    """Return the motion that tells most of the base parameters, as far as the search finds it.

    Args:
        model: Of the arm.
        series: Its length, start and frequencies.
        limits: That it keeps.
        known: What is known before.
        config: Of the search.
        log: Takes a line of text about what is under way.

    Raises:
        ConfigError: The arm may not rest at the start.
    """
    from scipy.optimize import minimize  # takes a moment to import

    limits.check_start(model, series.start)
    samples = int(np.ceil(SAMPLES_A_PERIOD * series.highest * series.seconds))
    objective = Objective(model, series, limits, known, samples)
    rng = np.random.default_rng(config.seed)

    def descend(x: Array, penalty: float, iterations: int) -> tuple[float, Array]:
        found = minimize(
            objective,
            x.ravel(),
            args=(penalty,),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": iterations, "maxcor": 20},
        )
        return float(found.fun), np.asarray(found.x).reshape(x.shape)

    tried = []
    for number in range(config.starts):
        x = random_series(model, series, limits, rng)
        tried.append(descend(x, PENALTIES[0], config.first))
        log(f"start {number + 1} of {config.starts}: {-tried[-1][0]:.3f}")
    _, x = min(tried, key=lambda one: one[0])
    for penalty in PENALTIES:
        value, x = descend(x, penalty, config.iterations)
        log(f"limits weigh {penalty:g}: {-value:.3f}")
    x = within(model, series, limits, x)
    return Motion(series=series, coefficients=x, information=objective.information(x))


def random_series(
    model: ToolModel, series: FourierSeries, limits: MotionLimits, rng: np.random.Generator
) -> Array:
    """Return random coefficients (n, F) of a series that keeps the limits."""
    n = len(series.start)
    free = series.basis(np.zeros(1))[0].shape[1]
    t = np.arange(0.0, series.seconds, 0.05)
    x = rng.normal(size=(n, free))
    q, v, a = series.path(x, t)
    room = np.minimum(limits.upper - series.start, series.start - limits.lower)
    room = np.minimum(np.maximum(room, 0.1), 3.0)
    use = np.max(
        [
            np.abs(q - series.start).max(axis=0) / room,
            np.abs(v).max(axis=0) / limits.velocity,
            np.abs(a).max(axis=0) / limits.acceleration,
        ],
        axis=0,
    )
    return within(model, series, limits, x / use[:, None])


def within(model: ToolModel, series: FourierSeries, limits: MotionLimits, x: Array) -> Array:
    """Return coefficients (n, F), made smaller until the motion keeps its limits everywhere.

    Raises:
        ConfigError: Not even a fiftieth of the motion does.
    """
    t = np.arange(0.0, series.seconds + GRID, GRID)
    scale = 1.0
    while limits.excess(model, *series.path(scale * x, t)) > 0.0:
        scale = shrunk(scale)
        if scale < _SMALLEST:
            raise ConfigError(
                "no motion from the start keeps the limits: start elsewhere (--start), or give "
                "more room"
            )
    return scale * x
