# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""System observe: networks learn the inverse dynamics of an arm that others move, by listening.

No node of it commands anything, and it needs of a robot only what every driver publishes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ml3_ros.bringup.arguments import COMMON, NOBODY, TOPIC_NAME, Argument, names_of
from ml3_ros.bringup.description import Process, System
from ml3_ros.bringup.placeholders import Arg, BaseOf, JointsOf, NameOf
from ml3_ros.bringup.systems.arm_file import TOPIC, arm_with, with_description
from ml3_ros.bringup.systems.invdyn import HOLD_OUT, RECORD, RECORDER, RESUME
from ml3_ros.bringup.systems.parts import JOINTS, LOSS, RECIPE, RENAME, SEED
from ml3_ros.bringup.systems.training import training_for
from ml3_ros.bringup.systems.viewing import viewing
from ml3_ros.errors import ConfigError

FOUND = "auto"
STREAM = (("joint_states", Arg("topic")),)  # remapping of whoever listens to the arm


def heard(values: dict[str, Any]) -> dict[str, Any]:
    """Complete the arguments by what a running robot publishes: its description and joints.

    Raises:
        ConfigError: It does not come in time.
        RobotError: What is published is no robot, or it lacks a joint that was chosen.
    """
    from ml3_ros.bringup.systems.live_robot import stream
    from ml3_ros.robots.registry import movable_joints

    values = with_description(values, values["wait"])
    moving, reliable = names_of(values["joints"]), values["reliable"]
    if moving:  # what the arm does not have need not be listened for
        arm_with(values["urdf"], moving, values["out"])
    if not moving or reliable == FOUND:
        known = moving or movable_joints(values["urdf"])
        where = values["topic"], known, values["namespace"], values["wait"]
        found = stream(*where, values["rename"])
        missing = ", ".join(name for name in moving if name not in found.joints)
        if missing:
            raise ConfigError(f"no joint states of {missing} come: choose among those that do")
        moving = list(found.joints)
        reliable = str(found.reliable) if reliable == FOUND else reliable
    urdf = arm_with(values["urdf"], moving, values["out"])
    return {**values, "urdf": urdf, "reliable": reliable.lower() == "true"}


def _listening(process: Process) -> Process:
    """Return a process of another system that reads the joint states of this one."""
    return replace(process, remappings=process.remappings + STREAM)


OBSERVE = System(
    name="observe",
    help="an arm that others move is listened to, with any driver; networks learn its dynamics",
    complete=heard,
    before=training_for("urdf"),
    own_arguments=(
        Argument(
            name="urdf",
            default=TOPIC,
            help="the arm: topic (or topic:NAME), the robot_description that is published; or "
            "path of a URDF or MJCF, sawyer, reacher, ur10. No learner reads it",
        ),
        Argument(
            name="topic",
            default="joint_states",
            help="topic of the arm's joint states, with velocities and efforts; in the namespace, "
            "unless it begins with /",
            pattern=TOPIC_NAME,
        ),
        RENAME,
        JOINTS,
        Argument(
            name="reliable",
            default=FOUND,
            help="whether joint states that get lost on the way are asked for again, which not "
            "every driver offers (best effort); auto: if the driver does",
            choices=(FOUND, "true", "false"),
        ),
        Argument(
            name="wait",
            default=30.0,
            help="time to wait for the description and the first joint states [s]",
            limits=(0.1, 3600.0),
        ),
        LOSS,
        RECIPE,
        Argument(
            name="duration",
            default=300.0,
            help="robot time to learn from [s]",
            limits=(1.0, 86400.0),
        ),
        HOLD_OUT,
        replace(RECORD, help="record the joint states to a bag in OUT/bag"),
        RESUME,
        SEED,
        Argument(name="out", default="out/observe", help="folder of the results"),
        # the driver of an arm comes with a robot_state_publisher
        *(replace(a, default=NOBODY) for a in COMMON if a.name == "frames"),
    ),
    processes=(
        Process(
            name="policy_optimizer",
            executable="policy_optimizer",
            parameters={
                "robot": NameOf("urdf"),
                "model": Arg("urdf"),
                "joints": JointsOf("urdf"),
                "base_frame": BaseOf("urdf"),
                "reliable": Arg("reliable"),
                "rename": Arg("rename"),
                "loss": Arg("loss"),
                "learn_duration": Arg("duration"),
                "hold_out_duration": Arg("hold_out"),
                "silence_timeout": 60.0,
                "model_period": 0.2,
                "seed": Arg("seed"),
                "out": Arg("out"),
                "resume": Arg("resume"),
            },
            remappings=STREAM,
        ),
        _listening(
            replace(RECORDER, parameters={**RECORDER.parameters, "topics": ["joint_states"]})
        ),
        Process(
            name="conductor",
            executable="conductor",
            parameters={
                "sources": [""],
                "loss": "none",
                "seed": Arg("seed"),
                "record": Arg("record"),
            },
        ),
        *map(_listening, viewing("urdf")),
    ),
)
