# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Adaptive tracking controller, for low rates and models whose payload is unknown."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from ml3_ros.errors import ConfigError, RobotError
from ml3_ros.robots.base import Array, RigidBodyModel, tracking_arrays
from ml3_ros.robots.control.sampled_loop import poses_within, settles

_FRICTION_VELOCITY = 0.1  # [rad/s] over which the estimated dry friction changes sign
_FASTEST = 2.0  # of the velocity limits; what is measured beyond is not learned from
_MODES = 100  # of the sampled loop that are checked
_LEARNED_SHARE = 0.5  # of the effort limit that the learned torque may take


class TrackingModel(RigidBodyModel, Protocol):
    """What the controller needs of its model; `PinocchioModel` is one. M takes batches, too."""

    def gravity_gradient(self, q: Array) -> Array:
        """Return the change of the gravity torque with q [N m/rad]: (n, n), or (B, n, n)."""
        ...

    def payload_torque(self, q: Array, v: Array, a: Array) -> Array:
        """Return what a point mass of 1 kg at the tool adds to rnea [N m/kg], (n,)."""
        ...


class TrackingController:
    """PD control of the acceleration, with gravity and all else the model knows fed forward.

    tau = rnea(q, v, a_ref + kp (q_ref - q) + kd (v_ref - v)) + learned(q_ref, v_ref, a_ref)

    so that a joint's gains scale with its inertia. Torques are held for a control period and often
    arrive one period late, hence kd = gain / period; kp = kd^2 / 3 damps a little less than
    critically. On light wrist joints such gains are too small to lift an unknown payload or to
    break friction loose. Therefore a few parameters are learned while tracking, from the feedback
    torque M (kp e + kd de) as the error of the feedforward torque (Kawato 1987): a payload at the
    tool and, for each joint, dry and viscous friction and a constant.
    """

    _kp: float  # [1/s^2]
    _kd: float  # [1/s]

    def __init__(
        self,
        model: TrackingModel,
        *,
        rate: float = 100.0,
        gain: float = 0.3,
        adaptation: float = 3.0,
    ) -> None:
        """Start with nothing learned.

        Args:
            model: The arm as far as it is known.
            rate: Control rate [Hz].
            gain: Share of the velocity error that one period may take back, kd / rate [-]; 0.3 is
                stable with up to two periods of delay, smaller is slower and bears more.
            adaptation: Rate at which parameters are learned [1/s]; 0: never.

        Raises:
            ConfigError: rate, gain or adaptation out of range, or too low for the arm: the gravity
                torque that is compensated is that of a period or two ago, and too late where the
                arm is small or upright.
            RobotError: The model's inertia or gravity has no meaning.
        """
        if not (np.isfinite(rate) and rate > 0.0):
            raise ConfigError(f"rate is {rate}: it must be > 0 Hz")
        if not 0.0 <= adaptation <= 0.1 * rate:
            raise ConfigError(f"adaptation is {adaptation}: it must be in [0, rate / 10]")
        self._model, self._rate = model, rate
        self._step = adaptation / rate
        velocity = model.limits.velocity
        self._viscous_unit = np.where(velocity > 0.0, velocity, 1.0)  # of joints that may not move
        self._modes = self._modes_of_gravity()
        self.set_gain(gain)
        self._payload = 0.0  # [kg]
        # Of each joint: dry friction, viscous friction at the velocity limit, constant [N m].
        self._joint = np.zeros((3, model.nv))

    def set_gain(self, gain: float) -> None:
        """Use another gain from the next period on; what was learned stays.

        Raises:
            ConfigError: See `__init__`; the gain stays as it was.
        """
        self.check_gain(gain)
        self._kd, self._kp = self._gains(gain)

    def check_gain(self, gain: float) -> None:
        """Reject a sampled loop that is unstable anywhere within the position limits.

        Raises:
            ConfigError: It is, or the gain is out of range.
        """
        if not 0.0 < gain <= 0.5:
            raise ConfigError(
                f"gain is {gain}: it must be in (0, 0.5], above sampling makes the arm unstable"
            )
        modes = self._modes[:, None]
        kd, kp = (np.full_like(modes, value) for value in self._gains(gain))
        one = np.ones((len(modes), 1, 1))
        if not settles(one, modes[:, None], kp - modes, kd, self._rate).all():
            raise ConfigError(
                f"at {self._rate:g} Hz and gain {gain:g} the arm shakes or falls in some pose, "
                "its gravity is compensated too late: raise the rate or gain"
            )

    def _gains(self, gain: float) -> tuple[float, float]:
        kd = gain * self._rate
        return kd, kd**2 / 3.0

    def _modes_of_gravity(self) -> Array:
        """Return a selection of the loop's modes in poses all over the position limits, (K,).

        With the model's inertia the loop falls apart into joints of inertia 1, one for each mode
        of gravity: a = -g e + held(g e - kp e - kd v), g an eigenvalue of M^-1 dg/dq [1/s^2].
        The extremes are among them; some in between suffice, as a gain is checked while the arm
        waits for torques.
        """
        limits = self._model.limits
        poses = poses_within(limits, np.clip(0.0, limits.lower, limits.upper))
        M, G = self._model.M(poses), self._model.gravity_gradient(poses)
        try:
            modes = np.sort(np.linalg.eigvals(np.linalg.solve(M, G)).real, axis=None)
        except np.linalg.LinAlgError:  # singular, or not finite
            raise RobotError(
                "the arm's inertia or gravity is no number in some pose, or it has no inertia: "
                "correct the masses in the robot's description"
            ) from None
        chosen = np.linspace(0, len(modes) - 1, min(len(modes), _MODES)).round().astype(int)
        return np.asarray(modes[chosen])

    def reset(self) -> None:
        """Forget what was learned."""
        self._payload = 0.0
        self._joint = np.zeros((3, self._model.nv))

    @property
    def payload(self) -> float:
        """Estimated mass at the tool [kg] beyond the model's."""
        return self._payload

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
            RobotError: Wrong shape or not finite, also of the torque; nothing is learned from it.
        """
        arrays = tracking_arrays(self._model.nv, q, v, q_ref, v_ref, a_ref)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return self._torque(*arrays)

    def _torque(self, q: Array, v: Array, q_ref: Array, v_ref: Array, a_ref: Array) -> Array:
        feedback = self._kp * (q_ref - q) + self._kd * (v_ref - v)
        effort = self._model.limits.effort
        per_kg = self._model.payload_torque(q_ref, v_ref, a_ref)
        features = np.stack(
            (
                np.tanh(v_ref / _FRICTION_VELOCITY),
                v_ref / self._viscous_unit,
                np.ones_like(v_ref),
            )
        )
        learned = self._payload * per_kg + (self._joint * features).sum(axis=0)
        kept = np.clip(learned, -_LEARNED_SHARE * effort, _LEARNED_SHARE * effort)
        tau = self._model.rnea(q, v, a_ref + feedback) + kept
        finite = np.isfinite(tau)
        if not finite.all():
            joint = int(np.argmin(finite))
            raise RobotError(
                f"the torque of {self._model.names[joint]} is {tau[joint]}: it must not be sent; "
                "check the sensors and the reference for numbers that are too large, and the "
                "masses in the robot's description"
            )
        # errors of a saturated arm or a wrong sensor hold no information about the parameters
        possible = np.abs(v) <= _FASTEST * self._model.limits.velocity
        if (np.abs(tau) <= effort).all() and possible.all():
            M = self._model.M(q)
            error = M @ feedback
            error[(kept != learned) & (error * learned > 0.0)] = 0.0  # no windup
            self._learn(error, M.diagonal(), per_kg, features)
        limited: Array = np.clip(tau, -effort, effort)
        return limited

    def _learn(self, error: Array, inertia: Array, per_kg: Array, features: Array) -> None:
        """Move all parameters one step; weights 1 / M_ii make the joints comparable."""
        weighted = per_kg / inertia
        # The second term: where 1 kg accelerates the joints by less than 1 rad/s^2, as it does an
        # arm at rest in a horizontal plane, errors hold little information about the payload.
        size = weighted @ per_kg + inertia.sum()
        payload = self._payload + self._step * float(weighted @ error / size)
        joint = self._joint + self._step * features * error
        if np.isfinite(payload) and np.isfinite(joint).all():  # what is not would stay for good
            self._payload, self._joint = payload, joint
