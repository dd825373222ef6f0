# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Closed loop of an arm along a reference: simulates it and returns its tracking errors."""

import math
from typing import Protocol

import numpy as np

from ml3_ros.errors import RobotError
from ml3_ros.experiments.tracking.learners import Stream
from ml3_ros.robots.base import ArmState, Array
from ml3_ros.robots.control.computed_torque import ComputedTorque


class MovingArm(Protocol):
    """What the loop needs of an arm."""

    def state(self) -> ArmState:
        """Return the newest measurement."""
        ...

    def step(self, tau: Array, dt: float) -> ArmState:
        """Let dt [s] pass, at the end of which tau [N m] (n,) is reached."""
        ...


class Reference(Protocol):
    """A motion that is to be followed; `robots.trajectories.Excitation` is one."""

    def at(self, t: Array) -> tuple[Array, Array, Array]:
        """Return q, v, a, each (T, n), at times t (T,) [s]."""
        ...


class ClosedLoop:
    """Follows a reference period by period, learning on the way if there is a stream.

    The motors give a torque at the end of the period for which it is commanded, so that is the
    instant of the reference that is fed forward.

    Args:
        arm: At the reference's start, at rest.
        controller: Gets every model that the stream learns.
        reference: From time 0 on.
        rate: Control rate [Hz].
        stream: Learns from what the arm measures, or None.
    """

    def __init__(
        self,
        arm: MovingArm,
        controller: ComputedTorque,
        reference: Reference,
        rate: float,
        stream: Stream | None = None,
    ) -> None:
        self._arm, self._controller, self._stream = arm, controller, stream
        self._reference, self._rate = reference, rate
        self._periods = 0
        self.lost = False  # the arm diverged; it moves no more

    def run(self, until: float) -> Array:
        """Go on until that time [s]; return q - q_ref [rad] at the end of each period, (T, n).

        Once the arm has diverged the error is infinite.
        """
        last = round(until * self._rate)
        times = np.arange(self._periods, last + 1) / self._rate
        q_ref, v_ref, a_ref = self._reference.at(times)
        errors = np.full((len(times) - 1, q_ref.shape[1]), math.inf)
        state = self._arm.state()
        for i in range(len(errors)):
            if self.lost:
                break
            try:
                ahead = self._controller.feedforward(q_ref[i + 1], v_ref[i + 1], a_ref[i + 1])
                tau = self._controller.with_feedback(ahead, state.q, state.v, q_ref[i], v_ref[i])
                state = self._arm.step(tau, 1.0 / self._rate)
            except RobotError:
                self.lost = True
                break
            errors[i] = state.q - q_ref[i + 1]
            if self._stream is not None:
                model = self._stream.measure(state.t, state.q, state.v, state.tau)
                if model is not None:
                    self._controller.exchange(model)
        self._periods = last
        return errors


def rms(errors: Array) -> Array:
    """Return the root mean square over time of errors (T, n): (n,)."""
    return np.asarray(np.sqrt(np.square(errors).mean(axis=0)))


def running_rms(errors: Array, window: int) -> Array:
    """Return the mean over joints of their RMS over the last `window` periods, (T,).

    Entry k is over periods k - window + 1, ..., k; entries before the first full window are NaN.
    """
    result = np.full(len(errors), np.nan)
    for k in range(window - 1, len(errors)):
        result[k] = rms(errors[k - window + 1 : k + 1]).mean()
    return result


def recovery(level: Array, rate: float, before: float, share: float) -> float:
    """Return after how many seconds the level is at most `share` times that before, for good.

    Args:
        level: Running error from the change on (T,), entry k at time (k + 1) / rate.
        rate: Of entries [Hz].
        before: The level before the change.
        share: How much higher still counts as recovered [-].

    Returns:
        0 if it never rose above that; infinity if it is above it at the end, or not a number.
    """
    above = np.flatnonzero(~(level <= share * before))
    if len(above) == 0:
        return 0.0
    if above[-1] == len(level) - 1:
        return math.inf
    return float((above[-1] + 2) / rate)  # the first entry that is below and stays
