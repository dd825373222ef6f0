# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Payload of an identified arm from a short motion: mass, centre of mass, inertia, with intervals.

What the effort of a known arm lacks is that of a body at its last link, linear in ten parameters:

    effort_j - effort_j(arm) = g_j Y_j,last delta + drift_j

They are fitted as those of a body that can exist; friction may drift a little since the arm was
identified. Samples are taken in one after the other, in a robot's control loop too, and only sums
are kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ml3_ros.errors import ConfigError, DataError
from ml3_ros.identification.physical.identified import IdentifiedArm
from ml3_ros.identification.physical.identified_file import model_of
from ml3_ros.identification.physical.inertia import N, centre_and_tensor, ten_parameters
from ml3_ros.identification.physical.prior import divergence
from ml3_ros.identification.split import DISPLACEMENTS

Array = NDArray[np.float64]
DRIFT = 3  # columns of a joint's friction that may have changed: v, sign v, 1
RADIUS = 0.15  # of the ball that an unknown payload is pulled to [m]
PULL = 1.0  # strength of that pull, as of one fact about the payload
CHUNK = 50  # samples that count as one independent look at the payload, about half a second
DRAWS = 2000
LEVEL = 0.9
STEPS = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class PayloadConfig:
    """Settings of a payload estimate."""

    mass: float = 1.0  # about what an unknown payload weighs [kg]
    drift: float = 0.1  # how far friction may have changed, as a share of each joint's own [-]

    def __post_init__(self) -> None:
        if not (self.mass > 0.0 and self.drift >= 0.0):
            raise ConfigError(f"mass must be > 0 kg and drift >= 0, got {self.mass}, {self.drift}")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Payload:
    """Estimate: ten parameters (10,) in the frame of the last joint, and 90 % intervals (2, ...).

    `mass` [kg], `centre` [m] (3,) in that frame, `inertia` [kg m^2] (3, 3) about the centre.
    """

    parameters: Array
    covariance: Array
    mass: float
    centre: Array
    inertia: Array
    mass_interval: Array
    centre_interval: Array
    inertia_interval: Array
    samples: int
    arm: IdentifiedArm


class PayloadEstimator:
    """Recursive estimate of what an identified arm carries.

    Args:
        arm: As identified before it gripped something.
        config: Settings.
        expected: An earlier estimate, for how the payload loads the gears.

    Raises:
        DataError: The arm carries no usable URDF.
    """

    def __init__(
        self,
        arm: IdentifiedArm,
        config: PayloadConfig | None = None,
        expected: Payload | None = None,
    ) -> None:
        self.arm, self.config = arm, config or PayloadConfig()
        self._model = model_of(arm)
        n = len(arm.names)
        self._size = N + DRIFT * n
        self._chunks: list[Array] = []
        self._open = np.zeros((self._size + 1, self._size + 1))
        self._in_open = self._samples = 0
        self._last_q: Array | None = None
        self._strain = np.zeros((n, len(DISPLACEMENTS)))
        self._delta = np.zeros(N) if expected is None else expected.parameters
        self._friction_power = np.zeros(n)

    @property
    def samples(self) -> int:
        """Number of samples taken in."""
        return self._samples

    def update(
        self, q: Array, v: Array, a: Array, tau: Array, strain: Array | None = None
    ) -> None:
        """Take in samples (n,) or (B, n), in the order of time.

        Args:
            q: Positions [rad].
            v: Velocities [rad/s].
            a: Accelerations [rad/s^2].
            tau: Efforts, in the unit of those that the arm was identified from.
            strain: Presliding states (B, n, D) [-], where they are known; else from `q`.

        Raises:
            DataError: Shapes do not fit or a value is not finite; nothing was changed.
        """
        n = len(self.arm.names)
        q, v, a, tau = (np.atleast_2d(np.asarray(x, dtype=float)) for x in (q, v, a, tau))
        for name, x in (("q", q), ("v", v), ("a", a), ("tau", tau)):
            if x.shape != (len(q), n) or not np.isfinite(x).all():
                raise DataError(f"{name} must be ({n},) or (B, {n}), all alike and finite")
        strain = self._strained(q) if strain is None else strain
        regressor = self._model.regressor(q, v, a)[..., : N * n]
        last = regressor[..., -N:]
        rigid = self.arm.rigid_torque(regressor)
        load = rigid + last @ self._delta
        friction = self.arm.friction(v, a, strain, load)
        left = tau - self.arm.gains * rigid - friction
        self._friction_power += (friction**2).sum(axis=0)
        rows = np.zeros((len(q), n, self._size + 1))
        rows[..., :N] = self.arm.gains[:, None] * last
        for j in range(n):
            at = N + DRIFT * j
            rows[:, j, at : at + DRIFT] = np.stack(
                [v[:, j], np.sign(v[:, j]), np.ones(len(v))], axis=-1
            )
        rows[..., -1] = left
        rows /= self.arm.noise[:, None]
        self._add(rows)

    def _strained(self, q: Array) -> Array:
        states = np.empty((*q.shape, len(DISPLACEMENTS)))
        for k, position in enumerate(q):
            if self._last_q is not None:
                step = (position - self._last_q)[:, None] / DISPLACEMENTS
                self._strain = np.clip(self._strain + step, -1.0, 1.0)
            self._last_q, states[k] = position, self._strain
        return states

    def _add(self, rows: Array) -> None:
        while len(rows):
            part, rows = rows[: CHUNK - self._in_open], rows[CHUNK - self._in_open :]
            flat = part.reshape(-1, part.shape[-1])
            self._open = self._open + flat.T @ flat
            self._in_open += len(part)
            self._samples += len(part)
            if self._in_open == CHUNK:
                self._chunks.append(self._open)
                self._open, self._in_open = np.zeros_like(self._open), 0

    def estimate(self) -> Payload:
        """Return the payload that fits all samples so far.

        Raises:
            DataError: Fewer than two seconds or so were seen.
        """
        chunks = np.array([*self._chunks, *([self._open] if self._in_open else [])])
        if len(chunks) < 4:
            raise DataError(
                f"{self._samples} samples are too few for a payload: move for some seconds"
            )
        worth = _worth(chunks, self._size)
        x = _fitted(chunks.sum(axis=0) * worth, self._nominal(), self._drift_precision())
        self._delta = x[:N]
        covariance = self._covariance(chunks, x, worth)
        return _payload(self, x[:N], covariance)

    def _nominal(self) -> Array:
        ball = np.diag([RADIUS**2, RADIUS**2, RADIUS**2, 1.0]) * self.config.mass
        return ten_parameters(ball)

    def _drift_precision(self) -> Array:
        """Return 1 / variance of the drifts (3 n,): each column a share of a joint's friction."""
        level = np.sqrt(self._friction_power / self._samples) * self.config.drift
        level = np.maximum(level, 1e-6 * self.arm.noise)
        return np.repeat(1.0 / level**2, DRIFT)

    def _covariance(self, chunks: Array, x: Array, worth: float) -> Array:
        """Return the covariance (10, 10) of the parameters, sandwiched between chunks of time."""
        size = self._size
        hessian = chunks.sum(axis=0)[:size, :size] * worth
        pull = divergence(x[None, :N], self._nominal()[None])
        assert pull is not None
        hessian[:N, :N] += PULL * pull.hessian[0]
        hessian[N:, N:] += np.diag(self._drift_precision())
        scores = worth * (chunks[:, :size, -1] - chunks[:, :size, :size] @ x)
        spread = scores.T @ scores * len(chunks) / max(len(chunks) - 1, 1)
        inverse = np.linalg.inv(hessian)
        # what samples and priors promise, and on top how chunks of time really scatter
        sandwich = inverse @ spread @ inverse
        covariance = (sandwich + inverse)[:N, :N]
        # a wrong scale of the arm's masses is a wrong scale of the payload's
        return covariance + self.arm.scale_spread**2 * np.outer(x[:N], x[:N])


def _worth(chunks: Array, size: int) -> float:
    """Return how many independent samples of noise 1 a sample is worth, at most 1.

    Were samples independent, the scores of chunks would scatter as the columns' power tells; as
    what a model lacks lasts longer than a sample, they scatter more.
    """
    whole = chunks.sum(axis=0)
    power = np.diag(whole)[:size]
    seen = power > 1e-9 * power.max()
    normal = whole[:size, :size] + 1e-9 * np.diag(power)
    x = np.append(-np.linalg.lstsq(normal, whole[:size, -1], rcond=None)[0], 1.0)
    scores = (chunks @ x)[:, :size][:, seen]
    scatter = float((np.square(scores).sum(axis=0) / power[seen]).mean())
    return float(np.clip(1.0 / max(scatter, 1.0), 1e-4, 1.0))


def _fitted(whole: Array, nominal: Array, precision: Array) -> Array:
    """Return (delta, drifts): Newton steps on the fit with its pull to a body."""
    size = len(whole) - 1
    x = np.concatenate([nominal, np.zeros(size - N)])

    def value(x: Array) -> float:
        pull = divergence(x[None, :N], nominal[None])
        if pull is None:
            return np.inf
        y = np.append(x, -1.0)
        return float(0.5 * y @ whole @ y + PULL * pull.value + 0.5 * precision @ x[N:] ** 2)

    for _ in range(STEPS):
        pull = divergence(x[None, :N], nominal[None])
        assert pull is not None
        gradient = whole[:size, :size] @ x - whole[:size, -1]
        hessian = whole[:size, :size].copy()
        gradient[:N] += PULL * pull.gradient
        gradient[N:] += precision * x[N:]
        hessian[:N, :N] += PULL * pull.hessian[0]
        hessian[N:, N:] += np.diag(precision)
        step = -np.linalg.solve(hessian, gradient)
        decrement, now, share = -0.5 * float(gradient @ step), value(x), 1.0
        if decrement < 1e-9 * (1.0 + abs(now)):
            break
        while value(x + share * step) > now - 0.2 * share * decrement and share > 1e-12:
            share *= 0.5
        x = x + share * step
    return x


def _payload(estimator: PayloadEstimator, delta: Array, covariance: Array) -> Payload:
    """Return the estimate with intervals from draws about it."""
    mass, centre, inertia = centre_and_tensor(delta)
    rng = np.random.default_rng(0)
    values, vectors = np.linalg.eigh(0.5 * (covariance + covariance.T))
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    draws = delta + rng.normal(size=(DRAWS, N)) @ root.T
    draws = draws[draws[:, 0] > 0.02 * mass]
    each = [centre_and_tensor(draw) for draw in draws]
    ends = [50.0 * (1.0 - LEVEL), 50.0 * (1.0 + LEVEL)]
    intervals = [np.percentile([e[k] for e in each], ends, axis=0) for k in range(3)]
    arm = estimator.arm
    links = arm.links.copy()
    links[-1] += delta
    return Payload(
        parameters=delta,
        covariance=covariance,
        mass=mass,
        centre=centre,
        inertia=inertia,
        mass_interval=intervals[0],
        centre_interval=intervals[1],
        inertia_interval=intervals[2],
        samples=estimator.samples,
        arm=replace(arm, links=links),
    )
