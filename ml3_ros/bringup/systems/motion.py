# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""System arm_motion: any arm is moved by its own controller of trajectories, and learned."""

from __future__ import annotations

from dataclasses import replace

from ml3_ros.bringup.arguments import Argument
from ml3_ros.bringup.description import Process, System
from ml3_ros.bringup.placeholders import Arg
from ml3_ros.bringup.systems.arm_file import with_rotors
from ml3_ros.bringup.systems.invdyn import HOLD_OUT, RECORD, RECORDER
from ml3_ros.bringup.systems.parts import LOSS, OPTIMIZER, SEED
from ml3_ros.bringup.systems.ros2_control import (
    ARM,
    ARMATURE,
    EMULATED_ARM,
    EMULATOR,
    PRESET,
    REAL_ARM,
    URDF,
)
from ml3_ros.bringup.systems.viewing import viewing

COMMANDER = Process(
    name="trajectory_commander",
    executable="trajectory_commander",
    parameters={**ARM, "controller": Arg("controller"), "seed": Arg("seed")},
    when=("robot", REAL_ARM),
)
CONDUCTOR = Process(
    name="conductor",
    executable="conductor",
    parameters={
        "loss": Arg("loss"),
        "seed": Arg("seed"),
        "record": Arg("record"),
        "sources": [COMMANDER.name],
    },
    when=("robot", REAL_ARM),
)

ARM_MOTION = System(
    name="arm_motion",
    help="an arm is moved by its own joint_trajectory_controller; networks learn its dynamics",
    complete=with_rotors,
    own_arguments=(
        Argument(
            name="robot",
            default=EMULATED_ARM,
            help="the arm of urdf behind its own driver, or an emulated one",
            choices=(REAL_ARM, EMULATED_ARM),
        ),
        PRESET,
        replace(URDF, default=None),
        ARMATURE,
        Argument(
            name="controller",
            default="",
            help="its joint_trajectory_controller; empty: the usual one of the preset",
        ),
        replace(
            LOSS,
            help="learned losses: those that come with ml3_ros for this arm or one of as many "
            "joints, none, or one from a file or by its name",
            choices=("shipped", "none"),
        ),
        Argument(
            name="duration",
            default=60.0,
            help="robot time to learn from [s]",
            limits=(1.0, 86400.0),
        ),
        HOLD_OUT,
        RECORD,
        SEED,
        Argument(name="out", default="out/arm_motion", help="folder of the results"),
    ),
    processes=(
        Process(
            name=EMULATOR,
            executable=EMULATOR,
            parameters={
                **ARM,
                "trajectory_controller": Arg("controller"),
                "active": "trajectory",
                "seed": Arg("seed"),
            },
            when=("robot", EMULATED_ARM),
        ),
        COMMANDER,
        replace(
            COMMANDER,
            # nodes on a machine that is busy learning are late now and then
            parameters={
                **COMMANDER.parameters,
                "enabled": True,
                "state_timeout": 2.0,
                "lead": 0.3,
            },
            when=("robot", EMULATED_ARM),
        ),
        OPTIMIZER,
        RECORDER,
        CONDUCTOR,
        replace(
            CONDUCTOR,
            parameters={**CONDUCTOR.parameters, "sources": [EMULATOR, COMMANDER.name]},
            when=("robot", EMULATED_ARM),
        ),
        *viewing(),
    ),
)
