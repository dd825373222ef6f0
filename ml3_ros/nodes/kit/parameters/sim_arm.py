# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of `sim_arm`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ml3_ros.nodes.kit.parameters.annotated import Param
from ml3_ros.nodes.kit.parameters.handling import HandlingParameters
from ml3_ros.nodes.kit.parameters.perturbation import PerturbationParameters
from ml3_ros.nodes.kit.parameters.safety import SafetyParameters


@dataclass(frozen=True, kw_only=True)
class SimArmParameters(SafetyParameters, PerturbationParameters, HandlingParameters):
    """The simulated arm, and the pace of its time."""

    robot: Annotated[str, Param("the arm: sawyer, reacher, or path of a URDF or MJCF")] = "sawyer"
    publish_rate: Annotated[
        float,
        Param("rate of joint_states, in robot time [Hz]", (10, 1000)),
    ] = 100.0
    real_time_factor: Annotated[
        float,
        Param(
            "robot seconds per second: lower it on a machine that is too slow [-]",
            (0.05, 20),
            live=True,
        ),
    ] = 1.0
    seed: Annotated[
        int, Param("seed of the sensor noise and of the poses after reset_arm", (0, 2**31 - 1))
    ] = 0
    patience: Annotated[
        float,
        Param(
            "longest time that robot time waits for a controller's answer to a joint state; 0: it "
            "never waits, as a real arm [s]",
            (0, 1),
            live=True,
        ),
    ] = 0.05
    home: Annotated[
        tuple[float, ...],
        Param("pose at the start, one number a joint [rad]; unset: the robot's own"),
    ] = ()
    home_spread: Annotated[
        float,
        Param(
            "largest random distance of each joint from home after reset_arm [rad]",
            (0, 3.2),
            live=True,
        ),
    ] = 0.0
    publish_clock: Annotated[
        bool,
        Param(
            "publish robot time on /clock, for nodes with use_sim_time; one such clock in a domain"
        ),
    ] = False
    gravity_compensation: Annotated[
        bool,
        Param(
            "add the gravity torque of the robot as described to every command, as the controller "
            "of some arms does; joint_command is then on top of gravity"
        ),
    ] = False
