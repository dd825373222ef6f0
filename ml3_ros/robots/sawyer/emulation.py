# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Emulated Sawyer robot: a simulated arm behind the interface of the real one, without ROS.

Time comes in as an argument [s] of any clock that does not go backwards.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ml3_ros.errors import ConfigError
from ml3_ros.robots.base import Array, RobotDescription
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.sawyer.assembly import Assembly
from ml3_ros.robots.sawyer.controller import ArmControl, Command, CommandRejectedError
from ml3_ros.robots.sawyer.interface import (
    SUPPRESS_COLLISION_AVOIDANCE,
    SUPPRESS_CONTACT_SAFETY,
    SUPPRESS_CUFF,
    SUPPRESS_GRAVITY,
)

# What the robot reports are multiples of these; at rest every velocity reads -VELOCITY_BAND.
POSITION_STEP = 1e-3 / 1024.0  # [rad]
EFFORT_STEP = 0.004  # [N m]
VELOCITY_BAND = 1e-3  # [rad/s]

SUPPRESSIONS = (
    SUPPRESS_GRAVITY,
    SUPPRESS_CUFF,
    SUPPRESS_CONTACT_SAFETY,
    SUPPRESS_COLLISION_AVOIDANCE,  # taken note of: the emulated robot avoids nothing
)
DEFAULT_BRAKES = ("right_j1", "right_j2", "right_j3")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What the robot reports of its arm joints, each (n,), in the order of the arm."""

    q: Array  # [rad]
    v: Array  # [rad/s]
    tau: Array  # with gravity load, as springs between motor and link measure it [N m]


def reading(q: Array, v: Array, tau: Array) -> Reading:
    """Return a measured state in the robot's reporting steps, with the dead band at rest."""
    return Reading(
        q=np.round(q / POSITION_STEP) * POSITION_STEP,
        v=np.where(np.abs(v) < VELOCITY_BAND, -VELOCITY_BAND, v),
        tau=np.round(tau / EFFORT_STEP) * EFFORT_STEP,
    )


class SawyerEmulation:
    """Assembly, controller and a simulated arm together; the arm begins disabled at `home`.

    The controller knows the nominal arm, the simulated one is perturbed. `cuff` and `collided`
    are what happens to the arm, set by whoever plays the world around it.
    """

    def __init__(
        self,
        description: RobotDescription,
        perturbation: Perturbation,
        *,
        dt: float,
        home: Array | None = None,
        seed: int = 0,
        timeout_outcome: Literal["hold", "disable"] = "hold",
        brakes: Sequence[str] = DEFAULT_BRAKES,
    ) -> None:
        """Build the arm.

        Args:
            description: The arm as the robot's gravity model knows it.
            perturbation: How the arm that moves differs from it.
            dt: Period of the control loop [s].
            home: Where the arm begins [rad], (n,); default: the description's home.
            seed: Of the sensor noise.
            timeout_outcome: What the watchdog does: hold position, or disable the robot.
            brakes: Joints that are locked while the robot is disabled.

        Raises:
            ConfigError: A brake is on no joint of the arm, or dt is no time.
            RobotError: The perturbation or home does not fit the arm.
        """
        unknown = [name for name in brakes if name not in description.names]
        if unknown:
            raise ConfigError(f"brakes names {', '.join(unknown)}: name joints of the arm")
        if not 0.0 < dt < math.inf:
            raise ConfigError(f"dt is {dt}: it must be finite and > 0 s")
        self.arm = MujocoArm(description, perturbation, seed=seed)
        self.assembly = Assembly()
        self.control = ArmControl(PinocchioModel(description))
        self.cuff = self.collided = False
        self.firings = 0  # of the watchdog
        self.last_delay = float("nan")  # from the last command to the newest firing [s]
        self._dt, self._outcome = dt, timeout_outcome
        self._brakes = np.array([name in brakes for name in description.names])
        self._home = np.array(description.home if home is None else home)
        self._enabled = True  # as the motors were last set
        self._led = False  # by a hand or by what it hit: commands are not followed
        self.restart()

    def restart(self) -> None:
        """Put the arm at rest at home, with the robot disabled."""
        self.arm.reset(self._home)
        self.assembly.enable(False)
        self._enabled = True  # so that the motors go off
        self._motors(0.0)

    # what the robot receives ------------------------------------------------------------------
    def enable(self, on: bool, t: float) -> bool:
        """Turn the motors on or off; on, the arm holds where it is. Return whether it is so."""
        done = self.assembly.enable(on)
        self._motors(t)
        return done

    def stop(self, t: float) -> None:
        """Stop by software."""
        self.assembly.stop()
        self._motors(t)

    def fault(self, t: float) -> None:
        """Let a joint report a fault."""
        self.assembly.fault()
        self._motors(t)

    def press(self, pressed: bool, t: float) -> None:
        """Press or release the red button."""
        self.assembly.press(pressed)
        self._motors(t)

    def reset(self, t: float) -> bool:
        """Clear stop and error; the robot is disabled then. Return False if it is rejected."""
        done = self.assembly.reset()
        self._motors(t)
        return done

    def command(self, command: Command, t: float) -> None:
        """Follow a joint command.

        Raises:
            CommandRejectedError: The robot is disabled, or led by a hand or a collision.
        """
        if not self.assembly.enabled:
            raise CommandRejectedError(
                "a joint command came while the robot is disabled: it is rejected; enable it first"
            )
        if self.led(t):
            raise CommandRejectedError(
                "a joint command came during a collision or with the cuff squeezed: it is rejected"
            )
        state = self.arm.state()
        self.control.command(command, t, state.q, state.v)

    # what happens ------------------------------------------------------------------------------
    def colliding(self, t: float) -> bool:
        """Return whether the robot feels a collision."""
        return self.collided and not self.control.suppressed(SUPPRESS_CONTACT_SAFETY, t)

    def led(self, t: float) -> bool:
        """Return whether a collision or a hand at the cuff has taken over from commands."""
        return self.colliding(t) or self._squeezed(t)

    def step(self, t: float) -> None:
        """Let `dt` pass from `t` on.

        Raises:
            RobotError: The simulation diverged: `restart` it.
        """
        state, control = self.arm.state(), self.control
        tau = np.zeros_like(state.v)
        if self.assembly.enabled:
            self._take_over(t)
            if control.expired(t):
                self.firings += 1
                self.last_delay = t - (control.last_command or t)
                if self._outcome == "disable":
                    self.enable(False, t)
                else:
                    control.hold(t, state.q, state.v)
        if self.assembly.enabled:
            gravity = self.added(t)
            if self._squeezed(t):
                tau = control.floating(state.q, state.v, gravity)
            else:
                tau = control.torque(t, self._dt, state.q, state.v, gravity)
        self.arm.step(tau, self._dt)

    def added(self, t: float) -> Array:
        """Return what the robot adds to commanded efforts by itself [N m], (n,)."""
        state = self.arm.state()
        if not self.assembly.enabled or self.control.suppressed(SUPPRESS_GRAVITY, t):
            return np.zeros_like(state.v)
        return self.control.gravity_effort(state.q, state.v)

    def reading(self) -> Reading:
        """Return what the robot reports of its joints now."""
        state = self.arm.state()
        return reading(state.q, state.v, state.tau)

    def doing(self, t: float) -> str:
        """Return in one or two words what moves the arm."""
        if not self.assembly.enabled:
            return "disabled"
        if self._squeezed(t):
            return "zero gravity"
        if self.colliding(t):
            return "collision"
        return self.control.mode.name.lower()

    def _squeezed(self, t: float) -> bool:
        return self.cuff and not self.control.suppressed(SUPPRESS_CUFF, t)

    def _take_over(self, t: float) -> None:
        led = self.led(t)
        if led != self._led:
            state = self.arm.state()
            self.control.hold(t, state.q, state.v)  # a collision stops it; a hand leaves it there
        self._led = led

    def _motors(self, t: float) -> None:
        """Follow the assembly: off with brakes on, or on and holding where the arm is."""
        if self._enabled == self.assembly.enabled:
            return
        self._enabled = self.assembly.enabled
        state = self.arm.state()
        self.arm.brake(self._brakes & (not self._enabled))
        self.control.hold(t, state.q, state.v)
        self.control.last_command = None
