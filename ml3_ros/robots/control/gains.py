# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Feedback gains of computed torque, scaled by inertia and bounded by the control rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from ml3_ros.errors import ConfigError, RobotError
from ml3_ros.robots.base import Array, RigidBodyModel
from ml3_ros.robots.control.sampled_loop import poses_within, settles

Gains = Callable[[Array], tuple[Array, Array]]  # at a pose: kp [N m/rad], kd [N m s/rad], (n,)

_BORNE = 1.2  # stiffness, as a multiple of what gravity pulls away by
_SHARES = 0.9 ** np.arange(1, 16)  # of a velocity, that damping may take back in a period [-]


class GravityModel(RigidBodyModel, Protocol):
    """What gains are made for; `PinocchioModel` is one. M and gravity_gradient take batches."""

    def gravity_gradient(self, q: Array) -> Array:
        """Return the change of the gravity torque with the position [N m/rad], (n, n)."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class GainConfig:
    """How stiff the feedback is.

    With the defaults a joint's error is taken back with 64 / s^2 and at most 11 / s: less where a
    light arm does not bear that at its rate, more where gravity needs it (`PoseGains`).
    `TrackingController` has 300 / s^2 and 30 / s at 100 Hz, linearises at the measured state, and
    learns what it still lacks: here the feedforward alone makes an arm track well.

    Attributes:
        frequency: Natural frequency of a joint with the others held [rad/s].
        damping: Damping ratio of a joint with the others free [-].
        least_stiffness: Torque per error of the lightest joints, as a share of the effort limit
            [1/rad]. A wrist turns against dry friction that is a hundred times what its inertia
            takes; scaled by inertia alone, feedback could not even hold it where it is.
        rate: Control rate [Hz].
    """

    frequency: float = 8.0
    damping: float = 0.7
    least_stiffness: float = 0.03
    rate: float = 100.0

    def __post_init__(self) -> None:
        """Reject gains without a meaning, or too high for the rate (ConfigError)."""
        for name in ("frequency", "damping", "rate"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) > 0.0):
                raise ConfigError(f"{name} is {getattr(self, name)}: it must be finite and > 0")
        if not 0.0 <= self.least_stiffness < np.inf:
            raise ConfigError(f"least_stiffness is {self.least_stiffness}: it must be >= 0")
        if not 2.0 * self.damping * self.frequency <= 0.5 * self.rate:
            raise ConfigError(
                "2 damping frequency is above half the control rate: lower one of them, sampling "
                "makes the arm unstable"
            )

    def gains(self, M: Array, effort: Array) -> tuple[Array, Array]:
        """Return kp [N m/rad] and kd [N m s/rad], each (..., n), as if torques were not held.

        kp = max(frequency^2 M_ii, least_stiffness effort), kd = 2 damping sqrt(kp / (M^-1)_ii).

        Stiffness counts all that a joint carries. Damping counts what the joint feels while the
        others give way, a third of that: held for a period, more makes a light arm unstable.

        Args:
            M: Inertia matrix [kg m^2], (..., n, n).
            effort: Effort limits [N m], (n,); where infinite, inertia alone counts.
        """
        bounded = np.where(np.isfinite(effort), effort, 0.0)
        kp = np.maximum(self.frequency**2 * _diagonal(M), self.least_stiffness * bounded)
        inverse = np.asarray(np.linalg.inv(M), dtype=np.float64)
        return kp, 2.0 * self.damping * np.sqrt(kp / _diagonal(inverse))


class FixedGains:
    """The gains of one pose, used at all poses: for motions around it, answered on time."""

    def __init__(self, config: GainConfig, M: ArrayLike, effort: Array) -> None:
        """Work them out.

        Args:
            config: How stiff.
            M: Inertia matrix at that pose, with the largest payload [kg m^2], (n, n).
            effort: Effort limits [N m], (n,).

        Raises:
            RobotError: M has another size than the limits, or is not positive definite.
        """
        n, inertia = len(effort), np.asarray(M, dtype=np.float64)
        if inertia.shape != (n, n):
            raise RobotError(f"M has shape {inertia.shape}, but there are {n} joints")
        if not (np.isfinite(inertia).all() and np.linalg.eigvalsh(inertia)[0] > 0.0):
            raise RobotError("M is not positive definite: give the inertia matrix at home")
        self.kp, self.kd = config.gains(inertia, effort)

    def __call__(self, q: Array) -> tuple[Array, Array]:
        """Return kp [N m/rad] and kd [N m s/rad], (n,)."""
        return self.kp, self.kd


class PoseGains:
    """The gains of each pose, such that in no pose the arm shakes, or falls off its reference.

    They begin as those of `GainConfig` with the heaviest arm's inertia at that pose. Then

    1. kp is raised to bear what gravity pulls the arm away by, P, the positive part of -dg/dq of
       the arm as described: joint i by the factor 1.2 sum_j |kp^-1/2 P kp^-1/2|_ij if that is
       above 1, kd by its root.
    2. kd is lowered to what the lightest arm bears: by share / sum_j |N_ij| if that is below 1,
       N = kd^1/2 M^-1 kd^1/2 / rate. No motion then has more than `share` of its velocity taken
       back in a period. kp goes down with the square, which leaves the damping ratio.
    3. kp is raised again where it no longer bears gravity.

    Both sums bound a matrix by a diagonal one: each joint gives as much as it takes part in what
    is too fast or too weak, the others stay. `share` is the largest with which the loop `settles`
    at poses all over the position limits, for the arm as described and for the heaviest.

    Attributes:
        share: Of a velocity, that damping may take back in a period [-].
    """

    def __init__(
        self, config: GainConfig, described: GravityModel, heaviest: GravityModel, home: Array
    ) -> None:
        """Find the share.

        Args:
            config: How stiff the feedback is meant to be.
            described: The arm without payload.
            heaviest: The arm as heavy as it may be.
            home: A pose that counts with the random ones [rad], (n,).

        Raises:
            ConfigError: There is none: the rate is too low for the arm.
            RobotError: The limits, inertia or gravity of an arm have no meaning.
        """
        self._config, self._described, self._heaviest = config, described, heaviest
        self.share = float(_SHARES[0])
        try:
            self._find_share(home)
        except np.linalg.LinAlgError:  # singular, or not finite
            raise RobotError(
                "the arm's inertia or gravity is no number in some pose, or it has no inertia: "
                "correct the masses in the robot's description"
            ) from None

    def _find_share(self, home: Array) -> None:
        config, described, heaviest = self._config, self._described, self._heaviest
        poses = poses_within(described.limits, home)
        arms = described.M(poses), heaviest.M(poses), described.gravity_gradient(poses)
        suspect = 0  # the pose that failed last is looked at first: large arms take their time
        for share in _SHARES:
            self.share = float(share)
            for some in ([suspect], list(range(len(poses)))):
                M, heavy, G = (x[some] for x in arms)
                kp, kd = self._bearable(M, heavy, G)
                good = settles(M, G, kp, kd, config.rate)
                good &= settles(heavy, np.zeros_like(G), kp, kd, config.rate)
                if not good.all():
                    break
            else:
                return
            failed = int(np.argmin(good))
            suspect, weakest = some[failed], int(np.argmax(kp[failed] / kd[failed]))
        raise ConfigError(
            f"{described.names[weakest]} shakes or falls at {config.rate:g} Hz whatever its "
            "gains, it is too light for its weight: raise the rate"
        )

    def __call__(self, q: Array) -> tuple[Array, Array]:
        """Return kp [N m/rad] and kd [N m s/rad], (n,), at the pose q [rad] (n,)."""
        arm = self._described
        return self._bearable(arm.M(q), self._heaviest.M(q), arm.gravity_gradient(q))

    def _bearable(self, M: Array, heavy: Array, G: Array) -> tuple[Array, Array]:
        """Return kp, kd, each (..., n), at poses with these inertias and gravity gradients."""
        pull = _pulling_away(G)
        kp, kd = self._config.gains(heavy, self._described.limits.effort)
        raised = np.maximum(1.0, _BORNE * _row_sums(pull, 1.0 / kp))
        kp, kd = kp * raised, kd * np.sqrt(raised)
        inverse = np.asarray(np.linalg.inv(M), dtype=np.float64)
        taken = _row_sums(inverse / self._config.rate, kd)
        lowered = np.minimum(1.0, self.share / taken)
        kp, kd = kp * lowered**2, kd * lowered
        return kp * np.maximum(1.0, _BORNE * _row_sums(pull, 1.0 / kp)), kd


def _pulling_away(G: Array) -> Array:
    """Return the part of -G that is positive, with which gravity pulls an arm off its pose."""
    strength, modes = np.linalg.eigh(-G)
    return np.asarray(
        (modes * np.maximum(strength, 0.0)[..., None, :]) @ np.swapaxes(modes, -1, -2)
    )


def _row_sums(A: Array, k: Array) -> Array:
    """Return the sums of |k^1/2 A k^1/2| over rows, (..., n)."""
    root = np.sqrt(k)
    return np.asarray(np.abs(A * root[..., :, None] * root[..., None, :]).sum(axis=-1))


def _diagonal(M: Array) -> Array:
    return np.diagonal(M, axis1=-2, axis2=-1)
