# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Fit of an arm that stays physical, with friction that remembers, from rows of a recording.

Gains, friction terms and the strength of the pull to the description are those with which left-out
inner groups are predicted best. Nothing is chosen by held-out rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml3_ros.errors import ConfigError
from ml3_ros.identification.fits import Explained, Fit, training_masks
from ml3_ros.identification.models.friction_fit import NEWTON_METRES
from ml3_ros.identification.physical.choose import FLAT_RIDGE, choose_terms
from ml3_ros.identification.physical.config import PhysicalConfig
from ml3_ros.identification.physical.consistent import Consistent
from ml3_ros.identification.physical.identified import IdentifiedArm
from ml3_ros.identification.physical.inertia import N, nearest_physical
from ml3_ros.identification.physical.moments import Moments
from ml3_ros.identification.physical.search import FitState, Search, ridges
from ml3_ros.identification.physical.terms import EXTRA, SIMPLE, term_columns
from ml3_ros.identification.split import INNER

Array = NDArray[np.float64]
FIRST_NOISE = 0.2  # of each effort's standard deviation, before anything is fitted
KNOWN_SPREAD = 0.1  # of efforts in N m, or currents with the vendor's torque constants: 10 %
FITTED_SPREAD = 0.3  # of gains that the description's masses decide
PLAUSIBLE = 2.0  # factor by which a joint's gain may differ from the others'
SURE = 0.2  # relative standard error below which a gain by least squares is taken for known


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Physical:
    """Result: the arm, predictions of all rows by every fit, and the strength of the pull."""

    arm: IdentifiedArm
    fit: Fit
    strength: float


_DEFAULT = PhysicalConfig()


def physical_fit(
    data: Explained,
    nominal: Array,
    *,
    name: str = "arm",
    weights: Array | None = None,
    config: PhysicalConfig = _DEFAULT,
) -> Physical:
    """Fit links, gains and friction to the rows that may be learned from.

    Args:
        data: Rows, with the regressor (R, n, p >= 10 n) of the arm.
        nominal: Parameters (p,) of the description that belong to the regressor.
        name: Of the arm.
        weights: Of each row and joint [-], (R, n); 1 if left out.
        config: Settings.
    """
    rows = data.rows
    n = rows.tau.shape[1]
    links = nearest_physical(np.asarray(nominal, dtype=float)[: N * n].reshape(n, N))
    w = np.ones_like(rows.tau) if weights is None else np.asarray(weights, dtype=float)
    work = _Fit(rows, data.regressor[..., : N * n], links, w, config)
    state = work.start()
    if config.memory:
        for _ in range(config.passes):
            state = work.chosen(state)
    return work.finished(state, name)


@dataclass(frozen=True, slots=True, eq=False)
class _Fit(Search):
    """Steps of the fit, one after the other."""

    def start(self) -> FitState:
        """Return the fit with viscous and Coulomb friction, offset and rotor inertia."""
        n = self.rows.tau.shape[1]
        load = self.regressor @ self.nominal.ravel()
        terms = [list(SIMPLE) for _ in range(n)]
        columns = self.columns(terms, load)
        learned = ~self.rows.held_out
        noise = FIRST_NOISE * np.maximum(self.rows.tau[learned].std(axis=0), 1e-12)
        gains, sure = self.first_gains(load, columns)
        known = self.config.known_gains
        free = self.config.gains == "free" and not known
        if self.config.gains == "auto" and sure and not known:  # else nothing tells the unit
            low, high = NEWTON_METRES
            free = not low <= float(np.median(gains)) <= high
        if not free:
            gains = np.array(known) if known else np.ones(n)
        if gains.shape != (n,):
            raise ConfigError(f"known_gains must be {n} numbers, one a joint, got {known}")
        held = np.full(n, FLAT_RIDGE)
        return self.best(self.moments(columns), terms, held, load, gains, free, noise)

    def first_gains(self, load: Array, columns: list[Array]) -> tuple[Array, bool]:
        """Return the effort per N m (n,) by least squares, and whether it is seen in any joint.

        Where it is not seen well, the median of the others stands in.
        """
        learned = ~self.rows.held_out
        gains, sure = [], []
        for j, x in enumerate(columns):
            z = np.column_stack([load[:, j], x])[learned] * np.sqrt(self.weights[learned, j, None])
            y = self.rows.tau[learned, j] * np.sqrt(self.weights[learned, j])
            w = np.linalg.lstsq(z, y, rcond=None)[0]
            spread = np.mean((y - z @ w) ** 2) * np.linalg.pinv(z.T @ z)[0, 0]
            gains.append(float(w[0]))
            # neighbouring samples are alike: as if one in ten were independent
            sure.append(w[0] > 0.0 and np.sqrt(10.0 * spread) < SURE * w[0])
        found = np.array(gains)
        known = np.array(sure)
        usual = float(np.median(found[known])) if known.any() else 1.0
        # a description that is wrong about a light link makes its joint's gain look many times it
        known &= (found > usual / PLAUSIBLE) & (found < usual * PLAUSIBLE)
        return np.where(known, found, usual), bool(known.any())

    def chosen(self, state: FitState) -> FitState:
        """Return the fit with terms chosen anew, their load by the links so far."""
        load = self.regressor @ state.result.links.ravel()
        options = (*SIMPLE, *EXTRA)
        columns = self.columns([options] * len(self.nominal), load)
        not_negative = np.array([False, *(t.not_negative for t in options)])
        first = range(1 + len(SIMPLE))
        candidates = range(1 + len(SIMPLE), 1 + len(options))
        terms, kept, held = [], [], np.zeros(len(columns))
        for j, x in enumerate(columns):
            z = np.column_stack([load[:, j], x, self.rows.tau[:, j]])
            z = z * np.sqrt(self.weights[:, j, None])
            each = [z[self.rows.group == group] for group in range(INNER)]
            sums = [x.T @ x for x in each]
            taken, held[j] = choose_terms(sums, first, candidates, not_negative)
            extra = [i - 1 for i in taken]
            kept.append(np.array([*range(len(SIMPLE)), *extra]))
            terms.append([options[i] for i in kept[-1]])
        used = [x[:, k] for x, k in zip(columns, kept, strict=True)]
        return self.best(
            self.moments(used), terms, held, load, state.gains, state.free, state.noise
        )

    def finished(self, state: FitState, name: str) -> Physical:
        """Return the arm and the predictions of all rows by every fit."""
        rows, columns = self.rows, self.columns(state.terms, state.load)
        predicted = []
        for mask in training_masks(rows):
            part = Moments.of(
                self.regressor[mask],
                [x[mask] for x in columns],
                rows.tau[mask],
                self.weights[mask],
            )
            result, noise = self.fitted(
                part, state.terms, state.held, state.gains, state.free, state.noise, state.strength
            )
            arm = self.arm(state, result, noise, name, mask)
            predicted.append(arm.effort(self.regressor, rows.v, rows.a, rows.strain))
        choices = [
            {"terms": [t.name for t in terms], "gain": float(gain), "strength": state.strength}
            for terms, gain in zip(arm.terms, arm.gains, strict=True)
        ]
        fit = Fit(predicted=np.stack(predicted), choices=tuple(choices))
        return Physical(arm=arm, fit=fit, strength=state.strength)

    def spread(self, free: bool) -> float:
        """Return the relative spread of the scale of all masses."""
        usual = FITTED_SPREAD if free else KNOWN_SPREAD
        return usual if self.config.scale_spread is None else self.config.scale_spread

    def arm(
        self,
        state: FitState,
        result: Consistent,
        noise: Array,
        name: str,
        mask: NDArray[np.bool_],
    ) -> IdentifiedArm:
        """Return the arm, its coefficients fitted again where terms see the load of its links."""
        load = self.regressor @ result.links.ravel()
        terms, coefficients = [], []
        for j, (all_terms, beta) in enumerate(zip(state.terms, result.columns, strict=True)):
            used = [t for t, b in zip(all_terms, beta, strict=True) if b != 0.0]
            found = beta[beta != 0.0]
            if any(t.of_load for t in used):
                x = term_columns(used, self.samples(j, load))[mask]
                y = self.rows.tau[mask, j] - result.gains[j] * load[mask, j]
                found = _ridge(x, y, self.weights[mask, j], ridges([used], state.held[[j]])[0])
                bad = [t.not_negative and b < 0.0 for t, b in zip(used, found, strict=True)]
                found = np.where(bad, 0.0, found)
            terms.append(tuple(used))
            coefficients.append(found)
        return IdentifiedArm(
            name=name,
            names=self.rows.joint_names,
            links=result.links,
            gains=result.gains,
            terms=tuple(terms),
            coefficients=tuple(coefficients),
            noise=noise,
            gravity=np.array([0.0, 0.0, -9.81]),
            scale_spread=self.spread(state.free),
        )


def _ridge(columns: Array, target: Array, weights: Array, ridge: Array) -> Array:
    x = columns * np.sqrt(weights)[:, None]
    scale = 1.0 / np.sqrt(np.maximum((x**2).sum(axis=0), 1e-30))
    normal = (x * scale).T @ (x * scale) + np.diag(ridge)
    return np.asarray(scale * np.linalg.solve(normal, scale * (x.T @ (target * np.sqrt(weights)))))
