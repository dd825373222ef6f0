# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Iteratively reweighted least squares that also stands a recording touched most of the time.

Weights are found from windows of time and along the arm (`weights.evidence`), in two steps.

1. *Start.* Fits of short random stretches, each of them taken to the rows that agree with it; kept
   is the one whose smallest residuals are the smallest (an S-estimate, Rousseeuw and Yohai 1984,
   by subsampling). A single start from least squares ends beside the truth when most rows are bad.
2. *Settle.* The scale is that of the rows that agree, and which agree depends on the scale: from
   the start's small one it grows until nothing more belongs to them. A narrow width stops at the
   first gap, a wide one takes in more; which is right is chosen by left-out groups
   (`contacts.find_contacts`), because real arms have errors of structure as well as noise.

At the end, rows beside a contact go with it as far as more than noise shows: a force that grows
slowly is weak there, but all of it pushes the same way. Where nothing stands out, every row counts
the same, as in least squares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml3_ros.errors import ConfigError
from ml3_ros.identification.robust.problems import FEWEST, Problem
from ml3_ros.identification.robust.weights import (
    NOTHING,
    WEIGHTS,
    Array,
    Loss,
    evidence,
    quantile_scale,
    silent,
    tukey,
)

NARROW = 1.8  # scales of noise: what a window's root mean square of Gaussian noise stays below
REACH = 1.4  # width of the weights in units of the width of what agrees
BESIDE = 1.3  # evidence from which a row beside a contact belongs to it: noise is about 1
CLEAR = 3.0  # evidence that a recording must reach somewhere to be called touched
DEAF = 1e3  # spreads of an effort, none of which tells anything
SETTLED = 1e-3  # relative change of every scale below which a fit has settled
_START_WIDTH = 2.8  # of the weights while a start is sought: wide, it is only to end in the basin


@dataclass(frozen=True, kw_only=True, slots=True)
class RobustConfig:
    """Settings of robust fits."""

    enabled: bool = True  # false: every row counts, as in ordinary least squares
    loss: Loss = "tukey"  # how fast weights fall: tukey to zero, cauchy and huber never
    half: float = 0.1  # half the window over which residuals are pooled [s]
    trusted: float = 0.3  # share of the rows from which the first scale is taken
    starts: int = 8  # from all rows, and from so many random stretches less one
    stretch: float = 2.0  # length of each of them [s]
    stretches: int = 3  # that a start is fitted to
    iterations: int = 15  # of each of the two steps
    seed: int = 0  # of the random stretches

    def __post_init__(self) -> None:
        if self.loss not in WEIGHTS:
            raise ConfigError(f"loss must be one of {', '.join(WEIGHTS)}, got {self.loss!r}")
        if not (self.half >= 0.0 and self.stretch > 0.0 and 0.0 < self.trusted < 1.0):
            raise ConfigError(
                f"half must be >= 0 s, stretch > 0 s and trusted in (0, 1), got {self.half}, "
                f"{self.stretch} and {self.trusted}"
            )
        if min(self.starts, self.stretches, self.iterations) < 1:
            raise ConfigError("starts, stretches and iterations must be >= 1")


_DEFAULT = RobustConfig()


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Weighted:
    """A fit and what it made of its rows.

    `weights`, `residual` and `evidence` are (R, n); `scale` (n,) is the standard deviation of
    what agrees with the fit, in the unit of the effort.
    """

    weights: Array
    residual: Array
    scale: Array
    evidence: Array


def plain_irls(problem: Problem, loss: Loss = "huber", iterations: int = 20) -> Weighted:
    """Return textbook IRLS: weights of single samples, scale by MAD per joint, one start.

    For residuals that are wrong here and there; a contact lasts, see `robust_fit`.
    """
    weight, width = WEIGHTS[loss]
    residual = problem.solve(np.ones_like(problem.tau))
    for _ in range(iterations):
        scale = np.maximum(quantile_scale(residual), _least(problem))
        weights = weight(residual / scale, width)
        residual = problem.solve(weights)
    return Weighted(
        weights=weights, residual=residual, scale=scale, evidence=np.abs(residual) / scale
    )


def robust_fit(
    problem: Problem, t: Array, width: float = NARROW, config: RobustConfig = _DEFAULT
) -> Weighted:
    """Return the fit of the rows that agree with one another.

    Args:
        problem: Rows in order of time.
        t: Their times [s] (R,), rising.
        width: Evidence up to which rows agree [scales].
        config: Settings.
    """
    return settle(problem, t, robust_start(problem, t, config), width, config)


def robust_start(problem: Problem, t: Array, config: RobustConfig = _DEFAULT) -> Weighted:
    """Return the best of several fits by its smallest residuals; see the module."""
    rng = np.random.default_rng(config.seed)
    best, least = None, np.inf
    for number in range(config.starts):
        weights = np.ones_like(problem.tau)
        if number:
            weights = weights * _stretches(t, rng, config)[:, None]
        found = _concentrate(problem, t, problem.solve(weights), 4, config)
        objective = float(np.log(found.scale).sum())
        if best is None or objective < least:
            best, least = found, objective
    assert best is not None
    return _concentrate(problem, t, best.residual, config.iterations, config)


def settle(
    problem: Problem,
    t: Array,
    start: Weighted,
    width: float,
    config: RobustConfig = _DEFAULT,
) -> Weighted:
    """Let the scale grow from that of a start until no more rows agree; see the module."""
    weight, _ = WEIGHTS[config.loss]
    residual, scale, least = start.residual, start.scale, _least(problem)
    for _ in range(config.iterations):
        agree = evidence(residual, scale, t, config.half) < width
        count = agree.sum(axis=0)
        power = np.square(residual * agree).sum(axis=0) / np.maximum(count, 1)
        before = scale
        scale = np.where(count >= min(FEWEST, len(t)), np.sqrt(power), scale)
        scale = np.maximum(scale, least)
        weights = weight(evidence(residual, scale, t, config.half), REACH * width)
        residual = problem.solve(weights)
        if (np.abs(scale - before) < SETTLED * scale).all():
            break
    around = evidence(residual, scale, t, config.half)
    weights = settled_weights(weights, around, width)
    return Weighted(weights=weights, residual=residual, scale=scale, evidence=around)


def settled_weights(weights: Array, u: Array, width: float) -> Array:
    """Return the weights (R, n) that a fit ends with, from those of evidence u; see the module."""
    if u.max(initial=0.0) < max(CLEAR, REACH * width):
        return np.ones_like(weights)
    return as_little_beside(weights, u, REACH * width)


def as_little_beside(weights: Array, u: Array, touched: float) -> Array:
    """Return weights (R, n), one in each stretch above BESIDE that rises above `touched`."""
    weights = weights.copy()
    for j, of_joint in enumerate(u.T):
        edges = np.flatnonzero(np.diff(np.r_[False, of_joint > BESIDE, False].astype(int)))
        for first, after in zip(edges[::2], edges[1::2], strict=True):
            if of_joint[first:after].max() > touched:
                weights[first:after, j] = weights[first:after, j].min()
    return weights


def _concentrate(
    problem: Problem, t: Array, residual: Array, iterations: int, config: RobustConfig
) -> Weighted:
    """Fit again and again the rows that agree, by the scale of the smallest residuals."""
    least = _least(problem)
    for _ in range(iterations):
        scale = np.maximum(quantile_scale(residual, config.trusted), least)
        around = evidence(residual, scale, t, config.half)
        weights = tukey(around, _START_WIDTH)
        residual = problem.solve(weights)
    scale = np.maximum(quantile_scale(residual, config.trusted), least)
    return Weighted(weights=weights, residual=residual, scale=scale, evidence=around)


def _stretches(t: Array, rng: np.random.Generator, config: RobustConfig) -> Array:
    """Return 1 in a few random stretches of time, else 0, (R,)."""
    chosen = np.zeros(len(t), dtype=bool)
    for begin in rng.uniform(t[0], max(t[0], t[-1] - config.stretch), size=config.stretches):
        chosen |= (t >= begin) & (t < begin + config.stretch)
    return np.asarray(chosen, dtype=float)


def _least(problem: Problem) -> Array:
    """Return the smallest scale (n,): residuals below are rounding, or all are zero.

    Of a joint that is `silent` it is so large that nothing stands out.
    """
    spread = problem.tau.std(axis=0)
    share = np.where(silent(problem.tau), DEAF, NOTHING)
    return np.maximum(np.where(spread > 0.0, share * spread, NOTHING), problem.floor)
