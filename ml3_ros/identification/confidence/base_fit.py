# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Fit of an arm's base parameters to rows of a recording, with what is known of each of them.

Weighted least squares on the base regressor, each joint by the noise that a first fit leaves of
it. Parameters that the motion does not show would be anything; a wide prior about the URDF's
values, of VAGUE times their size, holds them, and their uncertainty then says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml3_ros.identification.confidence.base_parameters import BaseParameters, base_parameters
from ml3_ros.identification.confidence.parameters import (
    NamedModel,
    nominal_values,
    parameter_sizes,
)
from ml3_ros.identification.confidence.sandwich import Estimate, clustered_fit
from ml3_ros.identification.models.friction_fit import MODEL_SEEN, NEWTON_METRES, friction_fit
from ml3_ros.identification.split import Rows

Array = NDArray[np.float64]
VAGUE = 10.0  # standard deviation of the prior, in sizes of the parameter
MOST_ROWS = 5000  # neighbours of a fast recording tell nothing new
MEMORY = 0.5  # over which errors are taken for correlated where motions are compared [s]
QUIET = 1e-6  # least noise of a joint, in units of its largest effort
FAST = 95.0  # percentile of |v| at which friction is compared


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BaseFit:
    """Base parameters of an arm as a recording shows them.

    `estimate` is in units of each parameter's `sizes` (b,), and `values` (b,) in its own;
    `unit` (n,) is the effort per N m by which efforts were divided, 1 where it is N m;
    `noise` (n,) [N m] is what the fit leaves of each joint, times the root of how many
    neighbouring samples share one error. `information` (b, b) of scaled parameters follows from
    that noise alone, the prior left out; `condition` [-] is that of the columns in unit length,
    `rank` how many directions show above the noise.
    """

    base: BaseParameters
    sizes: Array
    estimate: Estimate
    unit: Array
    noise: Array
    information: Array
    condition: float
    rank: int

    @property
    def values(self) -> Array:
        """Base parameters (b,) in their own units."""
        return self.estimate.value * self.sizes

    @property
    def relative(self) -> Array:
        """Standard error of each parameter (b,) in units of its size, VAGUE at most."""
        return np.minimum(self.estimate.error, VAGUE)


def fit_base_parameters(
    model: NamedModel,
    rows: Rows,
    tau_rbd: Array,
    *,
    weights: Array | None = None,
    base: BaseParameters | None = None,
) -> BaseFit:
    """Fit the base parameters to rows.

    Args:
        model: Of the arm.
        rows: Samples; of a fast recording every few.
        tau_rbd: Torque of the model [N m] (R, n).
        weights: Of the squared residual of each sample (R, n), as of a robust fit; 1 if left out.
        base: Of the model, where they are known already.
    """
    base = base_parameters(model) if base is None else base
    every = max(1, -(-len(rows.t) // MOST_ROWS))
    keep = np.arange(len(rows.t)) % every == 0
    rows, tau_rbd = rows.subset(keep), tau_rbd[keep]
    trust = np.ones_like(rows.tau) if weights is None else weights[keep]
    unit, friction, speed = _unit_and_friction(rows, tau_rbd, trust)
    home = np.median(rows.q, axis=0)
    sizes = base.sizes(parameter_sizes(model, home, friction, speed))
    nominal = base.of(nominal_values(model)) / sizes
    columns = base.regressor(model, rows.q, rows.v, rows.a) * sizes
    target = rows.tau / unit - columns @ nominal
    clusters = np.repeat(rows.block, rows.tau.shape[1])
    flat = columns.reshape(-1, len(sizes))
    prior = np.full(len(sizes), VAGUE)
    noise = _left(columns, target, trust, np.maximum(target.std(axis=0), 1e-9), prior)
    noise = _left(columns, target, trust, noise, prior)
    weights_of_rows = (trust / noise**2).ravel()
    estimate = clustered_fit(flat, target.ravel(), clusters, weights=weights_of_rows, prior=prior)
    residual = (target - columns @ estimate.value) * np.sqrt(trust)
    noise = noise * np.sqrt(_sharing(residual, rows))
    weighted = (columns * (np.sqrt(trust) / noise)[..., None]).reshape(-1, len(sizes))
    information = weighted.T @ weighted
    return BaseFit(
        base=base,
        sizes=sizes,
        estimate=_about(estimate, nominal),
        unit=unit,
        noise=noise,
        information=information,
        condition=_condition(information),
        rank=int((np.linalg.eigvalsh(information) > 1.0).sum()),
    )


def _left(columns: Array, target: Array, trust: Array, noise: Array, prior: Array) -> Array:
    """Return what a fit weighted by `noise` leaves of each joint (n,) [N m]."""
    weighted = (columns * (np.sqrt(trust) / noise)[..., None]).reshape(-1, len(prior))
    aim = (target * np.sqrt(trust) / noise).ravel()
    value = np.linalg.solve(weighted.T @ weighted + np.diag(prior**-2), weighted.T @ aim)
    residual = (target - columns @ value) * np.sqrt(trust)
    return np.maximum(residual.std(axis=0), QUIET * np.abs(target).max(axis=0) + 1e-9)


def _condition(information: Array) -> float:
    """Return the condition number of columns in unit length, infinite where one is zero."""
    lengths = np.sqrt(np.diag(information))
    if not (lengths > 0.0).all():
        return np.inf
    values = np.linalg.eigvalsh(information / np.outer(lengths, lengths))
    return float(np.sqrt(values[-1] / max(values[0], 1e-16)))


def _about(estimate: Estimate, centre: Array) -> Estimate:
    return Estimate(
        value=estimate.value + centre,
        error=estimate.error,
        freedom=estimate.freedom,
        covariance=estimate.covariance,
    )


def _unit_and_friction(rows: Rows, tau_rbd: Array, trust: Array) -> tuple[Array, Array, Array]:
    """Return effort per N m, friction at speed [N m] and that speed [rad/s], (n,) each."""
    gain, viscous, coulomb, _ = friction_fit(tau_rbd, rows.v, rows.tau, trust).T
    seen = np.zeros(len(gain), dtype=bool)
    for j, (tau, effort) in enumerate(zip(tau_rbd.T, rows.tau.T, strict=True)):
        if tau.std() > 0.0 and effort.std() > 0.0 and gain[j] > 0.0:
            seen[j] = np.corrcoef(tau, effort)[0, 1] >= MODEL_SEEN
    newton_metres = (gain >= NEWTON_METRES[0]) & (gain <= NEWTON_METRES[1])
    # a joint that does not show its unit has, at a guess, that of the others
    usual = float(np.median(gain[seen])) if (seen & ~newton_metres).any() else 1.0
    unit = np.where(seen, np.where(newton_metres, 1.0, gain), usual)
    speed = np.maximum(np.percentile(np.abs(rows.v), FAST, axis=0), 1e-2)
    friction = (np.abs(viscous) * speed + np.abs(coulomb)) / unit
    return unit, np.maximum(friction, 0.05 * rows.tau.std(axis=0) / unit + 1e-9), speed


def _sharing(residual: Array, rows: Rows) -> Array:
    """Return how many neighbouring samples share one error of each joint (n,), at least 1.

    The sum of the residual's autocorrelation over MEMORY, with Bartlett's weights (Newey and West
    1987), within blocks.
    """
    step = float(np.median(np.diff(rows.t)))
    lags = max(1, min(round(MEMORY / step), len(rows.t) // 4))
    power = np.square(residual).sum(axis=0)
    total = np.ones(residual.shape[1])
    for lag in range(1, lags):
        same = (rows.block[lag:] == rows.block[:-lag])[:, None]
        product = (residual[lag:] * residual[:-lag] * same).sum(axis=0)
        total += 2.0 * (1.0 - lag / lags) * product / np.maximum(power, 1e-300)
    return np.asarray(np.maximum(total, 1.0))
