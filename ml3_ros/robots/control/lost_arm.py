# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""An arm that does not follow its reference: when it counts as held, and what to say of that."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import numpy as np

from ml3_ros.errors import ConfigError
from ml3_ros.robots.base import Array

STILL, LED = 0.01, 0.05  # [rad/s] an arm stands, a reference moves
LATELY_S = 30.0  # losses are remembered for so long
OFTEN = 3  # losses within that time are no accident


class Standstill:
    """Notices that no joint moves although the reference does: somebody else holds the arm.

    A driver that has not been enabled does, and a hand. A reference that runs away from such an
    arm would tear it along once it is let go.
    """

    _patience: float  # [s]

    def __init__(self, patience: float) -> None:
        """Bear it for `patience` [s]; 0: for ever.

        Raises:
            ConfigError: `patience` is NaN or below 0.
        """
        self.be_patient(patience)
        self._since: float | None = None

    def be_patient(self, patience: float) -> None:
        """Bear it for `patience` [s] from when it began; see `__init__`."""
        if not patience >= 0.0:
            raise ConfigError(f"patience is {patience}: it must be >= 0 s")
        self._patience = patience

    def lasts(self, t: float, v: Array, v_ref: Array) -> bool:
        """Return whether it has lasted too long at time t [s]; v, v_ref [rad/s] are (n,)."""
        if not (np.abs(v).max() <= STILL and np.abs(v_ref).max() >= LED):
            self._since = None
        elif self._since is None or not self._since <= t:  # a clock set back, or NaN
            self._since = t
        return self._since is not None and 0.0 < self._patience <= t - self._since


class LostArm:
    """Notices an arm that its reference has left behind, and how often that happens.

    Once is what a hand on the arm does, or a driver that is not enabled. Again and again it may
    also be a controller too soft to break the arm loose from dry friction in time.
    """

    _lost_error: float  # [rad]
    _patience: float  # [s]

    def __init__(
        self,
        lost_error: float,
        patience: float,
        stiffness: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Follow an arm.

        Args:
            lost_error: Largest error of a joint that follows [rad].
            patience: How long the arm may stand still while its reference moves [s]; 0: for ever.
            stiffness: Names of the parameters that make the controller stiffer, for `complaint`.
            clock: Tells the time of losses [s].

        Raises:
            ConfigError: `patience` is NaN or below 0.
        """
        self._stiffness, self._clock = stiffness, clock
        self._standstill = Standstill(patience)
        self.set(lost_error, patience)
        self._losses: deque[tuple[float, str]] = deque()  # when [s], and which limit was exceeded

    def set(self, lost_error: float, patience: float) -> None:
        """Use other limits from now on, also for an arm that stands still already.

        Raises:
            ConfigError: `patience` is NaN or below 0; all stays as it was.
        """
        self._standstill.be_patient(patience)
        self._lost_error, self._patience = lost_error, patience

    def lead_anew(self) -> None:
        """Begin with a new reference, which starts where the arm is."""
        self._standstill = Standstill(self._patience)

    def is_lost(self, t: float, error: Array, v: Array, v_ref: Array) -> bool:
        """Return whether the arm is lost at time t [s] of the reference, and remember it.

        Args:
            t: Time [s].
            error: Of position [rad], (n,).
            v: Velocity of the arm [rad/s], (n,).
            v_ref: Velocity of the reference [rad/s], (n,).
        """
        if np.abs(error).max() > self._lost_error:
            limit = "lost_error"
        elif self._standstill.lasts(t, v, v_ref):
            limit = "standstill"
        else:
            return False
        self._losses.append((self._clock(), limit))
        self._forget()
        return True

    def complaint(self) -> str:
        """Return what is wrong and what to do, if the arm has been lost often of late, else ""."""
        self._forget()
        if len(self._losses) < OFTEN:
            return ""
        limits = " or ".join(sorted({limit for _, limit in self._losses}))
        return (
            f"the arm was left behind {len(self._losses)} times in {LATELY_S:g} s: enable it if "
            f"its driver holds it, else raise {self._stiffness} or {limits}"
        )

    def _forget(self) -> None:
        while self._losses and self._clock() - self._losses[0][0] > LATELY_S:
            self._losses.popleft()
