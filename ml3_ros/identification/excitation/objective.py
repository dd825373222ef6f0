# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Objective of an exciting motion: how much it tells of the base parameters, less what it exceeds.

D-optimality: the logarithm of the determinant of the information matrix, the volume of the
parameters' confidence region; its units do not matter. Its gradient is exact in the coefficients
and by finite differences in the state of each sample, which takes 3 n + 1 regressors a sample
however many coefficients there are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml3_ros.identification.confidence.parameters import nominal_values, torque_columns
from ml3_ros.identification.excitation.knowledge import Knowledge
from ml3_ros.identification.excitation.limits import MotionLimits, ToolModel
from ml3_ros.identification.excitation.series import FourierSeries

Array = NDArray[np.float64]
STEP = 1e-5  # of the finite differences [rad, rad/s, rad/s^2]
NEAR = 0.97  # of a limit, from which it is penalised


def path_information(
    model: ToolModel, known: Knowledge, path: tuple[Array, Array, Array], rate: float
) -> float:
    """Return the mean log eigenvalue of the information after a path, and what was known before.

    Args:
        model: Of the arm.
        known: Before the path.
        path: q, v, a (T, n).
        rate: Of its samples [Hz].
    """
    columns = known.base.regressor(model, *path) * known.sizes / known.noise[:, None]
    flat = columns.reshape(-1, columns.shape[-1])
    matrix = known.information + known.rate / rate * (flat.T @ flat)
    return float(np.linalg.slogdet(matrix)[1]) / len(matrix)


class Objective:
    """Value and gradient of the negative information of a series, with limits as penalties."""

    def __init__(
        self,
        model: ToolModel,
        series: FourierSeries,
        limits: MotionLimits,
        known: Knowledge,
        samples: int,
    ) -> None:
        """Evaluate motions at so many samples, evenly over the series."""
        self._model, self._series, self._limits, self._known = model, series, limits, known
        self._samples = samples
        t = np.arange(samples) * series.seconds / samples
        self._basis = series.basis(t)
        self._scale = known.sizes / known.noise[:, None]
        self._weight = series.seconds * known.rate / samples
        self._nominal = nominal_values(model)

    def path(self, x: Array) -> tuple[Array, Array, Array]:
        """Return q, v, a (T, n) of coefficients x (n, F) at the samples."""
        q, v, a = (matrix @ x.T for matrix in self._basis)
        return self._series.start + q, v, a

    def information(self, x: Array) -> float:
        """Return the mean log eigenvalue of the information after the motion [-]."""
        rate = self._samples / self._series.seconds
        return path_information(self._model, self._known, self.path(x), rate)

    def __call__(self, flat: Array, penalty: float) -> tuple[float, Array]:
        """Return the value to be made small, and its gradient (n F,), at coefficients (n F,)."""
        n = len(self._series.start)
        state = self.path(flat.reshape(n, -1))
        columns, tau = self._columns(*state)
        matrix = self._matrix(columns)
        size = len(matrix)
        value = -float(np.linalg.slogdet(matrix)[1]) / size
        pull = (-2.0 * self._weight / size) * (columns @ np.linalg.inv(matrix))
        cost, of_tau, direct = self._penalties(state, tau, penalty)
        by_state = []
        for kind in range(3):
            gradient = direct[kind]
            for joint in range(n):
                moved = [x.copy() for x in state]
                moved[kind][:, joint] += STEP
                there, tau_there = self._columns(*moved)
                change = ((there - columns) * pull).sum(axis=(1, 2))
                change += ((tau_there - tau) * of_tau).sum(axis=1)
                gradient[:, joint] += change / STEP
            by_state.append(gradient)
        total = sum(g.T @ b for g, b in zip(by_state, self._basis, strict=True))
        return value + cost, np.asarray(total).ravel()

    def _columns(self, q: Array, v: Array, a: Array) -> tuple[Array, Array]:
        """Return scaled base columns (T, n, b) in units of the noise, and torques (T, n) [N m]."""
        every = torque_columns(self._model, q, v, a)
        return every[..., self._known.base.columns] * self._scale, every @ self._nominal

    def _matrix(self, columns: Array) -> Array:
        flat = columns.reshape(-1, columns.shape[-1])
        return self._known.information + self._weight * (flat.T @ flat)

    def _penalties(
        self, state: tuple[Array, Array, Array], tau: Array, penalty: float
    ) -> tuple[float, Array, list[Array]]:
        """Return the penalty, and its gradients on torques (T, n) and on q, v, a, (T, n) each."""
        q, v, a = state
        limits, factor = self._limits, penalty / len(q)
        reach = 0.5 * (limits.upper - limits.lower)
        middle = 0.5 * (limits.upper + limits.lower)
        finite = np.isfinite(reach)
        reach, middle = np.where(finite, reach, np.inf), np.where(finite, middle, 0.0)
        parts = [
            _beyond(q - middle, reach),
            _beyond(v, limits.velocity),
            _beyond(a, limits.acceleration),
            _beyond(tau, limits.effort),
        ]
        cost = factor * sum(part for part, _ in parts)
        of_q, of_v, of_a, of_tau = (factor * gradient for _, gradient in parts)
        if limits.box is not None:
            box_cost, box_gradient = self._outside(q, limits.box)
            cost += factor * box_cost
            of_q = of_q + factor * box_gradient
        return float(cost), of_tau, [of_q, of_v, of_a]

    def _outside(self, q: Array, box: Array) -> tuple[float, Array]:
        """Return how far the tool is outside the box, squared, and its gradient on q (T, n)."""
        half, middle = 0.5 * (box[1] - box[0]), 0.5 * (box[0] + box[1])

        def tool(q: Array) -> Array:
            return np.asarray(self._model.forward_kinematics(q)[:, :3, 3])

        here = tool(q)
        cost, of_tool = _beyond(here - middle, half)
        gradient = np.empty_like(q)
        for joint in range(q.shape[1]):
            moved = q.copy()
            moved[:, joint] += STEP
            gradient[:, joint] = ((tool(moved) - here) * of_tool).sum(axis=1) / STEP
        return cost, gradient


def _beyond(x: Array, limit: Array) -> tuple[float, Array]:
    """Return the squared excess of |x| (T, m) over NEAR of a limit (m,), and its gradient."""
    excess = np.maximum(np.abs(x) / limit - NEAR, 0.0)
    return float(np.square(excess).sum()), 2.0 * excess * np.sign(x) / limit
