# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of `reach_optimizer`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ml3_ros.nodes.kit.parameters.annotated import Param
from ml3_ros.nodes.kit.parameters.base_frame import FrameParameters


@dataclass(frozen=True, kw_only=True)
class ReachOptimizerParameters(FrameParameters):
    """The learned loss, the plan of the run, and when an episode may begin or is broken off."""

    robot: Annotated[str, Param("name of the arm, by which the shipped loss is chosen")] = "sawyer"
    joints: Annotated[
        tuple[str, ...], Param("joint names in the order of all arrays; unset: those of the loss")
    ] = ()
    loss_file: Annotated[
        str, Param("file of the learned loss; empty: ROBOT_ml3_reach, which ships")
    ] = ""
    goals: Annotated[
        int, Param("number of goals after which the node ends; 0: never [-]", (0, 1000))
    ] = 0
    updates: Annotated[
        int,
        Param(
            "number of updates of each policy, one after each episode; one more episode tests the "
            "policy [-]",
            (1, 10_000),
        ),
    ] = 15
    baseline: Annotated[
        bool,
        Param("reach every goal by random search, too, with as many episodes"),
    ] = False
    torque_share: Annotated[
        float,
        Param(
            "share of the torque limits in the loss that may be commanded; lower it for a careful "
            "start on a real arm [-]",
            (0.05, 1),
            live=True,
        ),
    ] = 1.0
    settle_time: Annotated[
        float,
        Param("time that the arm settles, from its reset to an episode [s]", (0, 60), live=True),
    ] = 0.1
    rest_velocity: Annotated[
        float,
        Param(
            "largest velocity of a joint at which an episode begins [rad/s]", (1e-4, 10), live=True
        ),
    ] = 0.05
    start_tolerance: Annotated[
        float,
        Param(
            "how far a joint may be outside the loss's range of starts when an episode begins "
            "[rad]",
            (1e-3, 1),
            live=True,
        ),
    ] = 0.05
    hand_pose_tolerance: Annotated[
        float,
        Param(
            "largest difference between the stamps of a joint state and the hand pose that is "
            "taken to belong to it [s]",
            (0, 0.1),
            live=True,
        ),
    ] = 0.005
    largest_gap: Annotated[
        float,
        Param(
            "largest time between the stamps of joint states in an episode; after a longer one it "
            "is broken off [s]",
            (1e-3, 1),
            live=True,
        ),
    ] = 0.05
    state_timeout: Annotated[
        float,
        Param(
            "time without a joint state and its hand pose after which an episode is broken off "
            "[s]",
            (0.01, 60),
            live=True,
        ),
    ] = 1.0
    frame_timeout: Annotated[
        float,
        Param(
            "time that a goal in another frame than the base's may wait for tf to know the way, "
            "before it is rejected [s]",
            (0, 60),
        ),
    ] = 2.0
    reset_timeout: Annotated[
        float,
        Param(
            "longest time that reset_arm may take until the arm is at rest where episodes begin "
            "[s]",
            (0.1, 600),
            live=True,
        ),
    ] = 30.0
    retries: Annotated[
        int,
        Param(
            "number of episodes in a row that may be broken off; one more and the node fails [-]",
            (0, 100),
            live=True,
        ),
    ] = 3
    seed: Annotated[int, Param("seed of the initial policies", (0, 2**31 - 1))] = 0
    out: Annotated[str, Param("folder of the results")] = "out/reach_optimizer"
