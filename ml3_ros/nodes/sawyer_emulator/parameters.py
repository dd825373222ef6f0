# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of `sawyer_emulator`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from ml3_ros.nodes.kit.parameters.annotated import Param
from ml3_ros.nodes.kit.parameters.perturbation import PerturbationParameters
from ml3_ros.robots.sawyer import interface as sawyer
from ml3_ros.robots.sawyer.emulation import DEFAULT_BRAKES


@dataclass(frozen=True, kw_only=True)
class SawyerEmulatorParameters(PerturbationParameters):
    """The emulated robot: its messages, its clock, its watchdog, and its friction."""

    message_package: Annotated[str, Param("ROS 2 package with the robot's messages")] = (
        sawyer.DEFAULT_PACKAGE
    )
    control_rate: Annotated[
        int, Param("rate of the robot's controller and of the physics [Hz]", (500, 2000))
    ] = 1000
    state_rate: Annotated[
        int,
        Param(
            "rate of joint_states until joint_state_publish_rate sets it [Hz]",
            (1, sawyer.MAX_STATE_RATE_HZ),
        ),
    ] = sawyer.DEFAULT_STATE_RATE_HZ
    timeout_outcome: Annotated[
        Literal["hold", "disable"],
        Param(
            "what the watchdog does when commands stop coming: the robot holds its position "
            "(hold), or disables itself (disable)"
        ),
    ] = "hold"
    brakes: Annotated[
        tuple[str, ...],
        Param("joints that are locked while the robot is disabled; the others move freely"),
    ] = tuple(DEFAULT_BRAKES)
    home: Annotated[
        tuple[float, ...],
        Param("pose at the start, one number a joint [rad]; unset: the robot's own"),
    ] = ()
    calibration_offset: Annotated[
        float,
        Param(
            "largest random distance of the joints' origins in the robot's own description from "
            "the nominal ones, as calibration leaves it [m]",
            (0, 0.01),
        ),
    ] = 0.0
    seed: Annotated[int, Param("seed of noise and calibration", (0, 2**31 - 1))] = 0
    # 2 % of the effort limits are dry friction, and as much is viscous at the speed limits.
    viscous: tuple[float, ...] = (0.92, 1.2, 0.41, 0.41, 0.052, 0.052, 0.04)
    coulomb: tuple[float, ...] = (1.6, 1.6, 0.8, 0.8, 0.18, 0.18, 0.18)
    velocity_noise: float = 2e-4
