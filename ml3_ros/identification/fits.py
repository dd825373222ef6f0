# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Least-squares fits of a recording: from the rigid-body model alone to friction that sticks.

Every fit is made INNER + 1 times: once without each inner group, which tells how well its settings
serve rows that it did not see, and once from all rows that may be learned from. Held-out rows are
predicted by the last, and nothing is chosen by them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ml3_ros.identification.models.friction_columns import smooth_sign, stillness
from ml3_ros.identification.models.friction_fit import COEFFICIENTS, friction_fit, friction_predict
from ml3_ros.identification.models.ridge_fit import LeftOut, ridge_predict, ridge_weights
from ml3_ros.identification.split import DISPLACEMENTS, INNER, Rows
from ml3_ros.robots.base import RobotDescription

Array = NDArray[np.float64]
# Columns (R, k) of a joint, and options: settings, and which of the columns they stand for.
Bank: TypeAlias = tuple[Array, list[tuple[dict[str, Any], list[int]]]]
BASE_PENALTY = 1e-7  # of gain and friction columns: only for those that a joint does not excite
REGRESSOR_PENALTIES = (10.0, 1.0, 0.1, 0.01)
CREEPS = (1, 2, 3, 4)  # of DISPLACEMENTS: over which a joint that sticks may creep
SPEEDS = (0.0, 0.01, 0.03, 0.1)  # over which friction turns round [rad/s]
STILL = (0.03, 0.1, 0.3)  # below which a joint sticks [rad/s]
SMOOTHINGS = (0.0, 0.05, 0.1, 0.2)  # of the recorded effort [s]


class ArmModel(Protocol):
    """A rigid-body model with joints in the order of `names`."""

    names: tuple[str, ...]
    description: RobotDescription

    def inertial_parameters(self) -> Array:
        """Return the parameters (p,) that belong to the regressor."""
        ...

    def rnea(self, q: Array, v: Array, a: Array) -> Array:
        """Return the torque [N m] (R, n) of states (R, n)."""
        ...

    def regressor(self, q: Array, v: Array, a: Array) -> Array:
        """Return Y (R, n, p) of states (R, n)."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Fit:
    """One method's predictions of all rows, and what it chose.

    `predicted` (INNER + 1, R, n) by the fits without inner group 0, 1, ..., and by that from all
    rows that may be learned from. `choices` are the settings taken per joint, `weights`
    holds the coefficients of the classical fit (n, 4) where there are some.
    """

    predicted: Array
    choices: tuple[dict[str, Any], ...] = ()
    coefficients: Array = field(default_factory=lambda: np.zeros((0, len(COEFFICIENTS))))


def training_masks(rows: Rows) -> list[NDArray[np.bool_]]:
    """Return the rows (R,) that each of the INNER + 1 fits learns from."""
    learned = ~rows.held_out
    return [learned & (rows.group != group) & ~rows.twins[:, group] for group in range(INNER)] + [
        learned
    ]


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """Rows and a model's part in them: rigid-body torque (R, n) [N m], regressor (R, n, p).

    `counts` (INNER + 1, R, n) [-] is how much each row and joint counts in each of the fits, the
    last also in left-out errors; without it all count the same.
    """

    rows: Rows
    tau_rbd: Array
    regressor: Array
    counts: Array | None = None

    @staticmethod
    def by(model: ArmModel, rows: Rows) -> Explained:
        """Evaluate a model with the joints of the rows, in their order."""
        state = (rows.q, rows.v, rows.a)
        return Explained(rows, model.rnea(*state), model.regressor(*state))

    def subset(self, kept: NDArray[np.bool_], rows: Rows) -> Explained:
        """Return these rows (R,) alone; `rows` are the same ones, perhaps in other groups."""
        touched = None if self.rows.touched is None else self.rows.touched[kept]
        counts = None if self.counts is None else self.counts[:, kept]
        return Explained(
            replace(rows, touched=touched), self.tau_rbd[kept], self.regressor[kept], counts
        )

    def counts_of(self, fit: int) -> Array:
        """Return how much rows and joints count in a fit, (R, n)."""
        return np.ones_like(self.rows.tau) if self.counts is None else self.counts[fit]


def rigid_body(data: Explained) -> Fit:
    """Return the model's torque as it is: the unit of the effort is taken for N m."""
    return Fit(predicted=np.repeat(data.tau_rbd[None], INNER + 1, axis=0))


def classical(data: Explained) -> Fit:
    """Return the fit effort = gain tau_rbd + viscous v + coulomb sign(v) + offset."""
    rows = data.rows
    fits = [
        friction_fit(data.tau_rbd[mask], rows.v[mask], rows.tau[mask], data.counts_of(i)[mask])
        for i, mask in enumerate(training_masks(rows))
    ]
    predicted = [friction_predict(fit, data.tau_rbd, rows.v) for fit in fits]
    return Fit(predicted=np.stack(predicted), coefficients=fits[-1])


def linear_regressor(data: Explained) -> Fit:
    """Return ridge regression on the regressor and classical friction columns.

    Every joint has parameters of its own, because its effort has a unit of its own; the penalty
    is on how far they are from a gain times the model's own.
    """

    def columns(joint: int) -> Bank:
        v, a = data.rows.v[:, joint], data.rows.a[:, joint]
        return np.stack([data.tau_rbd[:, joint], v, np.sign(v), a], axis=-1), [({}, [0, 1, 2, 3])]

    return _selected(data, columns)


def extended(data: Explained) -> Fit:
    """Return ridge regression on the regressor and friction that is smoothed and sticks.

    Per joint, settings are those that predict left-out inner groups best: how friction turns
    round, whether it sticks and over which displacement, rotor inertia, and how far inertial
    parameters may go.
    """
    rows = data.rows
    creeps = [k for k in CREEPS if k < rows.strain.shape[-1]]
    sticking = [(None, None), *product(STILL, creeps)]

    def columns(joint: int) -> Bank:
        v, a = rows.v[:, joint], rows.a[:, joint]
        bank = {"torque": data.tau_rbd[:, joint], "v": v, "a": a}
        options = []
        for speed, smoothing, (still, creep), rotor in product(
            SPEEDS, SMOOTHINGS, sticking, (False, True)
        ):
            choice = {"speed": speed, "smoothing": smoothing, "rotor": rotor}
            sign = f"sign {speed} {smoothing}"
            names = ["torque", "v", sign]
            if sign not in bank:
                bank[sign] = smooth_sign(v, a, speed=speed, smoothing=smoothing)
            if still is not None and creep is not None:
                stuck = f"stuck {still} {creep} {smoothing}"
                if stuck not in bank:
                    near = stillness(v, a, speed=still, smoothing=smoothing)
                    bank[stuck] = rows.strain[:, joint, creep] * near
                names.append(stuck)
                choice |= {"still": still, "displacement": float(DISPLACEMENTS[creep])}
            options.append((choice, names + ["a"] * rotor))
        place = {name: i for i, name in enumerate(bank)}
        numbered = [(choice, [place[name] for name in names]) for choice, names in options]
        return np.stack(list(bank.values()), axis=-1), numbered

    return _selected(data, columns)


def _selected(data: Explained, columns: Callable[[int], Bank]) -> Fit:
    """Choose columns first, then the penalty of the regressor beside them, for every joint.

    The regressor's many columns are taken where they help every inner group, not only on the
    mean: on a short recording they also fit what the next motion will not show.
    """
    rows = data.rows
    masks = training_masks(rows)
    learned = np.flatnonzero(masks[-1])
    group, twins = rows.group[learned], rows.twins[learned]
    predicted = np.empty((len(masks), *rows.tau.shape))
    choices = []
    for joint, target in enumerate(rows.tau.T):
        split = (target[learned], group, twins, data.counts_of(INNER)[learned, joint])
        bank, options = columns(joint)
        tried = LeftOut.of(bank[learned], *split)
        choice, some = min(options, key=lambda option: tried.errors(BASE_PENALTY, option[1]).sum())
        alone = best = tried.errors(BASE_PENALTY, some)
        x, penalties = bank[:, some], np.full(len(some), BASE_PENALTY)
        choice = {**choice, "regressor_penalty": None}
        whole = np.hstack([x, data.regressor[:, joint]])
        with_regressor = LeftOut.of(whole[learned], *split)
        for penalty in REGRESSOR_PENALTIES:
            both = np.full(whole.shape[1], penalty)
            both[: len(some)] = BASE_PENALTY
            errors = with_regressor.errors(both)
            if (errors < alone).all() and errors.sum() < best.sum():
                best, penalties, choice["regressor_penalty"] = errors, both, penalty
        if choice["regressor_penalty"] is not None:
            x = whole
        choices.append(choice)
        for i, mask in enumerate(masks):
            counts = data.counts_of(i)[mask, joint]
            weights = ridge_weights(x[mask], target[mask], penalties, counts)
            predicted[i, :, joint] = ridge_predict(weights, x)
    return Fit(predicted=predicted, choices=tuple(choices))
