# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of `ros2_control_emulator`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np

from ml3_ros.nodes.kit.parameters.annotated import Param
from ml3_ros.nodes.kit.parameters.perturbation import PerturbationParameters
from ml3_ros.robots.base import RobotDescription
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.ros2_control.presets import Preset, PresetName, preset_of


@dataclass(frozen=True, kw_only=True)
class Ros2ControlEmulatorParameters(PerturbationParameters):
    """The emulated arm, the habits of its driver, and its controllers."""

    robot: Annotated[str, Param("the arm: sawyer, reacher, or path of a URDF or MJCF")] = "sawyer"
    preset: Annotated[
        PresetName,
        Param(
            "habits of the driver: who holds the arm up, order of the joints, gripper, currents "
            "in place of torques"
        ),
    ] = "generic"
    effort_controller: Annotated[
        str, Param("name of the controller that takes efforts; empty: the preset's")
    ] = ""
    trajectory_controller: Annotated[
        str, Param("name of the controller that takes trajectories; empty: the preset's")
    ] = ""
    adds_effort: Annotated[
        bool,
        Param(
            "the controller of trajectories adds the efforts of their points to its feedback, as "
            "on an interface of efforts; else it knows the arm, as drives that take positions do"
        ),
    ] = False
    control_package: Annotated[
        str,
        Param("ROS 2 package with the action FollowJointTrajectory; where it is not: no action"),
    ] = "control_msgs"
    switch_package: Annotated[
        str,
        Param("ROS 2 package with the service SwitchController; where it is not: no service"),
    ] = "controller_manager_msgs"
    joints: Annotated[
        tuple[str, ...],
        Param("joints of the effort controller, in its order; unset: as the arm is described"),
    ] = ()
    active: Annotated[
        Literal["effort", "trajectory", "none"],
        Param("the controller that is active in the beginning: of efforts or of trajectories"),
    ] = "effort"
    control_rate: Annotated[
        int, Param("rate of the controllers and of the physics [Hz]", (100, 2000))
    ] = 500
    state_rate: Annotated[int, Param("rate of joint_states [Hz]", (10, 1000))] = 250
    jitter: Annotated[
        float,
        Param(
            "standard deviation of the stamps of joint_states around even times, of a period at "
            "most a tenth [s]",
            (0, 0.01),
        ),
    ] = 5e-5
    command_timeout: Annotated[
        float,
        Param(
            "age from which an effort counts as zero, as behind hardware that has a watchdog; 0: "
            "never, as a forward_command_controller alone [s]",
            (0, 10),
        ),
    ] = 0.1
    patience: Annotated[
        float,
        Param(
            "longest time that the robot's own time waits for the next effort, on a machine that "
            "is too busy; no real robot does; 0: it does not [s]",
            (0, 2),
        ),
    ] = 0.0
    friction: Annotated[
        float,
        Param(
            "strength of friction where neither viscous, coulomb nor perturbation_seed is given; "
            "at 1 dry friction is 2 % of the effort limits, and viscous as much at the velocity "
            "limits [-]",
            (0, 10),
        ),
    ] = 1.0
    home: Annotated[
        tuple[float, ...],
        Param("pose at the start, one number a joint [rad]; unset: the robot's own"),
    ] = ()
    seed: Annotated[int, Param("seed of noise and jitter", (0, 2**31 - 1))] = 0

    def perturbation(self, description: RobotDescription) -> Perturbation:
        """Return how the arm that moves differs from its description: at least by friction."""
        given = super().perturbation(description)
        if self.perturbation_seed >= 0 or any((*self.viscous, *self.coulomb)):
            return given
        usual = Perturbation.sample(
            description,
            np.random.default_rng(self.seed),
            friction=(self.friction, self.friction),
        )
        return replace(given, viscous=usual.viscous, coulomb=usual.coulomb)

    @property
    def habits(self) -> Preset:
        """The preset."""
        return preset_of(self.preset)

    @property
    def effort_name(self) -> str:
        """Name of the controller that takes efforts."""
        return self.effort_controller or self.habits.effort_controller

    @property
    def trajectory_name(self) -> str:
        """Name of the controller that takes trajectories."""
        return self.trajectory_controller or self.habits.trajectory_controller
