# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""System reacher_reach: policies learn to reach goals with an arm, an episode at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ml3_ros.bringup.arguments import Argument
from ml3_ros.bringup.description import Process, System
from ml3_ros.bringup.placeholders import Arg, BaseOf
from ml3_ros.bringup.systems.viewing import viewing


def _simulated(robot: str, arm: Mapping[str, Any]) -> Process:
    """Return the simulation of an arm, with its parameters."""
    return Process(
        name="sim_arm",
        executable="sim_arm",
        parameters={
            "robot": robot,
            "real_time_factor": Arg("speed"),
            "seed": Arg("seed"),
            **arm,
        },
    )


def _processes(
    choice: str, robot: str, arm: Process, goals: Mapping[str, Any]
) -> tuple[Process, ...]:
    """Return the nodes that `robot:=choice` starts.

    Args:
        choice: Value of the argument.
        robot: Name of the arm.
        arm: What stands for the arm: its simulation, or the driver of a real one.
        goals: Where goals are: parameters of the conductor.
    """
    when = ("robot", choice)
    return (
        replace(arm, when=when),
        Process(
            name="reach_optimizer",
            executable="reach_optimizer",
            parameters={
                "robot": robot,
                "base_frame": BaseOf("robot"),
                "loss_file": Arg("loss"),
                "goals": Arg("goals"),
                "updates": Arg("updates"),
                "baseline": Arg("baseline"),
                "seed": Arg("seed"),
                "out": Arg("out"),
            },
            when=when,
        ),
        Process(
            name="conductor",
            executable="conductor",
            parameters={
                "sources": [arm.name],
                "learner": "reach_optimizer",
                "base_frame": BaseOf("robot"),
                "loss": "none",
                "goals": Arg("goals"),
                "seed": Arg("seed"),
                **goals,
            },
            when=when,
        ),
    )


# The arms are those that the shipped losses were meta-trained for, see tasks/reaching/arm_recipes.
REACHER_ARM = {
    "home": [-0.6, 1.2],  # the fingertip is on the x axis
    "home_spread": 0.1,
    "viscous": [0.02, 0.01],
}
REACHER_GOALS = {"goal_radius": [0.08, 0.18], "goal_angle": [-1.57, 1.57]}
SAWYER_ARM = {
    "home_spread": 0.02,
    "gravity_compensation": True,  # as the robot's own controller does
    "viscous": [8.0, 8.0, 4.0, 4.0, 0.9, 0.9, 0.9],
}
SAWYER_GOALS = {
    "goal_radius": [0.38, 0.6],
    "goal_angle": [-0.3, 1.0],
    "goal_height": [0.1, 0.4],
    "goal_orientation": [0.8166, 0.5768, 0.0, 0.0],  # at home: the hand points down
    "goal_turn": [-0.4, 0.4],
}

# Policies command torques on top of gravity, which the robot compensates by itself.
SAWYER_DRIVER = Process(
    name="sawyer_driver", executable="sawyer_driver", parameters={"gravity_compensation": True}
)

REACHER_REACH = System(
    name="reacher_reach",
    shown="adaptation/ml3_reach",
    help="policies learn to reach goals with an arm, from random ones in a few episodes",
    own_arguments=(
        Argument(
            name="robot",
            default="reacher",
            help="the two-joint arm, or a Sawyer whose hand reaches poses: a simulated one, or "
            "the robot itself",
            choices=("reacher", "sawyer_sim", "sawyer"),
        ),
        Argument(name="goals", default=4, help="new goals, one policy for each", limits=(1, 1000)),
        Argument(
            name="updates",
            default=10,
            help="episodes from which a policy learns; one more tests it",
            limits=(1, 1000),
        ),
        Argument(
            name="baseline",
            default=False,
            help="also reach the goals by random search, with as many episodes",
        ),
        Argument(name="loss", default="", help="file of the learned loss; empty: the shipped one"),
        Argument(
            name="speed",
            default=1.0,
            help="robot seconds per second: 1 is real time [-]",
            limits=(0.05, 20.0),
        ),
        Argument(
            name="seed",
            default=0,
            help="seed of the goals, of the simulated arm and of the policies",
            limits=(0, 2**31 - 1),
        ),
        Argument(name="out", default="out/reacher_reach", help="folder of the results"),
    ),
    processes=(
        *_processes("reacher", "reacher", _simulated("reacher", REACHER_ARM), REACHER_GOALS),
        *_processes("sawyer_sim", "sawyer", _simulated("sawyer", SAWYER_ARM), SAWYER_GOALS),
        *_processes("sawyer", "sawyer", SAWYER_DRIVER, SAWYER_GOALS),
        *viewing(),
    ),
)
