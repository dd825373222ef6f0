# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Rivals that know the arm's description: a ridge towards it, and the consistent fit."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml3_ros.experiments.inverse_dynamics.references import samples_after
from ml3_ros.experiments.rivals.bracketed import bracketed
from ml3_ros.experiments.working.robots import MEASURED, Robots
from ml3_ros.identification.physical.consistent import consistent_fit
from ml3_ros.identification.physical.inertia import N, nearest_physical
from ml3_ros.identification.physical.moments import Moments
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot

Array = NDArray[np.float64]
Fit = Callable[[Array, Array], Array]
"""(regressor (B, n, p), torque (B, n) [N m]) -> parameters (p,)."""

RIDGE_GRID = (0.01, 0.1, 1.0, 10.0, 100.0)
PULL_GRID = (0.1, 1.0, 10.0, 100.0, 1000.0)


class PhysicalModel:
    """The arm as described, its parameters fitted to the torques of a robot at work.

    Args:
        robots: To fit.

    Attributes:
        nominal: Parameters of the description (p,).
        sizes: How large their differences may be (p,), see `ridge`.
        noise: Unit of each joint's torque [N m], (n,).
        rows: Regressor (T, n, p) and torque (T, n) that may be learned from, by robot.
    """

    def __init__(self, robots: Robots) -> None:
        self.robots = robots
        self.net = robots.family().optimizee
        self._model = PinocchioModel(load_robot(robots.name))
        self._n = self._model.nv
        self.nominal = self._model.inertial_parameters()
        self.links = nearest_physical(self.nominal[: N * self._n].reshape(self._n, N))
        self.noise = np.array(robots.population.units.effort)
        self.sizes = self._sizes()
        self.rows = [self._support(task) for task in range(len(robots))]
        self._inertia_columns: dict[str, list[Tensor]] = {}

    def _sizes(self) -> Array:
        """Return how large parameters may differ (p,): by a mass, and by that at its radius."""
        mass = self.links[:, 0]
        radius = np.sqrt(self.links[:, [4, 6, 9]].sum(1) / mass)
        sizes = np.stack([mass, *[mass * radius] * 3, *[mass * radius**2] * 6], axis=1).ravel()
        return np.concatenate([sizes, np.abs(self.nominal[sizes.size :])])

    def _support(self, task: int) -> tuple[Array, Array]:
        recordings = self.robots.recordings["own_motion"]
        n = recordings.n_support
        q, v, a, tau = (
            getattr(recordings, k)[task, :n].double().numpy() for k in ("q", "v", "a", "tau")
        )
        return self._model.regressor(q, v, a), tau

    def inertia_columns(self, kind: str) -> list[Tensor]:
        """Return X (B, n, n, p) with M(q) = X w at what is held out of a kind, by robot."""
        if kind not in self._inertia_columns:
            positions = self.robots.held_out(kind)[0]["q"].double()
            self._inertia_columns[kind] = [self._columns_at(q) for q in positions]
        return self._inertia_columns[kind]

    def _columns_at(self, q: Tensor) -> Tensor:
        """Return X (B, n, n, p) with M(q) = X w for positions q (B, n)."""
        states, still = q.numpy(), np.zeros(q.shape)
        rest = self._model.regressor(states, still, still)
        columns = [
            self._model.regressor(states, still, np.tile(unit, (len(states), 1))) - rest
            for unit in np.eye(self._n)
        ]
        return torch.from_numpy(np.stack(columns, axis=2)).float()

    def curves(self, fit: Fit, marks: Sequence[int]) -> Array:
        """Return the errors `MEASURED` after the samples of so many steps (tasks, C, 3)."""
        family = self.robots.family()
        rows = []
        for mark in marks:
            w = [
                fit(regressor[(at := samples_after(family, task, mark))], tau[at])
                for task, (regressor, tau) in enumerate(self.rows)
            ]
            rows.append(self._errors(torch.from_numpy(np.stack(w)).float()))
        return np.stack(rows, axis=1)

    def _errors(self, w: Tensor) -> Array:
        def inertia(kind: str, q: Tensor) -> Tensor:
            columns = self.inertia_columns(kind)
            return torch.stack([x @ own for x, own in zip(columns, w, strict=True)])

        return self.robots.errors(self.net, inertia).double().numpy()

    def ridge(self, regressor: Array, tau: Array, strength: float) -> Array:
        """Return the minimum of |(tau - Y w) / effort|^2 + strength |(w - nominal) / size|^2."""
        p = len(self.nominal)
        scaled = (regressor / self.noise[:, None] * self.sizes).reshape(-1, p)
        left = ((tau - regressor @ self.nominal) / self.noise).ravel()
        normal = scaled.T @ scaled + strength * np.eye(p)
        return self.nominal + self.sizes * np.linalg.solve(normal, scaled.T @ left)

    def consistent(self, regressor: Array, tau: Array, strength: float) -> Array:
        """Return parameters of bodies that can exist; rotors stay as described."""
        links = N * self._n
        rotors = self.nominal[links:]
        rest = tau - regressor[..., links:] @ rotors
        none = [np.zeros((len(tau), 0))] * self._n
        moments = Moments.of(regressor[..., :links], none, rest, np.ones_like(rest))
        found = consistent_fit(moments, self.links, self.noise, strength)
        return np.concatenate([found.links.ravel(), rotors])


def physical_curves(
    validation: Robots, test: Robots, marks: Sequence[int]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return curves (1, tasks, C, 3) and strengths (C, 3) of both fits, tuned on `validation`."""
    curves, strengths = {}, {}
    tuned_on, tested_on = PhysicalModel(validation), PhysicalModel(test)
    for name, grid in (("ridge", RIDGE_GRID), ("consistent", PULL_GRID)):
        tuned_fit, fit = getattr(tuned_on, name), getattr(tested_on, name)

        def score(strength: float, fit: Callable[..., Array] = tuned_fit) -> Array:
            return np.log(tuned_on.curves(partial(fit, strength=strength), marks)).mean(0)

        best = bracketed(score, grid)
        result = np.empty((len(test), len(marks), len(MEASURED)))
        for strength in np.unique(best):
            chosen = best == strength
            curves_there = tested_on.curves(partial(fit, strength=float(strength)), marks)
            result[:, chosen] = curves_there[:, chosen]
        curves[f"{name}_nominal"], strengths[f"{name}_nominal"] = result[None], best
    return curves, strengths
