# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""System sawyer_track: an arm follows a motion by the torques that networks learn meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ml3_ros.bringup.arguments import Argument
from ml3_ros.bringup.description import Process, System
from ml3_ros.bringup.placeholders import Arg, ModelOf
from ml3_ros.bringup.systems.arm_file import with_joints
from ml3_ros.bringup.systems.parts import (
    JOINTS,
    LOSS,
    OPTIMIZER,
    REAL,
    RECIPE,
    ROBOT,
    SAWYER_DRIVER,
    SIM_ARM,
)
from ml3_ros.bringup.systems.training import training_for
from ml3_ros.bringup.systems.viewing import viewing

METHODS = ["ml3_shaped", "sgd_tuned", "adam_tuned"]
# A real arm is never left without torques against gravity, moves less, and is sooner let go.
CAREFUL: Mapping[str, Any] = {
    "feedforwards": ["rigid_body", *METHODS],
    "limit_share": 0.6,
    "position_margin": 0.15,
    "lost_error": 0.8,
    "standstill": 0.4,  # stiff enough not to stick for so long
    "least_updates": 300,  # after fewer, torques are far off
}
SIMULATED: Mapping[str, Any] = {"feedforwards": ["feedback_only", "rigid_body", *METHODS]}


def _controller(**choice: Any) -> Process:
    real = "when" in choice
    return Process(
        name="tracking_controller",
        executable="tracking_controller",
        parameters={
            "robot": ModelOf("robot"),
            "seed": Arg("seed"),
            "lap_seconds": Arg("lap"),
            "out": Arg("out"),
            **(CAREFUL if real else SIMULATED),
        },
        **choice,
    )


def _conductor(arm: str, **choice: Any) -> Process:
    return Process(
        name="conductor",
        executable="conductor",
        parameters={
            "sources": [arm, "tracking_controller"],
            "loss": "none",
            "seed": Arg("seed"),
        },
        **choice,
    )


SAWYER_TRACK = System(
    name="sawyer_track",
    help="a Sawyer follows a motion with low gains, by torques that it is learning meanwhile",
    complete=with_joints("robot"),
    before=training_for("robot"),
    own_arguments=(
        ROBOT,
        JOINTS,
        LOSS,
        RECIPE,
        Argument(
            name="lap",
            default=6.0,
            help="period of the motion; each lap has the next feedforward [s]",
            limits=(2.0, 120.0),
        ),
        Argument(
            name="duration",
            default=64.0,
            help="robot time to learn from [s]",
            limits=(1.0, 86400.0),
        ),
        Argument(
            name="hold_out",
            default=32.0,
            help="robot time after `duration` in which the arm goes on with frozen models [s]",
            limits=(1.0, 86400.0),
        ),
        Argument(
            name="seed",
            default=0,
            help="seed of the simulated arm, of the motion and of all networks",
            limits=(0, 2**31 - 1),
        ),
        Argument(name="out", default="out/sawyer_track", help="folder of the results"),
    ),
    processes=(
        SIM_ARM,
        SAWYER_DRIVER,
        _controller(unless=REAL),
        _controller(when=REAL),
        replace(
            OPTIMIZER,
            parameters={
                **OPTIMIZER.parameters,
                "shipped_losses": ["ml3_shaped"],
                "model_period": 0.2,
            },
        ),
        _conductor("sim_arm", unless=REAL),
        _conductor("sawyer_driver", when=REAL),
        *viewing(),
    ),
)
