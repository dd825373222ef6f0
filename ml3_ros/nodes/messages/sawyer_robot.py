# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Messages of a Sawyer from the robot's side: what it reports, and how it reads commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from sensor_msgs.msg import JointState

from ml3_ros.nodes.messages.joint_states import listed
from ml3_ros.nodes.messages.poses import pose_of, pose_to_msg
from ml3_ros.robots.base import JointLimits
from ml3_ros.robots.sawyer.assembly import Assembly
from ml3_ros.robots.sawyer.controller import Command, CommandRejectedError
from ml3_ros.robots.sawyer.emulation import VELOCITY_BAND, Reading, SawyerEmulation
from ml3_ros.robots.sawyer.interface import (
    BASE,
    CUFF_BUTTON_SIGNALS,
    CUFF_SIGNAL,
    STATE_JOINTS,
    Mode,
    SawyerMessages,
)

ARRAYS = ("position", "velocity", "acceleration", "effort")
NEEDED = {
    Mode.POSITION: ("position",),
    Mode.VELOCITY: ("velocity",),
    Mode.TORQUE: ("effort",),
    Mode.TRAJECTORY: ("position", "velocity", "acceleration"),
}
_HEAD = (0.0, -VELOCITY_BAND, 0.0)  # head_pan at rest: position, velocity, effort


def command_from_msg(msg: Any, names: Sequence[str]) -> Command:
    """Read a JointCommand.

    Raises:
        CommandRejectedError: The mode is unknown, the names are not exactly the arm's joints, an
            array that the mode needs is missing, one has another length, or a number is not
            finite. Nobody knows what the robot does with such commands.
    """
    if msg.mode not in NEEDED:
        raise CommandRejectedError(f"joint_command has mode {msg.mode}: send 1, 2, 3 or 4")
    if sorted(msg.names) != sorted(names):
        raise CommandRejectedError(
            f"joint_command is for {listed(msg.names) or 'no joints'}: name each of "
            f"{', '.join(names)} once"
        )
    index = [list(msg.names).index(name) for name in names]
    arrays = {}
    for field in ARRAYS:
        values = np.asarray(getattr(msg, field), dtype=float)
        if values.size != len(names) and (values.size or field in NEEDED[Mode(msg.mode)]):
            raise CommandRejectedError(
                f"joint_command names {len(names)} joints but {field} has {values.size} numbers: "
                "it is rejected"
            )
        arrays[field] = values[index] if values.size else values
    return Command(mode=Mode(msg.mode), **arrays)


def joint_state_msg(reading: Reading, stamp: Time) -> JointState:
    """Return the joint states of the whole robot: head, arm, torso."""
    msg = JointState(name=list(STATE_JOINTS))
    msg.header.stamp, msg.header.frame_id = stamp, BASE
    columns = (reading.q, reading.v, reading.tau)
    msg.position, msg.velocity, msg.effort = (
        [head, *column.tolist(), 0.0] for head, column in zip(_HEAD, columns, strict=True)
    )
    return msg


def assembly_msg(assembly: Assembly, messages: SawyerMessages) -> Any:
    """Return the RobotAssemblyState."""
    return messages.RobotAssemblyState(
        homed=True,
        ready=assembly.ready,
        enabled=assembly.enabled,
        stopped=assembly.stopped,
        error=assembly.error,
        lowvoltage=False,
        estop_button=int(assembly.estop_button),
        estop_source=int(assembly.estop_source),
    )


def gravity_msg(robot: SawyerEmulation, t: float, stamp: Time, messages: SawyerMessages) -> Any:
    """Return the SEAJointState at time t [s]: what the robot adds to commands, and why."""
    reading, command = robot.reading(), robot.control.commanded()
    zero = [0.0] * len(robot.arm.names)
    msg = messages.SEAJointState(
        name=list(robot.arm.names),
        actual_position=reading.q.tolist(),
        actual_velocity=reading.v.tolist(),
        actual_effort=reading.tau.tolist(),
        gravity_model_effort=robot.added(t).tolist(),
        gravity_only=robot.control.gravity_only(reading.q).tolist(),
        interaction_torque=zero,
        hysteresis_model_effort=zero,
        crosstalk_model_effort=zero,
    )
    for field in ARRAYS:
        setattr(msg, f"commanded_{field}", getattr(command, field).tolist())
    msg.header.stamp, msg.header.frame_id = stamp, BASE
    return msg


def endpoint_msg(robot: SawyerEmulation, stamp: Time, messages: SawyerMessages) -> Any:
    """Return the EndpointState: where the hand is; twist and wrench stay zero."""
    T = robot.arm.forward_kinematics(robot.reading().q)
    msg = messages.EndpointState(pose=pose_to_msg(pose_of(T), 0).pose, valid=True)
    msg.header.stamp, msg.header.frame_id = stamp, BASE
    return msg


def collision_msg(colliding: bool, stamp: Time, messages: SawyerMessages) -> Any:
    """Return the CollisionDetectionState."""
    msg = messages.CollisionDetectionState(collision_state=colliding)
    msg.header.stamp, msg.header.frame_id = stamp, BASE
    return msg


def cuff_msg(squeezed: bool, stamp: Time, messages: SawyerMessages) -> Any:
    """Return the IODeviceStatus of the cuff, whose buttons nobody presses."""
    msg = messages.IODeviceStatus(time=stamp)
    msg.device.name = "cuff"
    for name in (CUFF_SIGNAL, *CUFF_BUTTON_SIGNALS):
        signal = messages.IODataStatus(name=name, format='{"type": "int", "role": "input"}')
        signal.data = f"[{int(squeezed and name == CUFF_SIGNAL)}]"
        signal.status.tag = "ready"
        msg.signals.append(signal)
    msg.device.status.tag = "ready"
    return msg


def limits_msg(names: Sequence[str], limits: JointLimits, messages: SawyerMessages) -> Any:
    """Return the JointLimits."""
    return messages.JointLimits(
        joint_names=list(names),
        position_lower=limits.lower.tolist(),
        position_upper=limits.upper.tolist(),
        velocity=limits.velocity.tolist(),
        accel=limits.acceleration.tolist(),
        effort=limits.effort.tolist(),
    )
