"""Computed torque with low gains: a model says what a motion takes, feedback adds very little."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ml3_ros.errors import ConfigError, RobotError
from ml3_ros.robots.base import Array, JointLimits, joint_array, tracking_arrays
from ml3_ros.robots.feedforward import Feedforward, FeedforwardConfig, FeedforwardGate

_TRUST = FeedforwardConfig()


@dataclass(frozen=True, kw_only=True, slots=True)
class GainConfig:
    """How stiff the feedback is.

    With the defaults a joint's error is taken back with 64 / s^2 and at most 11 / s, where
    `TrackingController` has 300 / s^2 and 30 / s, linearises at the measured state, and learns
    what it still lacks: here the feedforward alone makes an arm track well.

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
        """Refuse gains without a meaning, or too high for the rate (ConfigError)."""
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
        """Return kp [N m/rad] and kd [N m s/rad], (n,).

        kp = max(frequency^2 M_ii, least_stiffness effort), kd = 2 damping sqrt(kp / (M^-1)_ii).

        Stiffness counts all that a joint carries. Damping counts what the joint feels while the
        others give way, a third of that: held for a period, more makes a light arm unstable.

        Args:
            M: Inertia matrix at home [kg m^2], (n, n).
            effort: Effort limits [N m], (n,); where infinite, inertia alone counts.
        """
        bounded = np.where(np.isfinite(effort), effort, 0.0)
        kp = np.maximum(self.frequency**2 * M.diagonal(), self.least_stiffness * bounded)
        return kp, 2.0 * self.damping * np.sqrt(kp / np.linalg.inv(M).diagonal())


class ComputedTorque:
    """tau = known(q_ref, v_ref, a_ref) + learned(...) + kp (q_ref - q) + kd (v_ref - v).

    Both feedforwards may be exchanged between any two periods, and either may be missing. `known`
    is taken as it is. `learned` passes a `FeedforwardGate`: bounded, faded in, and out again when
    nobody has exchanged it for too long. They see the reference only, so no model, however wrong,
    can take part in an oscillation. In return kp has to bear the change of gravity with q: M is
    that of the arm with its largest payload.

    Attributes:
        known: Trusted feedforward, such as `PinocchioModel.rnea`, or None.
        fault: Why less than all of the learned torque was used in the last period, or None.
        kp: Stiffness [N m/rad], (n,).
        kd: Damping [N m s/rad], (n,).
    """

    def __init__(
        self,
        M: ArrayLike,
        limits: JointLimits,
        *,
        gains: GainConfig = GainConfig(),
        trust: FeedforwardConfig = _TRUST,
        known: Feedforward | None = None,
    ) -> None:
        """Begin without a learned model.

        Args:
            M: Inertia matrix at home, with the largest payload [kg m^2], (n, n).
            limits: Of the joints; torques stay within the effort limits.
            gains: Of the feedback.
            trust: How far the learned torque is trusted.
            known: Trusted feedforward.

        Raises:
            RobotError: M has another size than the limits, or is not positive definite.
        """
        n = len(limits.effort)
        inertia = np.asarray(M, dtype=np.float64)
        if inertia.shape != (n, n):
            raise RobotError(f"M has shape {inertia.shape}, but there are {n} joints")
        if not (np.isfinite(inertia).all() and np.linalg.eigvalsh(inertia)[0] > 0.0):
            raise RobotError("M is not positive definite: give the inertia matrix at home")
        self.known: Feedforward | None = known
        self.fault: str | None = None
        self.kp, self.kd = gains.gains(inertia, limits.effort)
        self._n, self._effort, self._dt = n, limits.effort, 1.0 / gains.rate
        self._gate = FeedforwardGate(limits.effort, trust)
        self.reset()

    def reset(self) -> None:
        """Forget the learned model; the next one is faded in anew."""
        self._gate.reset()
        self.exchange(None)

    def exchange(self, learned: Feedforward | None, *, at_once: bool = False) -> None:
        """Use this learned model from the next period on; what is faded in stays so.

        Args:
            learned: The model, or None.
            at_once: Do not fade it in: it is known to fit where the arm is now.
        """
        if at_once:
            self._gate.weight = 1.0
        self._learned: Feedforward | None = learned
        self._periods = 0  # since it came

    def torque(
        self,
        q: ArrayLike,
        v: ArrayLike,
        q_ref: ArrayLike,
        v_ref: ArrayLike | None = None,
        a_ref: ArrayLike | None = None,
    ) -> Array:
        """Return the full joint torque for the next control period; call it once a period.

        Args:
            q: Measured positions [rad], (n,).
            v: Measured velocities [rad/s], (n,).
            q_ref: Reference positions now [rad], (n,).
            v_ref: Reference velocities [rad/s], (n,); default zero.
            a_ref: Reference accelerations [rad/s^2], (n,); default zero.

        Returns:
            tau [N m], (n,), within the effort limits.

        Raises:
            RobotError: Wrong shape or not finite; or a feedforward returned another shape, or
                `known` something that is not finite.
        """
        q, v, q_ref, v_ref, a_ref = tracking_arrays(self._n, q, v, q_ref, v_ref, a_ref)
        return self.with_feedback(self.feedforward(q_ref, v_ref, a_ref), q, v, q_ref, v_ref)

    def feedforward(self, q_ref: Array, v_ref: Array, a_ref: Array) -> Array:
        """Return the feedforward of a control period [N m], (n,); call it once a period.

        It needs no measurement, so where answers have to be quick it can be had beforehand.

        Raises:
            RobotError: A feedforward returned another shape, or `known` something that is not
                finite.
        """
        n = self._n
        learned = None
        if self._learned is not None:
            learned = np.asarray(self._learned(q_ref, v_ref, a_ref), dtype=np.float64)
            if learned.shape != (n,):
                raise RobotError(
                    f"the learned feedforward has shape {learned.shape}: it must return ({n},)"
                )
        trusted = self._gate.passed(learned, self._periods * self._dt, self._dt)
        self._periods += 1
        self.fault = trusted.fault
        if self.known is None:
            return trusted.tau
        known = joint_array(self.known(q_ref, v_ref, a_ref), n, "the known feedforward")
        return known + trusted.tau

    def with_feedback(
        self, feedforward: Array, q: Array, v: Array, q_ref: Array, v_ref: Array
    ) -> Array:
        """Return the full joint torque [N m], within the effort limits; all arguments are (n,).

        Args:
            feedforward: Of this period [N m].
            q: Measured positions [rad].
            v: Measured velocities [rad/s].
            q_ref: Reference positions now [rad].
            v_ref: Reference velocities now [rad/s].
        """
        tau = feedforward + self.kp * (q_ref - q) + self.kd * (v_ref - v)
        return np.clip(tau, -self._effort, self._effort)
