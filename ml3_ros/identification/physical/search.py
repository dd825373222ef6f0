# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Search of a fit's settings: the strength of its pull, and what its columns weigh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml3_ros.identification.physical.choose import FLAT_RIDGE
from ml3_ros.identification.physical.config import PhysicalConfig
from ml3_ros.identification.physical.consistent import Consistent, consistent_fit
from ml3_ros.identification.physical.moments import Moments
from ml3_ros.identification.physical.terms import SIMPLE, JointSamples, Term, term_columns
from ml3_ros.identification.split import INNER, Rows

Array = NDArray[np.float64]
NOISE_PASSES = 2


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FitState:
    """What is known so far.

    `terms` of each joint, `held` (n,) the ridge of those that are not simple, `load` the torque
    that their columns see (R, n) [N m], `gains`, `noise` (n,) and `strength` of the pull; `result`
    is the fit, `error` how well left-out groups are predicted.
    """

    terms: list[list[Term]]
    held: Array
    load: Array
    gains: Array
    free: bool
    noise: Array
    strength: float
    result: Consistent
    error: float = np.inf


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """Rows with regressor, nominal links and weights, of which fits are made."""

    rows: Rows
    regressor: Array
    nominal: Array
    weights: Array
    config: PhysicalConfig

    def samples(self, joint: int, load: Array) -> JointSamples:
        """Return what the terms of a joint are computed from; `load` is (R, n) [N m]."""
        rows = self.rows
        return JointSamples(
            rows.v[:, joint], rows.a[:, joint], load[:, joint], rows.strain[:, joint]
        )

    def columns(self, terms: Sequence[Sequence[Term]], load: Array) -> list[Array]:
        """Return the columns (R, k_j) of each joint's terms."""
        return [term_columns(t, self.samples(j, load)) for j, t in enumerate(terms)]

    def moments(self, columns: list[Array]) -> list[Moments]:
        """Return the moments of each inner group, twins of others included."""
        each = []
        for group in range(INNER):
            at = self.rows.group == group
            each.append(
                Moments.of(
                    self.regressor[at],
                    [x[at] for x in columns],
                    self.rows.tau[at],
                    self.weights[at],
                )
            )
        return each

    def best(
        self,
        groups: list[Moments],
        terms: list[list[Term]],
        held: Array,
        load: Array,
        gains: Array,
        free: bool,
        noise: Array,
    ) -> FitState:
        """Return the fit with the strength that predicts left-out groups best."""
        whole, middle = _sum(groups), self.config.strengths[len(self.config.strengths) // 2]
        first, noise = self.fitted(whole, terms, held, gains, free, noise, middle)
        tried = []
        for strength in self.config.strengths:
            error = 0.0
            for left_out in range(INNER if len(self.config.strengths) > 1 else 0):
                rest = _sum([m for g, m in enumerate(groups) if g != left_out])
                result, _ = self.fitted(rest, terms, held, gains, free, noise, strength, first, 1)
                error += self.error(groups[left_out], groups, result)
            tried.append((error, strength))
        error, strength = min(tried)
        result, noise = self.fitted(whole, terms, held, gains, free, noise, strength, first)
        return FitState(
            terms=terms,
            held=held,
            load=load,
            gains=gains,
            free=free,
            noise=noise,
            strength=strength,
            result=result,
            error=error,
        )

    def error(self, group: Moments, groups: list[Moments], result: Consistent) -> float:
        """Return the left-out error of a group, in units of each effort's power, summed."""
        power = np.sum([m.power for m in groups], axis=0)
        squares = [group.squares(j, result.weights(j)) for j in range(len(power))]
        return float((np.array(squares) / np.maximum(power, 1e-300)).sum())

    def fitted(
        self,
        moments: Moments,
        terms: list[list[Term]],
        held: Array,
        gains: Array,
        free: bool,
        noise: Array,
        strength: float,
        begin: Consistent | None = None,
        passes: int = NOISE_PASSES,
    ) -> tuple[Consistent, Array]:
        """Return a fit with its own noise (n,), no coefficient below zero that must not be."""
        kept = [list(range(len(t))) for t in terms]
        for _ in range(passes):
            while True:
                part = moments.keep([np.array(k, dtype=np.intp) for k in kept])
                used = [[t[i] for i in k] for t, k in zip(terms, kept, strict=True)]
                result = consistent_fit(
                    part,
                    self.nominal,
                    noise,
                    strength,
                    gains=gains,
                    free_gains=free,
                    ridge=ridges(used, held),
                    begin=begin,
                )
                begin = result
                if not _drop_negative(kept, used, result.columns):
                    break
            squares = [part.squares(j, result.weights(j)) for j in range(len(noise))]
            left = np.sqrt(np.array(squares) / np.maximum(moments.weight, 1e-300))
            noise = np.maximum(left, 1e-6 * noise)
        columns = []
        for t, k, beta in zip(terms, kept, result.columns, strict=True):
            whole = np.zeros(len(t))
            whole[k] = beta
            columns.append(whole)
        full = Consistent(
            links=result.links, gains=result.gains, columns=tuple(columns), steps=result.steps
        )
        return full, noise


def ridges(terms: Sequence[Sequence[Term]], held: Array) -> list[Array]:
    """Return the ridges (k_j,) of each joint's terms; `held` (n,) those of what is not simple."""
    each = zip(terms, held, strict=True)
    return [np.array([FLAT_RIDGE if x in SIMPLE else ridge for x in t]) for t, ridge in each]


def _sum(moments: list[Moments]) -> Moments:
    total = moments[0]
    for other in moments[1:]:
        total = total + other
    return total


def _drop_negative(
    kept: list[list[int]], used: list[list[Term]], columns: Sequence[Array]
) -> bool:
    """Leave out of each joint the most wrongly negative term; return whether there is one."""
    dropped = False
    for k, terms, beta in zip(kept, used, columns, strict=True):
        wrong = [b if t.not_negative else 0.0 for t, b in zip(terms, beta, strict=True)]
        if wrong and min(wrong) < 0.0:
            del k[int(np.argmin(wrong))]
            dropped = True
    return dropped
