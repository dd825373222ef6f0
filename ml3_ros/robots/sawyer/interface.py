# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""ROS interface of a Sawyer robot, as a bridge to its ROS 1 master shows it in ROS 2.

Names, codes and numbers only, for whoever speaks with the robot or stands for it. The messages
are those of intera_core_msgs, in a ROS 2 package with the same message names and the same field
names in lower case: that is how ros1_bridge pairs fields of itself (lowVoltage is lowvoltage).
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from ml3_ros.errors import ConfigError

BASE: Final = "base"  # frame
ARM_JOINTS: Final = tuple(f"right_j{i}" for i in range(7))
# The order of the robot's joint states, of which torso_t0 does not move. Read them by name.
STATE_JOINTS: Final = ("head_pan", *ARM_JOINTS, "torso_t0")

DEFAULT_COMMAND_TIMEOUT_S: Final = 0.2
MAX_COMMAND_TIMEOUT_S: Final = 1.0  # larger ones become this
DEFAULT_STATE_RATE_HZ: Final = 100
MAX_STATE_RATE_HZ: Final = 800
DEFAULT_SPEED_RATIO: Final = 0.3  # of POSITION, in 0 to 1
SUPPRESS_WINDOW_S: Final = 0.2  # a suppression ends this long after its newest message

# What the robot publishes.
JOINT_STATES: Final = "/robot/joint_states"  # sensor_msgs/JointState
ROBOT_STATE: Final = "/robot/state"  # RobotAssemblyState
JOINT_LIMITS: Final = "/robot/joint_limits"  # JointLimits
GRAVITY_TORQUES: Final = "/robot/limb/right/gravity_compensation_torques"  # SEAJointState
COLLISION_STATE: Final = "/robot/limb/right/collision_detection_state"  # CollisionDetectionState
ENDPOINT_STATE: Final = "/robot/limb/right/endpoint_state"  # EndpointState, frame base
CUFF_STATE: Final = "/io/robot/cuff/state"  # IODeviceStatus with the signals below
ROBOT_DESCRIPTION: Final = "/robot_description"  # std_msgs/String; in ROS 1 a parameter

# What it listens to.
JOINT_COMMAND: Final = "/robot/limb/right/joint_command"  # JointCommand
COMMAND_TIMEOUT: Final = "/robot/limb/right/joint_command_timeout"  # std_msgs/Float64 [s]
SPEED_RATIO: Final = "/robot/limb/right/set_speed_ratio"  # std_msgs/Float64 [-]
STATE_RATE: Final = "/robot/joint_state_publish_rate"  # std_msgs/UInt16 [Hz]
SUPER_ENABLE: Final = "/robot/set_super_enable"  # std_msgs/Bool: motors on or off
SUPER_STOP: Final = "/robot/set_super_stop"  # std_msgs/Empty: to be reset afterwards
SUPER_RESET: Final = "/robot/set_super_reset"  # std_msgs/Empty: clears; the arm stays disabled

# std_msgs/Empty; each works only while it is repeated within SUPPRESS_WINDOW_S.
SUPPRESS_GRAVITY: Final = "/robot/limb/right/suppress_gravity_compensation"
SUPPRESS_CUFF: Final = "/robot/limb/right/suppress_cuff_interaction"
SUPPRESS_COLLISION_AVOIDANCE: Final = "/robot/limb/right/suppress_collision_avoidance"
SUPPRESS_CONTACT_SAFETY: Final = "/robot/limb/right/suppress_contact_safety"

# Signals of the cuff: IODataStatus whose data is a JSON list of one number, "[1]" when pressed.
CUFF_SIGNAL: Final = "right_cuff"
CUFF_BUTTON_SIGNALS: Final = ("right_button_lower", "right_button_upper")

DEFAULT_PACKAGE: Final = "intera_core_msgs"


class Mode(IntEnum):
    """What a JointCommand commands."""

    POSITION = 1  # position: at a share of the largest speed
    VELOCITY = 2  # velocity; holds position when commands end
    TORQUE = 3  # effort on top of gravity compensation; holds position when commands end
    TRAJECTORY = 4  # position, velocity and acceleration, straight to the joints


class EstopButton(IntEnum):
    """`estop_button` of RobotAssemblyState."""

    UNPRESSED = 0
    PRESSED = 1
    UNKNOWN = 2  # the stop came from software
    RELEASED = 3  # but not reset yet


class EstopSource(IntEnum):
    """`estop_source` of RobotAssemblyState."""

    NONE = 0
    USER = 1
    UNKNOWN = 2
    FAULT = 3  # of a joint
    ENGINE = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class SawyerMessages:
    """The message classes of one ROS 2 port of intera_core_msgs."""

    JointCommand: Any
    RobotAssemblyState: Any
    SEAJointState: Any
    JointLimits: Any
    CollisionDetectionState: Any
    EndpointState: Any
    IODeviceStatus: Any
    IODataStatus: Any


# Fields that a port must have; more of them do no harm.
FIELDS: Final = {
    "JointCommand": "header mode names position velocity acceleration effort",
    "RobotAssemblyState": (
        "homed ready enabled stopped error lowvoltage estop_button estop_source"
    ),
    "SEAJointState": (
        "header name commanded_position commanded_velocity commanded_acceleration "
        "commanded_effort actual_position actual_velocity actual_effort gravity_model_effort "
        "gravity_only interaction_torque hysteresis_model_effort crosstalk_model_effort hyststate"
    ),
    "JointLimits": "joint_names position_lower position_upper velocity accel effort",
    "CollisionDetectionState": "header collision_state",
    "EndpointState": "header pose twist wrench valid",
    "IODeviceStatus": "time device ports signals commands responses",
    "IODataStatus": "name format data status",
}


def message_types(package: str = DEFAULT_PACKAGE) -> SawyerMessages:
    """Import the messages of the robot at run time.

    Args:
        package: Name of the ROS 2 package that holds them.

    Raises:
        ConfigError: The package, a message or a field is missing.
    """
    try:
        module = importlib.import_module(f"{package}.msg")
    except ImportError:  # also of an empty folder of that name
        raise _unusable(f"there is no ROS 2 package {package!r} with messages") from None
    found = {}
    for name, fields in FIELDS.items():
        message = getattr(module, name, None)
        if message is None:
            raise _unusable(f"the package {package!r} has no message {name}")
        has = message.get_fields_and_field_types()
        missing = [field for field in fields.split() if field not in has]
        if missing:
            raise _unusable(f"{package}/{name} has no field {', '.join(missing)}")
        found[name] = message
    return SawyerMessages(**found)


def _unusable(what: str) -> ConfigError:
    return ConfigError(
        f"{what}: build and source the ROS 2 port of intera_core_msgs whose field names are those "
        "of ROS 1 in lower case, and run ros1_bridge's parameter_bridge, built against it"
    )
