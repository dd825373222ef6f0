# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of `trajectory_commander`: the controller, the motion, and how it is handed over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from ml3_ros.nodes.kit.parameters.annotated import Param
from ml3_ros.nodes.kit.parameters.motion import DEFAULT, MotionParameters
from ml3_ros.robots.base import RobotDescription
from ml3_ros.robots.control.approach import Motion
from ml3_ros.robots.control.laps import Laps
from ml3_ros.robots.ros2_control.presets import Preset, PresetName, preset_of


@dataclass(frozen=True, kw_only=True)
class TrajectoryCommanderParameters(MotionParameters):
    """The controller, its motion, and what efforts are added."""

    preset: Annotated[
        PresetName,
        Param("kind of the arm's driver: its controller by default, and who adds gravity torques"),
    ] = "generic"
    controller: Annotated[
        str, Param("the joint_trajectory_controller; empty: the preset's usual one")
    ] = ""
    states: Annotated[str, Param("topic of the driver's joint states")] = "joint_states"
    interface: Annotated[
        Literal["topic", "action"],
        Param(
            "how trajectories are handed over: on the controller's topic, or as goals of "
            "FollowJointTrajectory, which control_msgs has"
        ),
    ] = "topic"
    message_package: Annotated[str, Param("ROS 2 package with FollowJointTrajectory")] = (
        "control_msgs"
    )
    enabled: Annotated[
        bool,
        Param("begin enabled, as if an operator had called ~/enable: for emulated arms"),
    ] = False
    horizon: Annotated[
        float,
        Param(
            "length of each trajectory, of which half is replaced by the next one; an arm whose "
            "commander is gone stops when it is over [s]",
            (0.2, 10),
        ),
    ] = 1.0
    point_rate: Annotated[float, Param("points of a trajectory in a second [Hz]", (5, 200))] = 20.0
    lead: Annotated[
        float,
        Param("how long before its beginning a trajectory is sent [s]", (0.0, 1.0)),
    ] = 0.1
    stop_seconds: Annotated[
        float,
        Param("time in which the arm comes to rest at the end of a trajectory [s]", (0.1, 5)),
    ] = 0.5
    state_timeout: Annotated[
        float,
        Param("age of the newest joint state beyond which the arm is lost [s]", (0.02, 5)),
    ] = 0.5
    piece_seconds: Annotated[
        float, Param("time after which a new random sum of sines begins [s]", (0.5, 600))
    ] = DEFAULT.piece_seconds
    lap_seconds: Annotated[
        float, Param("period of a motion that repeats itself; 0: it does not [s]", (0, 120))
    ] = 0.0
    feedforward: Annotated[
        str,
        Param(
            "method of policy_optimizer whose torques are the efforts of points, for controllers "
            "that add them; empty: none. They need efforts in N m in joint_states"
        ),
    ] = ""
    feedforward_share: Annotated[
        float, Param("largest share of the effort limits that these may take [-]", (0, 1))
    ] = 0.3
    feedforward_fade: Annotated[
        float, Param("time in which these efforts are faded in and out [s]", (0.1, 60))
    ] = 2.0
    model_timeout: Annotated[
        float, Param("age of a learned model beyond which they are faded out [s]", (0.1, 3600))
    ] = 5.0
    limit_share: float = 0.5
    position_margin: float = 0.15
    lost_error: float = 0.3
    standstill: float = 2.0

    @property
    def habits(self) -> Preset:
        """The preset."""
        return preset_of(self.preset)

    @property
    def controller_name(self) -> str:
        """Name of the controller."""
        return self.controller or self.habits.trajectory_controller

    def motion(self, description: RobotDescription) -> Motion:
        """Return the motion, within all limits of the heaviest arm.

        Raises:
            ConfigError: It cannot be planned.
        """
        if self.lap_seconds == 0.0:
            return self.excitation(description, piece_seconds=self.piece_seconds)
        piece = self.blend_seconds + self.lap_seconds
        return Laps(self.excitation(description, period=self.lap_seconds, piece_seconds=piece))
