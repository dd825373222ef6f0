# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Systems sawyer_invdyn, reacher_invdyn and replay: networks learn an arm's inverse dynamics."""

from __future__ import annotations

from dataclasses import replace

from ml3_ros.bringup.arguments import Argument
from ml3_ros.bringup.description import Process, System
from ml3_ros.bringup.placeholders import Arg, BaseOf, JointsOf, ModelOf, NameOf, RecordedJointsOf
from ml3_ros.bringup.systems.arm_file import with_joints, with_urdf
from ml3_ros.bringup.systems.parts import (
    JOINTS,
    LOSS,
    OPTIMIZER,
    REAL,
    RECIPE,
    RENAME,
    ROBOT,
    SAWYER_DRIVER,
    SEED,
    SIM_ARM,
    with_defaults,
)
from ml3_ros.bringup.systems.training import training_for
from ml3_ros.bringup.systems.viewing import viewing

RECORD = Argument(name="record", default=False, help="record all topics to a bag in OUT/bag")
RESUME = Argument(
    name="resume", default=False, help="go on from the checkpoints in OUT instead of afresh"
)
HOLD_OUT = Argument(
    name="hold_out",
    default=20.0,
    help="robot time after `duration` on which the models are only tested [s]",
    limits=(1.0, 600.0),
)

RECORDER = Process(
    name="recorder", executable="recorder", parameters={"out": Arg("out")}, when=("record", True)
)
EXCITATION = Process(
    name="excitation",
    executable="excitation",
    parameters={"robot": ModelOf("robot"), "seed": Arg("seed")},
    unless=REAL,
)
# The driver lets through less than a simulated arm takes, and a real arm waits for nobody.
CAREFUL_EXCITATION = replace(
    EXCITATION,
    parameters={
        **EXCITATION.parameters,
        "limit_share": 0.6,
        "position_margin": 0.15,
        "lost_error": 0.1,
        "gain": 0.1,
    },
    when=REAL,
    unless=None,
)
CONDUCTOR = Process(
    name="conductor",
    executable="conductor",
    parameters={"loss": Arg("loss"), "seed": Arg("seed"), "record": Arg("record")},
    unless=REAL,
)

SAWYER_INVDYN = System(
    name="sawyer_invdyn",
    help="a Sawyer moves; networks learn its inverse dynamics under several losses",
    complete=with_joints("robot"),
    own_arguments=(
        ROBOT,
        JOINTS,
        LOSS,
        Argument(
            name="duration",
            default=60.0,
            help="robot time to learn from [s]",
            limits=(1.0, 86400.0),
        ),
        HOLD_OUT,
        RECORD,
        RESUME,
        SEED,
        Argument(name="out", default="out/sawyer_invdyn", help="folder of the results"),
    ),
    processes=(
        SIM_ARM,
        SAWYER_DRIVER,
        EXCITATION,
        CAREFUL_EXCITATION,
        Process(
            name="rigid_body_prior",
            executable="rigid_body_prior",
            parameters={"robot": ModelOf("robot")},
            when=("loss", "train"),
        ),
        Process(
            name="meta_learner",
            executable="meta_learner",
            parameters={
                "robot": NameOf("robot"),
                "joints": JointsOf("robot"),
                "base_frame": BaseOf("robot"),
                "out": Arg("out"),
                "resume": Arg("resume"),
            },
            when=("loss", "train"),
        ),
        replace(OPTIMIZER, parameters={**OPTIMIZER.parameters, "resume": Arg("resume")}),
        RECORDER,
        CONDUCTOR,
        replace(
            CONDUCTOR,
            parameters={**CONDUCTOR.parameters, "sources": ["sawyer_driver", "excitation"]},
            when=REAL,
            unless=None,
        ),
        *viewing(),
    ),
)

REACHER_DEFAULTS = {"robot": "reacher", "duration": 30.0, "out": "out/reacher_invdyn"}
REACHER_MOTION = {
    "piece_seconds": 3.0,
    "blend_seconds": 1.0,
    "amplitude": 1.2,
    "centre": 0.8,
    "frequency": [0.2, 1.2],
}
REACHER_INVDYN = replace(
    SAWYER_INVDYN,
    name="reacher_invdyn",
    help="a two-joint arm moves; the same as sawyer_invdyn, in half the time",
    own_arguments=with_defaults(SAWYER_INVDYN.own_arguments, REACHER_DEFAULTS),
    processes=tuple(
        replace(process, parameters={**process.parameters, **REACHER_MOTION})
        if process.executable == "excitation"
        else process
        for process in SAWYER_INVDYN.processes
    ),
)

RECORDED_JOINTS = RecordedJointsOf(
    name="urdf", bag="bag", topic="topic", rename="rename", joints="joints"
)
REPLAY = System(
    name="replay",
    help="a recording of a real arm is streamed; networks learn its inverse dynamics",
    complete=with_urdf,
    before=training_for("urdf"),
    own_arguments=(
        Argument(name="bag", default=None, help="rosbag2 recording: a folder, .db3 or .mcap"),
        Argument(
            name="urdf",
            default=None,
            help="ur10, sawyer, path of a URDF or MJCF, or topic (topic:NAME): the "
            "robot_description that is published now. It names joints and losses, and the report "
            "compares with it; no learner reads it",
        ),
        Argument(
            name="topic",
            default="",
            help="topic of the recording; empty: the one that carries the joints",
        ),
        RENAME,
        JOINTS,
        LOSS,
        RECIPE,
        Argument(
            name="rate",
            default=1.0,
            help="robot seconds per second: 1 is real time [-]",
            limits=(0.1, 100.0),
        ),
        Argument(
            name="duration",
            default=22.5,
            help="robot time to learn from; the models are only tested on what follows [s]",
            limits=(1.0, 86400.0),
        ),
        RESUME,
        SEED,
        Argument(name="out", default="out/replay", help="folder of the results"),
    ),
    processes=(
        Process(
            name="bag_player",
            executable="bag_player",
            parameters={
                "bag": Arg("bag"),
                "topic": Arg("topic"),
                "rename": Arg("rename"),
                "joints": RECORDED_JOINTS,
                "base_frame": BaseOf("urdf"),
                "rate": Arg("rate"),
            },
        ),
        Process(
            name="policy_optimizer",
            executable="policy_optimizer",
            parameters={
                "robot": NameOf("urdf"),
                "model": Arg("urdf"),
                "joints": RECORDED_JOINTS,
                "base_frame": BaseOf("urdf"),
                "loss": Arg("loss"),
                "learn_duration": Arg("duration"),
                "hold_out_duration": 86400.0,
                "silence_timeout": 30.0,
                "steps_per_window": 8,
                "filter_seconds": 0.25,
                "seed": Arg("seed"),
                "out": Arg("out"),
                "resume": Arg("resume"),
            },
        ),
        Process(
            name="conductor",
            executable="conductor",
            parameters={"sources": ["bag_player"], "loss": "none", "seed": Arg("seed")},
        ),
        *viewing("urdf"),
    ),
)
