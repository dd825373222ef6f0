# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Computed-torque controller with low gains, to evaluate a model of its torques."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ml3_ros.errors import RobotError
from ml3_ros.robots.base import Array, JointLimits, joint_array, tracking_arrays
from ml3_ros.robots.control.feedforward import Feedforward, FeedforwardConfig, FeedforwardGate
from ml3_ros.robots.control.gains import Gains

_TRUST = FeedforwardConfig()


class ComputedTorque:
    """tau = known(q_ref, v_ref, a_ref) + learned(...) + kp (q_ref - q) + kd (v_ref - v).

    Both feedforwards may be exchanged between any two periods, and either may be missing. `known`
    is taken as it is. `learned` passes a `FeedforwardGate`: bounded, faded in, and out again when
    nobody has exchanged it for too long. They see the reference only, and so do the gains: no
    model, however wrong, can take part in an oscillation. In return kp has to bear the change of
    gravity with q.

    Attributes:
        known: Trusted feedforward, such as `PinocchioModel.rnea`, or None.
        fault: Why less than all of the learned torque was used in the last period, or None.
        kp: Stiffness of this period [N m/rad], (n,).
        kd: Damping of this period [N m s/rad], (n,).
    """

    def __init__(
        self,
        gains: Gains,
        limits: JointLimits,
        *,
        rate: float,
        trust: FeedforwardConfig = _TRUST,
        known: Feedforward | None = None,
    ) -> None:
        """Begin without a learned model.

        Args:
            gains: Of the feedback: `PoseGains`, or `FixedGains`.
            limits: Of the joints; torques stay within the effort limits.
            rate: Control rate, that of the gains [Hz].
            trust: How far the learned torque is trusted.
            known: Trusted feedforward.
        """
        self.known: Feedforward | None = known
        self.fault: str | None = None
        self._n, self._effort, self._dt = len(limits.effort), limits.effort, 1.0 / rate
        self.kp = self.kd = np.zeros(self._n)
        self._gains, self._name = gains, limits.name
        self._gate = FeedforwardGate(limits.effort, trust)
        self._learned: Feedforward | None = None
        self._periods = 0  # since the learned model came

    def reset(self) -> None:
        """Forget the learned model; the next one is faded in anew."""
        self._gate.reset()
        self.exchange(None)

    def trust(self, config: FeedforwardConfig) -> None:
        """Trust the learned torque so far from the next period on; what is let in stays so."""
        self._gate.set(config)

    def exchange(self, learned: Feedforward | None, *, at_once: bool = False) -> None:
        """Use this learned model from the next period on; what is faded in stays so.

        Args:
            learned: The model, or None.
            at_once: Do not fade it in: it is known to fit where the arm is now.
        """
        if at_once:
            self._gate.weight = 1.0
        self._learned, self._periods = learned, 0

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
                `known` something that is not finite; or the torque is not finite.
        """
        q, v, q_ref, v_ref, a_ref = tracking_arrays(self._n, q, v, q_ref, v_ref, a_ref)
        return self.with_feedback(self.feedforward(q_ref, v_ref, a_ref), q, v, q_ref, v_ref)

    def feedforward(self, q_ref: Array, v_ref: Array, a_ref: Array) -> Array:
        """Return the feedforward of a control period [N m], (n,); call it once a period.

        It needs no measurement, so where answers have to be quick it can be had beforehand. The
        period's gains are worked out on the way.

        Raises:
            RobotError: A feedforward returned another shape, or `known` something that is not
                finite.
        """
        n = self._n
        self.kp, self.kd = self._gains(q_ref)
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

        Raises:
            RobotError: The torque is not finite.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            tau = feedforward + self.kp * (q_ref - q) + self.kd * (v_ref - v)
        finite = np.isfinite(tau)
        if not finite.all():
            joint = int(np.argmin(finite))
            raise RobotError(
                f"the torque of joint {self._name(joint)} is {tau[joint]}: it must not be "
                "sent; check the sensors and the reference for numbers that are too large"
            )
        return np.clip(tau, -self._effort, self._effort)
