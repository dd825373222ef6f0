# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Physically consistent fit of all links, with columns of each joint's own beside them.

    effort_j = g_j Y_j phi + F_j beta_j,   phi of bodies that can exist

Minimised over phi, the gains g and the coefficients beta is

    1/2 sum_j |effort_j - g_j Y_j phi - F_j beta_j|^2 / s_j^2 + strength D(phi | nominal)

beta is eliminated; for known gains the rest is convex, and the divergence D is a barrier that
keeps the links physical. Newton steps find the minimum in some milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml3_ros.identification.physical.choose import FLAT_RIDGE
from ml3_ros.identification.physical.inertia import N
from ml3_ros.identification.physical.moments import Moments
from ml3_ros.identification.physical.prior import divergence

Array = NDArray[np.float64]
# Spread of log gains about where they began. Only ratios of gains are seen, and samples in a row
# repeat one another: a wide one would let noise decide on the scale of all masses.
GAIN_SPREAD = 0.03
FARTHEST = 10.0  # of a log gain from where it began
STEPS = 60
CONVERGED = 1e-10  # half of the squared Newton decrement, as a share of the cost


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Consistent:
    """Result: links (n, 10), gains (n,), coefficients of each joint's columns (k_j,), steps."""

    links: Array
    gains: Array
    columns: tuple[Array, ...]
    steps: int

    def weights(self, joint: int) -> Array:
        """Return the weights (p + k_j,) of (Y_j, F_j) of a joint."""
        return np.concatenate([self.gains[joint] * self.links.ravel(), self.columns[joint]])


@dataclass(frozen=True, slots=True, eq=False)
class _Reduced:
    """Moments of a joint with the columns eliminated: A (p, p), b (p,), and how to get beta."""

    A: Array
    b: Array
    c: float
    solve: Array  # (k, p + 1): beta = solve[:, -1] - solve[:, :-1] @ (g phi)


def reduce(moments: Moments, joint: int, ridge: Array) -> _Reduced:
    """Eliminate the columns of one joint, with ridges (k,) as shares of each column's power."""
    x, p = moments.sums[joint], moments.p
    k = x.shape[0] - p - 1
    rest = np.concatenate([np.arange(p), [p + k]])
    inner = x[p : p + k, p : p + k]
    cross = x[p : p + k][:, rest]
    power = np.maximum(np.diag(inner), 1e-30)
    scale = 1.0 / np.sqrt(power)
    normal = inner * np.outer(scale, scale) + np.diag(ridge)
    solve = scale[:, None] * np.linalg.solve(normal, scale[:, None] * cross) if k else cross
    whole = x[np.ix_(rest, rest)] - cross.T @ solve
    whole = 0.5 * (whole + whole.T)
    return _Reduced(whole[:p, :p], whole[:p, -1], float(whole[-1, -1]), solve)


def consistent_fit(
    moments: Moments,
    nominal: Array,
    noise: Array,
    strength: float,
    *,
    gains: Array | None = None,
    free_gains: bool = False,
    ridge: Sequence[Array] | None = None,
    begin: Consistent | None = None,
) -> Consistent:
    """Fit all links and columns.

    Args:
        moments: Of the rows, with the columns to use.
        nominal: Physical links that the fit is pulled to, (n, 10).
        noise: Standard deviation of each joint's effort about the model, (n,).
        strength: Of the pull to `nominal` [-], > 0.
        gains: Effort per N m of each joint to begin with, (n,); 1 if left out.
        free_gains: Whether gains are fitted.
        ridge: For each joint (k_j,), of its columns as a share of their power.
        begin: A fit to begin from, which saves steps.
    """
    n = len(noise)
    start = np.ones(n) if gains is None else np.asarray(gains, dtype=float)
    flat = [np.full(len(x) - moments.p - 1, FLAT_RIDGE) for x in moments.sums]
    reduced = [reduce(moments, j, r) for j, r in enumerate(flat if ridge is None else ridge)]
    precision = 1.0 / noise**2
    problem = _Problem(reduced, precision, nominal, strength, np.log(start), free_gains)
    x = np.concatenate([nominal.ravel(), np.log(start)])
    if begin is not None:
        x = np.concatenate([begin.links.ravel(), np.log(begin.gains if free_gains else start)])
    steps = 0
    for steps in range(1, STEPS + 1):  # noqa: B007
        value, gradient, hessian = problem.at(x)
        step = -_solved(hessian, gradient)
        decrement = -0.5 * float(gradient @ step)
        if decrement <= CONVERGED * (1.0 + abs(value)):
            break
        x = problem.search(x, step, value, decrement)
    links, g = x[:-n], np.exp(x[-n:])
    columns = tuple(
        r.solve[:, -1] - r.solve[:, :-1] @ (g[j] * links) for j, r in enumerate(reduced)
    )
    return Consistent(links=links.reshape(n, N), gains=g, columns=columns, steps=steps)


def _solved(hessian: Array, gradient: Array) -> Array:
    """Return the Newton step; of directions that nothing determines, none.

    Parameters differ in size by many powers of ten, so the system is scaled to a unit diagonal.
    """
    scale = 1.0 / np.sqrt(np.maximum(np.diag(hessian), 1e-300))
    scaled = hessian * np.outer(scale, scale)
    try:
        step = np.linalg.solve(scaled, gradient * scale)
    except np.linalg.LinAlgError:
        step = np.linalg.lstsq(scaled, gradient * scale, rcond=1e-14)[0]
    return np.asarray(step * scale)


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    reduced: list[_Reduced]
    precision: Array
    nominal: Array
    strength: float
    log_gains: Array
    free: bool

    def value(self, x: Array) -> float:
        n = len(self.precision)
        if np.abs(x[-n:] - self.log_gains).max() > FARTHEST:
            return np.inf
        phi, g = x[:-n], np.exp(x[-n:])
        pull = divergence(phi.reshape(n, N), self.nominal)
        if pull is None:
            return np.inf
        total = self.strength * pull.value
        for gain, precision, r in zip(g, self.precision, self.reduced, strict=True):
            w = gain * phi
            total += 0.5 * precision * (w @ (r.A @ w - 2.0 * r.b) + r.c)
        return float(total + 0.5 * (((x[-n:] - self.log_gains) / GAIN_SPREAD) ** 2).sum())

    def at(self, x: Array) -> tuple[float, Array, Array]:
        """Return value, gradient (p + n,) and Gauss-Newton Hessian (p + n, p + n)."""
        n = len(self.precision)
        phi, g = x[:-n], np.exp(x[-n:])
        p = len(phi)
        pull = divergence(phi.reshape(n, N), self.nominal)
        assert pull is not None  # search keeps to what can exist
        gradient, hessian = np.zeros(p + n), np.zeros((p + n, p + n))
        gradient[:p] = self.strength * pull.gradient
        for i, block in enumerate(pull.hessian):
            at = slice(N * i, N * (i + 1))
            hessian[at, at] = self.strength * block
        for j, r in enumerate(self.reduced):
            s, w = self.precision[j], g[j] * phi
            slope = r.A @ w - r.b
            gradient[:p] += s * g[j] * slope
            hessian[:p, :p] += s * g[j] ** 2 * r.A
            if self.free:
                gradient[p + j] += s * w @ slope
                hessian[p + j, p + j] += s * w @ r.A @ w
                cross = s * g[j] * (r.A @ w)
                hessian[:p, p + j] += cross
                hessian[p + j, :p] += cross
        if self.free:
            gradient[p:] += (x[p:] - self.log_gains) / GAIN_SPREAD**2
            hessian[p:, p:] += np.eye(n) / GAIN_SPREAD**2
        else:
            hessian[p:, p:] = np.eye(n)
        return self.value(x), gradient, hessian

    def search(self, x: Array, step: Array, value: float, decrement: float) -> Array:
        """Return the first of shorter and shorter steps that is good enough."""
        share = 1.0
        while share > 1e-12:
            there = x + share * step
            if self.value(there) <= value - 0.2 * share * decrement:
                return there
            share *= 0.5
        return x
