# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of `sawyer_driver`; what is uncertain about the robot is one of them, set safely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from ml3_ros.nodes.kit.parameters.annotated import Param
from ml3_ros.nodes.kit.parameters.safety import SafetyParameters
from ml3_ros.robots.sawyer import interface as sawyer
from ml3_ros.robots.sawyer.driving_config import DrivingConfig

DRIVING = DrivingConfig()
SUPPRESSED = {
    "suppress_cuff_interaction": sawyer.SUPPRESS_CUFF,
    "suppress_collision_avoidance": sawyer.SUPPRESS_COLLISION_AVOIDANCE,
    "suppress_contact_safety": sawyer.SUPPRESS_CONTACT_SAFETY,
}


@dataclass(frozen=True, kw_only=True)
class SawyerDriverParameters(SafetyParameters):
    """The robot, its rates and deadlines, and how torques begin and end."""

    robot: Annotated[str, Param("the arm: sawyer, or path of the robot's own URDF")] = "sawyer"
    message_package: Annotated[str, Param("ROS 2 package with the robot's messages")] = (
        sawyer.DEFAULT_PACKAGE
    )
    rate: Annotated[float, Param("rate of commands to the robot [Hz]", (50, 1000))] = 500.0
    publish_rate: Annotated[
        float,
        Param(
            "rate of joint_states, thinned out from the robot's states [Hz]", (10, 800), live=True
        ),
    ] = 100.0
    state_rate: Annotated[
        int,
        Param("rate of states that is set on the robot [Hz]", (100, sawyer.MAX_STATE_RATE_HZ)),
    ] = 500
    robot_timeout: Annotated[
        float,
        Param(
            "time without a command after which the robot's own watchdog acts [s]",
            (0.01, sawyer.MAX_COMMAND_TIMEOUT_S),
        ),
    ] = DRIVING.robot_timeout
    speed_ratio: Annotated[
        float, Param("share of its speed at which the robot moves home [-]", (0.01, 1), live=True)
    ] = 0.2
    home: Annotated[
        tuple[float, ...],
        Param("pose to which reset_arm moves the arm [rad]; unset: the robot's own"),
    ] = ()
    velocity_dead_band: Annotated[
        float,
        Param(
            "velocities below it become 0: the robot shows 0.001 at rest [rad/s]",
            (0, 0.1),
            live=True,
        ),
    ] = 0.001001
    gravity_field: Annotated[
        Literal["gravity_model_effort", "gravity_only"],
        Param(
            "field of the robot's gravity_compensation_torques with the torque that it adds "
            "to every command by itself"
        ),
    ] = "gravity_model_effort"
    gravity_compensation: Annotated[
        bool,
        Param("joint_command is on top of gravity, as policies command it; false: it is the sum"),
    ] = DRIVING.gravity_on_top
    state_timeout: Annotated[
        float,
        Param(
            "age beyond which a state of the arm is not used any more [s]", (0.002, 1), live=True
        ),
    ] = DRIVING.state_timeout
    entry_velocity: Annotated[
        float,
        Param(
            "largest velocity of a joint at which torques may begin [rad/s]", (0.005, 1), live=True
        ),
    ] = DRIVING.entry_velocity
    ramp: Annotated[float, Param("time over which torques are faded in [s]", (0.01, 10))] = (
        DRIVING.ramp
    )
    damping: Annotated[
        float,
        Param("damping of an arm that is being stopped, torque -damping M v [1/s]", (0.1, 50)),
    ] = DRIVING.damping
    brake_release: Annotated[
        float,
        Param("time that brakes need, from enabling to the first torque [s]", (0, 10), live=True),
    ] = DRIVING.brake_release
    home_timeout: Annotated[
        float, Param("longest time that moving home may take [s]", (1, 120), live=True)
    ] = DRIVING.home_timeout
    calibration_distance: Annotated[
        float,
        Param(
            "distance of a joint's origin in the robot's own description from the model's beyond "
            "which there is a warning [m]",
            (0, 1),
            live=True,
        ),
    ] = 1e-3
    calibration_angle: Annotated[
        float, Param("likewise the angle between their axes [rad]", (0, 3.2), live=True)
    ] = 1e-2
    suppress_cuff_interaction: Annotated[
        bool, Param("keep the arm driven when its cuff is squeezed, which else sets it free")
    ] = False
    suppress_collision_avoidance: Annotated[
        bool,
        Param("switch the robot's avoidance of self-collisions off while it is driven"),
    ] = False
    suppress_contact_safety: Annotated[
        bool, Param("switch the robot's stop at contacts off while it is driven")
    ] = False
    effort_share: float = 0.3
    effort_rate: float = 10.0
    velocity_share: float = 0.7
    overspeed: float = 0.8
    position_margin: float = 0.1
    command_timeout: float = 0.05

    def driving(self) -> DrivingConfig:
        """Return the configuration of the driver's state machine."""
        return DrivingConfig(
            state_timeout=self.state_timeout,
            robot_timeout=self.robot_timeout,
            entry_velocity=self.entry_velocity,
            ramp=self.ramp,
            damping=self.damping,
            brake_release=self.brake_release,
            home_timeout=self.home_timeout,
            gravity_on_top=self.gravity_compensation,
        )

    def suppressed(self) -> list[str]:
        """Return the topics on which a safety function of the robot is suppressed."""
        return [topic for name, topic in SUPPRESSED.items() if getattr(self, name)]
