# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recovery of a known truth on the motion of a real recording: do intervals hold it?

The efforts are simulated: links that differ from the URDF's, friction, rotors, and errors that
neighbouring samples share. So what is tested is the motion and the fit, not the arm's own effort.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ml3_ros.identification.confidence.base_fit import MOST_ROWS, fit_base_parameters
from ml3_ros.identification.confidence.base_parameters import base_parameters
from ml3_ros.identification.confidence.parameters import (
    PER_LINK,
    NamedModel,
    nominal_values,
    torque_columns,
)
from ml3_ros.identification.split import INNER, Rows

Array = NDArray[np.float64]
BLOCK = 2.0  # of rows whose errors count as one [s]
LINKS = 0.3  # largest change of a link, relative
FRICTION, ROTOR = (0.02, 0.2), (0.01, 0.05)  # of a joint's effort per speed, and of its inertia
NOISE, LASTING = 0.05, 0.2  # of the errors: share of an effort's spread, and time constant [s]


@dataclass(frozen=True, slots=True)
class Recovery:
    """Share of base parameters whose 90 % interval holds the truth [-], and how many show."""

    held: float
    shown: int
    parameters: int


def recovery(model: NamedModel, rows: Rows, seeds: Iterable[int]) -> Recovery:
    """Simulate efforts on the motion of `rows`, once a seed, and fit the base parameters to them.

    A parameter counts where its standard error is below its size: one that does not show has an
    interval that holds nearly anything.
    """
    every = max(1, -(-len(rows.t) // MOST_ROWS))
    rows = rows.subset(np.arange(len(rows.t)) % every == 0)
    columns = torque_columns(model, rows.q, rows.v, rows.a)
    base, nominal = base_parameters(model), nominal_values(model)
    tau_rbd = model.rnea(rows.q, rows.v, rows.a)
    held, shown = [], []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        truth = changed_parameters(model, nominal, rows, tau_rbd, rng)
        tau = columns @ truth
        tau = tau + NOISE * tau.std(axis=0) * lasting_errors(rng, rows)
        fit = fit_base_parameters(model, replace(rows, tau=tau), tau_rbd, base=base)
        low, high = (fit.estimate.interval() * fit.sizes[:, None]).T
        true = base.of(truth)
        seen = fit.relative < 1.0
        held.append(((low <= true) & (true <= high))[seen])
        shown.append(int(seen.sum()))
    return Recovery(
        held=float(np.concatenate(held).mean()),
        shown=round(float(np.mean(shown))),
        parameters=len(fit.sizes),
    )


def rows_of_motion(names: tuple[str, ...], t: Array, motion: tuple[Array, Array, Array]) -> Rows:
    """Return rows of q [rad], v [rad/s], a [rad/s^2] (T, n) at t [s]; efforts are zero."""
    q, v, a = motion
    block = (t // BLOCK).astype(int)
    return Rows(
        joint_names=names,
        t=t,
        q=q,
        v=v,
        a=a,
        tau=np.zeros_like(q),
        strain=np.zeros((*q.shape, 0)),
        block=block,
        group=block % INNER,
        twins=np.zeros((len(t), INNER), dtype=bool),
    )


def changed_parameters(
    model: NamedModel, nominal: Array, rows: Rows, tau_rbd: Array, rng: np.random.Generator
) -> Array:
    """Return parameters (p,) of an arm that is like the nominal one, with friction and rotors."""
    n = tau_rbd.shape[1]
    values = nominal.copy()
    links = values[: PER_LINK * n].reshape(n, PER_LINK)
    links *= 1.0 + rng.uniform(-LINKS, LINKS, size=(n, 1))
    effort = np.maximum(tau_rbd.std(axis=0), 1e-2 * tau_rbd.std(axis=0).max())
    speed = np.maximum(np.percentile(np.abs(rows.v), 95.0, axis=0), 1e-3)
    inertia = np.diag(model.M(np.median(rows.q, axis=0)))
    viscous, coulomb = (rng.uniform(*FRICTION, size=n) * effort for _ in range(2))
    offset = rng.normal(size=n) * FRICTION[0] * effort
    values[PER_LINK * n :] += np.concatenate(
        [viscous / speed, coulomb, offset, rng.uniform(*ROTOR, size=n) * inertia]
    )
    return values


def lasting_errors(rng: np.random.Generator, rows: Rows) -> Array:
    """Return errors (R, n) of size 1 that last LASTING seconds."""
    step = float(np.median(np.diff(rows.t)))
    keep = np.exp(-step / LASTING)
    fresh = rng.normal(size=rows.tau.shape)
    errors = fresh.copy()
    for i in range(1, len(errors)):
        errors[i] = keep * errors[i - 1] + np.sqrt(1.0 - keep**2) * fresh[i]
    return errors
