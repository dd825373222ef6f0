"""Parameters of `sawyer_driver`; what is uncertain about the robot is one of them, set safely."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rclpy.parameter import Parameter

from ml3_ros.nodes.kit.parameters import Param
from ml3_ros.nodes.kit.safety_parameters import safety_params
from ml3_ros.robots.control.safety_config import SafetyConfig
from ml3_ros.robots.sawyer import interface as sawyer
from ml3_ros.robots.sawyer.driving_config import DrivingConfig

DRIVING = DrivingConfig()
SAFETY = SafetyConfig(
    effort_share=0.3,
    effort_rate=10.0,
    velocity_share=0.7,
    overspeed=0.8,
    position_margin=0.1,
    command_timeout=0.05,
)
SUPPRESSED = {
    "suppress_cuff_interaction": sawyer.SUPPRESS_CUFF,
    "suppress_collision_avoidance": sawyer.SUPPRESS_COLLISION_AVOIDANCE,
    "suppress_contact_safety": sawyer.SUPPRESS_CONTACT_SAFETY,
}

PARAMETERS = (
    Param(name="robot", default="sawyer", help="sawyer, or path of the robot's own URDF"),
    Param(name="message_package", default=sawyer.DEFAULT_PACKAGE, help="ROS 2 package with the "
          "robot's messages"),
    Param(name="rate", default=500.0, help="commands to the robot [Hz]", limits=(50.0, 1000.0)),
    Param(name="publish_rate", default=100.0, help="joint states for controllers and learners, "
          "taken from the robot's [Hz]", limits=(10.0, 800.0)),
    Param(name="state_rate", default=500, help="joint states that the robot is asked for [Hz]",
          limits=(100, sawyer.MAX_STATE_RATE_HZ)),
    Param(name="robot_timeout", default=0.05, help="without a command for so long the robot's own "
          "watchdog acts [s]", limits=(0.01, sawyer.MAX_COMMAND_TIMEOUT_S)),
    Param(name="speed_ratio", default=0.2, help="share of its speed at which the robot moves home "
          "[-]", limits=(0.01, 1.0)),
    Param(name="home", default=Parameter.Type.DOUBLE_ARRAY, help="where reset_arm moves the arm, "
          "one number a joint [rad]; unset: the robot's own"),
    Param(name="velocity_dead_band", default=0.001001, help="velocities below it are 0: the robot "
          "shows 0.001 at rest [rad/s]", limits=(0.0, 0.1)),
    Param(name="gravity_field", default="gravity_model_effort", help="what the robot adds by "
          "itself, as gravity_compensation_torques tells it",
          choices=("gravity_model_effort", "gravity_only")),
    Param(name="gravity_compensation", default=DRIVING.gravity_on_top, help="joint_command is on "
          "top of gravity already, as policies command it"),
    Param(name="state_timeout", default=DRIVING.state_timeout, help="age beyond which joint "
          "states count no more [s]", limits=(0.002, 1.0)),
    Param(name="entry_velocity", default=DRIVING.entry_velocity, help="largest velocity at which "
          "torques may begin [rad/s]", limits=(0.005, 1.0)),
    Param(name="ramp", default=DRIVING.ramp, help="from the first torque to the full one [s]",
          limits=(0.01, 10.0)),
    Param(name="damping", default=DRIVING.damping, help="of an arm that is being stopped: torque "
          "-damping M v [1/s]", limits=(0.1, 50.0)),
    Param(name="brake_release", default=DRIVING.brake_release, help="from enabling to the first "
          "torque [s]", limits=(0.0, 10.0)),
    Param(name="home_timeout", default=DRIVING.home_timeout, help="longest way home [s]",
          limits=(1.0, 120.0)),
    Param(name="calibration_distance", default=1e-3, help="origins of the robot's description "
          "farther from the model's are told [m]", limits=(0.0, 1.0)),
    Param(name="calibration_angle", default=1e-2, help="origins of the robot's description turned "
          "farther from the model's are told [rad]", limits=(0.0, 3.2)),
    Param(name="suppress_cuff_interaction", default=False, help="squeezing the cuff shall not "
          "free the arm while it is driven"),
    Param(name="suppress_collision_avoidance", default=False, help="the robot shall not keep "
          "away from itself while it is driven"),
    Param(name="suppress_contact_safety", default=False, help="the robot shall not stop at "
          "contacts while it is driven"),
    *safety_params(SAFETY),
)  # fmt: skip


def driving_config(values: Mapping[str, Any]) -> DrivingConfig:
    """Return the configuration that the node's parameters say."""
    names = set(DrivingConfig.__dataclass_fields__) - {"gravity_on_top"}
    config = {name: values[name] for name in names}
    return DrivingConfig(gravity_on_top=values["gravity_compensation"], **config)
