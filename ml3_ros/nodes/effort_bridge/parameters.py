# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of `effort_bridge`; what is uncertain about the arm is one of them, set safely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from ml3_ros.nodes.kit.parameters.annotated import Param
from ml3_ros.nodes.kit.parameters.safety import SafetyParameters
from ml3_ros.robots.ros2_control.driving_config import EffortConfig
from ml3_ros.robots.ros2_control.presets import Gravity, Preset, PresetName, preset_of

DRIVING = EffortConfig()
SWITCHING = "controller_manager_msgs"


@dataclass(frozen=True, kw_only=True)
class EffortBridgeParameters(SafetyParameters):
    """The arm, its controllers, its rates and deadlines, and how efforts begin and end."""

    robot: Annotated[str, Param("the arm: sawyer, reacher, or path of its own URDF or MJCF")] = (
        "sawyer"
    )
    preset: Annotated[
        PresetName,
        Param("kind of the arm's driver: what gravity, efforts and controller are by default"),
    ] = "generic"
    controller: Annotated[
        str,
        Param(
            "the forward_command_controller of efforts, whose topic commands is sent to; empty: "
            "the preset's"
        ),
    ] = ""
    joints: Annotated[
        tuple[str, ...],
        Param("that controller's joints, in its order; unset: the model's, in the model's order"),
    ] = ()
    gravity: Annotated[
        Literal["preset", "robot", "included"],
        Param(
            "who holds the arm up: the robot adds gravity torques to every effort (robot), or "
            "efforts have to include them (included); wrong, the arm falls or flies up"
        ),
    ] = "preset"
    efforts: Annotated[
        Literal["preset", "measured", "commanded"],
        Param(
            "efforts in the joint states that are published: the driver's own, or the torque that "
            "is commanded, gravity included, where the driver's are currents"
        ),
    ] = "preset"
    states: Annotated[str, Param("topic of the driver's joint states")] = "joint_states"
    holding_controller: Annotated[
        str,
        Param(
            "controller that holds the arm while no efforts are sent; it changes places with "
            "the other by switch_controller; empty: controllers are switched by others"
        ),
    ] = ""
    controller_manager: Annotated[str, Param("node that switches controllers")] = (
        "controller_manager"
    )
    message_package: Annotated[str, Param("ROS 2 package with the service SwitchController")] = (
        SWITCHING
    )
    enabled: Annotated[
        bool,
        Param("begin enabled, as if an operator had called ~/enable: for emulated arms"),
    ] = False
    patience: Annotated[
        float,
        Param(
            "longest time without efforts while an answer to the newest joint state is awaited, "
            "for emulated arms, whose time waits as long; 0, and for every real arm: none [s]",
            (0, 2),
        ),
    ] = 0.0
    rate: Annotated[float, Param("rate of efforts [Hz]", (50, 1000))] = 250.0
    publish_rate: Annotated[
        float,
        Param("rate of ~/joint_states, thinned out from the driver's [Hz]", (10, 1000), live=True),
    ] = 100.0
    state_timeout: Annotated[
        float,
        Param(
            "age beyond which a state of the arm is not used any more [s]", (0.002, 1), live=True
        ),
    ] = DRIVING.state_timeout
    held_up: Annotated[
        float,
        Param(
            "pause of the bridge itself after which it goes into a fault [s]",
            (0.01, 5),
            live=True,
        ),
    ] = DRIVING.held_up
    entry_velocity: Annotated[
        float,
        Param(
            "largest velocity of a joint at which efforts may begin [rad/s]", (0.005, 1), live=True
        ),
    ] = DRIVING.entry_velocity
    ramp: Annotated[float, Param("time over which torques are faded in [s]", (0.01, 10))] = (
        DRIVING.ramp
    )
    damping: Annotated[
        float,
        Param("damping of an arm that is being stopped, torque -damping M v [1/s]", (0.1, 50)),
    ] = DRIVING.damping
    effort_share: float = 0.3
    effort_rate: float = 10.0
    velocity_share: float = 0.7
    overspeed: float = 0.8
    position_margin: float = 0.1
    command_timeout: float = 0.05

    @property
    def habits(self) -> Preset:
        """The preset."""
        return preset_of(self.preset)

    @property
    def controller_name(self) -> str:
        """Name of the controller that takes efforts."""
        return self.controller or self.habits.effort_controller

    @property
    def gravity_from(self) -> Gravity:
        """Who holds the arm up."""
        return self.habits.gravity if self.gravity == "preset" else self.gravity

    @property
    def commanded(self) -> bool:
        """Whether the joint states hold commanded torques in place of the driver's efforts."""
        if self.efforts == "preset":
            return not self.habits.reports_torques
        return self.efforts == "commanded"

    def driving(self) -> EffortConfig:
        """Return the configuration of the bridge's state machine."""
        return EffortConfig(
            gravity=self.gravity_from,
            state_timeout=self.state_timeout,
            held_up=self.held_up,
            entry_velocity=self.entry_velocity,
            ramp=self.ramp,
            damping=self.damping,
        )
