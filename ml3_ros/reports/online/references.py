# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reference methods of a run, which know the arm's model, on the same samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ml3_ros.data.run_files import Samples
from ml3_ros.identification.models.friction_fit import (
    RIGID_BODY_ALONE,
    friction_features,
    friction_fit,
    friction_predict,
)
from ml3_ros.identification.models.least_squares import (
    NO_COLUMNS,
    HasRegressor,
    JointColumns,
    RecursiveLeastSquares,
    TorqueRegressor,
)
from ml3_ros.identification.models.scores import nmse

Array = NDArray[np.float64]
LEAST_SQUARES_RIDGE = 1e-6  # on parameters in SI units, with torques in shares of `scale`
FRICTION_RIDGE = 1e-3  # on gain, viscous, coulomb, offset in the units of the effort


class HasInverseDynamics(Protocol):
    """A rigid-body model with joints in the order of `names`."""

    names: tuple[str, ...]

    def rnea(self, q: Array, v: Array, a: Array) -> Array:
        """Return the torque [N m] (B, n) of states (B, n)."""
        ...


class ReferenceModel(HasInverseDynamics, HasRegressor, Protocol):
    """A rigid-body model with inverse dynamics and its regressor."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Reference:
    """How one reference method did.

    `predicted` (T, n) [N m] are predictions of all samples: prequential for those that were
    learned from, by what was learned in the end for the held-out ones. `heldout` (C, n) [-] is the
    NMSE on the held-out samples after so many seconds (NaN without any).
    """

    predicted: Array
    heldout: Array


def least_squares_references(
    samples: Samples, model: ReferenceModel, *, window: int, seconds: ArrayLike, scale: ArrayLike
) -> dict[str, Reference]:
    """Run recursive least squares, with and without friction columns, from zero parameters.

    It knows the kinematics, but no mass: that is what it identifies.

    Args:
        samples: The stream; columns in the order of the model's joints.
        model: Lends its regressor.
        window: Samples per update; each window is predicted before it is learned from.
        seconds: Times [s] (C,) since the first sample at which to test on the held-out samples.
        scale: Weight of each joint's torque [N m], (n,), such as its effort limit.
    """
    columns = {"least_squares": NO_COLUMNS, "least_squares_friction": JointColumns()}
    return {
        name: _run_regressor(
            samples, TorqueRegressor(model, extra), window=window, seconds=seconds, scale=scale
        )
        for name, extra in columns.items()
    }


def model_references(
    samples: Samples, model: HasInverseDynamics, *, window: int, seconds: ArrayLike
) -> dict[str, Reference]:
    """Run the rigid-body model alone, and the classical friction fit refitted at every window.

    Args:
        samples: The stream; columns in the order of the model's joints.
        model: Gives the rigid-body torque.
        window: Samples per fit; each window is predicted from past ones only.
        seconds: As for `least_squares_references`.
    """
    tau_rbd = model.rnea(samples.q, samples.v, samples.a)
    features = friction_features(tau_rbd, samples.v)
    joints = [
        _run_rows(
            samples,
            features[:, j : j + 1],
            samples.tau[:, j : j + 1],
            RecursiveLeastSquares(4, ridge=FRICTION_RIDGE, start=RIGID_BODY_ALONE),
            window=window,
            seconds=seconds,
        )
        for j in range(features.shape[1])
    ]
    held_out = samples.t > samples.learn_until
    alone = nmse(tau_rbd[held_out], samples.tau[held_out])
    return {
        "rigid_body": Reference(predicted=tau_rbd, heldout=np.tile(alone, (np.size(seconds), 1))),
        "classical_fit": Reference(
            predicted=np.hstack([joint.predicted for joint in joints]),
            heldout=np.hstack([joint.heldout for joint in joints]),
        ),
    }


def classical_fit_in_sample(samples: Samples, model: HasInverseDynamics) -> dict[str, Array]:
    """Return the NMSE (n,) of the classical fit on the very samples it was fitted to.

    `learned` is that of the samples that were learned from, `heldout` that of the held-out ones
    under the same coefficients.
    """
    tau_rbd = model.rnea(samples.q, samples.v, samples.a)
    learned = samples.t <= samples.learn_until
    fit = friction_fit(tau_rbd[learned], samples.v[learned], samples.tau[learned])
    predicted = friction_predict(fit, tau_rbd, samples.v)
    return {
        "learned": nmse(predicted[learned], samples.tau[learned]),
        "heldout": nmse(predicted[~learned], samples.tau[~learned]),
    }


def _run_regressor(
    samples: Samples,
    regressor: TorqueRegressor,
    *,
    window: int,
    seconds: ArrayLike,
    scale: ArrayLike,
) -> Reference:
    rows = regressor(samples.q, samples.v, samples.a)
    solver = RecursiveLeastSquares(rows.shape[-1], ridge=LEAST_SQUARES_RIDGE, noise=scale)
    return _run_rows(samples, rows, samples.tau, solver, window=window, seconds=seconds)


def _run_rows(
    samples: Samples,
    rows: Array,
    tau: Array,
    solver: RecursiveLeastSquares,
    *,
    window: int,
    seconds: ArrayLike,
) -> Reference:
    """Learn `tau` from `rows` window by window, testing on the held-out ones on the way."""
    learned = int((samples.t <= samples.learn_until).sum())
    counts = np.searchsorted(samples.t[:learned] - samples.t[0], seconds, side="right")
    predicted = np.empty_like(tau)
    heldout = np.full((len(counts), tau.shape[1]), np.nan)
    for begin in range(0, learned + window, window):
        for i in np.flatnonzero((counts >= begin) & (counts < begin + window)):
            heldout[i] = nmse(solver.predict(rows[learned:]), tau[learned:])
        block = slice(begin, min(begin + window, learned))
        predicted[block] = solver.predict(rows[block])
        solver.update(rows[block], tau[block])
    predicted[learned:] = solver.predict(rows[learned:])
    return Reference(predicted=predicted, heldout=heldout)
