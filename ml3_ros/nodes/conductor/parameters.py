# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of the conductor: the nodes of a system, their order, goals and deadlines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from ml3_ros.nodes.kit.parameters.annotated import Param
from ml3_ros.nodes.kit.parameters.base_frame import BASE_FRAME_HELP


def _pair(values: Sequence[float]) -> str | None:
    return None if len(values) == 2 else "give the lowest and the highest"


def _quaternion(values: Sequence[float]) -> str | None:
    good = len(values) == 4 and abs(math.hypot(*values) - 1.0) < 0.01
    return None if good else "give x, y, z, w of a quaternion of length 1"


@dataclass(frozen=True, kw_only=True)
class ConductorParameters:
    """Which nodes are brought up, the goals that they are sent, and the deadlines."""

    loss: Annotated[
        str,
        Param(
            "where losses come from: they are meta-trained on the stream first (train), or the "
            "learner sees to them (any other value)",
            read_only=True,
        ),
    ] = "shipped"
    sources: Annotated[
        tuple[str, ...],
        Param(
            'nodes that make the stream, in the order in which they start; [""]: none of the '
            "system, the arm's own driver does",
            read_only=True,
        ),
    ] = ("sim_arm", "excitation")
    learner: Annotated[
        str, Param("node that adapts; the run ends when it deactivates itself", read_only=True)
    ] = "policy_optimizer"
    record: Annotated[
        bool, Param("activate the node `recorder` before all others", read_only=True)
    ] = False
    iterations: Annotated[
        int,
        Param(
            "number of outer steps of each meta-training; 0: the default of meta_learner [-]",
            (0, 1_000_000),
            read_only=True,
        ),
    ] = 0
    goals: Annotated[
        int,
        Param(
            "number of random goals that are sent to the learner [-]", (0, 1000), read_only=True
        ),
    ] = 0
    goal_radius: Annotated[
        tuple[float, ...],
        Param(
            "range of the goals' distances from the vertical axis [m]",
            (0, 100),
            check=_pair,
            read_only=True,
        ),
    ] = (0.08, 0.18)
    goal_angle: Annotated[
        tuple[float, ...],
        Param(
            "range of the goals' directions, from the x axis [rad]",
            (-6.3, 6.3),
            check=_pair,
            read_only=True,
        ),
    ] = (-1.57, 1.57)
    goal_height: Annotated[
        tuple[float, ...],
        Param(
            "range of the goals' heights above the base [m]",
            (-100, 100),
            check=_pair,
            read_only=True,
        ),
    ] = (0.0, 0.0)
    goal_orientation: Annotated[
        tuple[float, ...],
        Param(
            "orientation of the hand at a goal in direction 0, which turns with the direction: "
            "quaternion x, y, z, w [-]",
            (-1, 1),
            check=_quaternion,
            read_only=True,
        ),
    ] = (0.0, 0.0, 0.0, 1.0)
    goal_turn: Annotated[
        tuple[float, ...],
        Param(
            "range of a further random turn of the hand about the vertical [rad]",
            (-6.3, 6.3),
            check=_pair,
            read_only=True,
        ),
    ] = (0.0, 0.0)
    base_frame: Annotated[str, Param(BASE_FRAME_HELP)] = "base"
    seed: Annotated[
        int, Param("seed of the meta-training and of the goals", (0, 2**31 - 1), read_only=True)
    ] = 0
    duplicate_wait: Annotated[
        float,
        Param(
            "how long after its start the node looks for another conductor on other machines, "
            "which would make it fail [s]",
            (0, 10),
            read_only=True,
        ),
    ] = 1.0
    start_timeout: Annotated[
        float, Param("longest time that a node may take to appear [s]", (1, 600), live=True)
    ] = 60.0
    train_timeout: Annotated[
        float, Param("longest time that one meta-training may take [s]", (1, 86400), live=True)
    ] = 3600.0
    run_timeout: Annotated[
        float, Param("longest time that the adaptation may take [s]", (1, 864000), live=True)
    ] = 86400.0
