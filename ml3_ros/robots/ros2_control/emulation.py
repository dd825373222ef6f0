# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Emulated arm behind ros2_control: a simulated arm, its driver's habits, and its controllers.

Pure: time comes in as an argument [s] of any clock that does not go backwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml3_ros.errors import ConfigError
from ml3_ros.robots.base import Array, RobotDescription
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.ros2_control.controllers import EmulatedController
from ml3_ros.robots.ros2_control.presets import Preset


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What the driver reports: names, and q [rad], v [rad/s] and effort in its own unit."""

    names: tuple[str, ...]
    q: Array
    v: Array
    effort: Array


class ControlledArm:
    """A simulated arm and the controllers that may move it, one at a time.

    The driver knows the arm as described, the one that moves is perturbed. While no controller
    commands anything, the driver holds the arm: its brakes are on.
    """

    def __init__(
        self,
        description: RobotDescription,
        perturbation: Perturbation,
        preset: Preset,
        controllers: Mapping[str, EmulatedController],
        *,
        active: str,
        dt: float,
        home: Array | None = None,
        seed: int = 0,
    ) -> None:
        """Build the arm.

        Args:
            description: The arm as its driver knows it.
            perturbation: How the arm that moves differs from it.
            preset: Habits of the driver.
            controllers: By name.
            active: Name of the one that is active in the beginning; "" for none.
            dt: Period of the control loop [s].
            home: Where the arm begins [rad], (n,); default: the description's home.
            seed: Of the sensor noise.

        Raises:
            ConfigError: `active` is no controller.
            RobotError: The perturbation or home does not fit the arm.
        """
        self.arm = MujocoArm(description, perturbation, seed=seed)
        self.names = description.names
        self.dt = dt
        self._preset, self._controllers = preset, controllers
        self._model = PinocchioModel(description)
        self._home = np.array(description.home if home is None else home)
        self._first = active
        self._listed = preset.ordered(self.names)
        self.active = ""
        self.held = True
        self.commanded = np.zeros(len(self.names))  # in the last period [N m]
        self.restart(0.0)

    def restart(self, t: float) -> None:
        """Put the arm at rest at home, with the controller active that was so in the beginning."""
        self.arm.reset(self._home)
        self.switch(self._first, t)

    def switch(self, active: str, t: float) -> None:
        """Let another controller move the arm; "": none.

        Raises:
            ConfigError: There is none of that name.
        """
        if active and active not in self._controllers:
            known = ", ".join(self._controllers)
            raise ConfigError(f"there is no controller {active!r}: use one of {known}")
        self.active = active
        if active:
            self._controllers[active].activate(self.arm.state().q, t)

    def step(self, t: float) -> None:
        """Let a period pass that begins at time t [s].

        Raises:
            RobotError: The simulation diverged, as under efforts that are not finite.
        """
        state = self.arm.state()
        controller = self._controllers.get(self.active)
        effort = None if controller is None else controller.effort(state.q, state.v, t)
        if self.held != (effort is None):
            self.held = effort is None
            self.arm.brake(np.full(len(self.names), self.held))
        gravity = self._model.nle(state.q, np.zeros_like(state.q))
        self.commanded = np.zeros_like(gravity) if effort is None else effort
        holds = effort is None or self._preset.gravity == "robot"
        self.arm.step(self.commanded + (gravity if holds else 0.0), self.dt)

    def reading(self) -> Reading:
        """Return the newest state as the driver reports it."""
        state = self.arm.state()
        index = [self.names.index(n) if n in self.names else -1 for n in self._listed]

        def spread(values: Array) -> Array:
            return np.append(values, 0.0)[index]  # a gripper stands still

        return Reading(
            names=self._listed,
            q=spread(state.q),
            v=spread(state.v),
            effort=self._preset.effort_scale * spread(state.tau),
        )
