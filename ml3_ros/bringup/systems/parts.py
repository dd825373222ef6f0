# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parts that several systems share: arguments, and the nodes of an arm and of its learner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ml3_ros.bringup.arguments import Argument
from ml3_ros.bringup.description import Process
from ml3_ros.bringup.placeholders import Arg, BaseOf, JointsOf, ModelOf, NameOf

REAL = ("robot", "sawyer")  # the robot itself; all others are simulated

ROBOT = Argument(
    name="robot",
    default="sawyer_sim",
    help="simulated arm (sawyer_sim, reacher, or path of a URDF or MJCF file), or sawyer: "
    "the robot itself; where there is an argument preset also ros2_control: the arm of urdf "
    "behind its own driver, or ros2_control_emulated: an emulated one",
)
SEED = Argument(
    name="seed",
    default=0,
    help="seed of the simulated arm, of the trajectories and of all networks",
    limits=(0, 2**31 - 1),
)
LOSS = Argument(
    name="loss",
    default="shipped",
    help="learned losses: those that come with ml3_ros for this arm or one of as many joints, new "
    "ones that are meta-trained first, none, or one from a file or by its name",
    choices=("shipped", "train", "none"),
    file="FILE",
)
RECIPE = Argument(
    name="recipe",
    default="",
    help="settings of `ml3 train` for loss:=train, as recipe.architecture=adaptive n_robots=64",
)
JOINTS = Argument(
    name="joints",
    default="",
    help="joints of the arm that move, as [a, b], all others are held; empty: all, of a recording "
    "or stream those that it carries",
)
RENAME = Argument(
    name="rename",
    default="",
    help="names that come in terms of the URDF's: a prefix, or COMES=NAME,...; empty: one prefix "
    "that tells all names apart is found",
)

SIM_ARM = Process(
    name="sim_arm",
    executable="sim_arm",
    parameters={
        "robot": ModelOf("robot"),
        "seed": Arg("seed"),
        "perturbation_seed": Arg("seed"),
    },
    unless=REAL,
)
SAWYER_DRIVER = Process(name="sawyer_driver", executable="sawyer_driver", when=REAL)
OPTIMIZER = Process(
    name="policy_optimizer",
    executable="policy_optimizer",
    parameters={
        "robot": NameOf("robot"),
        "model": ModelOf("robot"),
        "joints": JointsOf("robot"),
        "base_frame": BaseOf("robot"),
        "loss": Arg("loss"),
        "learn_duration": Arg("duration"),
        "hold_out_duration": Arg("hold_out"),
        "seed": Arg("seed"),
        "out": Arg("out"),
    },
)


def with_defaults(
    arguments: Iterable[Argument], defaults: Mapping[str, Any]
) -> tuple[Argument, ...]:
    """Return the arguments of a system for one like it, some with other defaults by name."""
    return tuple(replace(a, default=defaults.get(a.name, a.default)) for a in arguments)
