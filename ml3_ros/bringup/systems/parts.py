# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parts that several systems share: arguments, and the nodes of an arm and of its learner."""

from __future__ import annotations

from ml3_ros.bringup.arguments import Argument
from ml3_ros.bringup.description import Arg, BaseOf, JointsOf, ModelOf, NameOf, Process

REAL = ("robot", "sawyer")  # the robot itself; all others are simulated

ROBOT = Argument(
    name="robot",
    default="sawyer_sim",
    help="simulated arm (sawyer_sim, reacher, or path of a URDF or MJCF file), or sawyer: "
    "the robot itself",
)
SEED = Argument(
    name="seed",
    default=0,
    help="seed of the simulated arm, of the trajectories and of all networks",
    limits=(0, 2**31 - 1),
)
SHIPPED_LOSS = Argument(
    name="loss",
    default="shipped",
    help="use the losses that come with ml3_ros for this arm, or none",
    choices=("shipped", "none"),
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
