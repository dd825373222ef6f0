# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of how an arm moves, the same for every node that leads one along a trajectory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np

from ml3_ros.nodes.kit.parameters.annotated import Param
from ml3_ros.nodes.kit.parameters.names import NameParameters
from ml3_ros.robots.base import RobotDescription
from ml3_ros.robots.control.trajectories import Excitation, ExcitationConfig, within_effort
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel

CHECKED_S = 300.0  # efforts along the trajectory are checked for so long [s]
HEAVIER = 1.2  # with masses larger than described by this factor, and the largest payload
DEFAULT = ExcitationConfig()


def _two(values: Sequence[float]) -> str | None:
    return None if len(values) == 2 else "give the lowest and the highest"


@dataclass(frozen=True, kw_only=True)
class MotionParameters(NameParameters):
    """The arm, its trajectory, and when the arm is led back to it."""

    robot: Annotated[str, Param("the arm: sawyer, reacher, or path of a URDF or MJCF")] = "sawyer"
    seed: Annotated[
        int,
        Param("seed of the random trajectory; the same seed gives the same one", (0, 2**31 - 1)),
    ] = 0
    rate: Annotated[
        float,
        Param(
            "rate at which joint_states come, and torques are sent in answer; sets the gains [Hz]",
            (10.0, 1000.0),
        ),
    ] = 100.0
    fade_seconds: Annotated[
        float,
        Param(
            "shortest time in which the arm is led from where it is to the start of the "
            "trajectory [s]",
            (0.1, 60.0),
            live=True,
        ),
    ] = 2.0
    blend_seconds: Annotated[
        float,
        Param("time in which one piece of the trajectory turns into the next [s]", (0.1, 600.0)),
    ] = DEFAULT.blend_seconds
    n_sines: Annotated[
        int, Param("number of sines that each joint's motion is the sum of [-]", (1, 20))
    ] = DEFAULT.n_sines
    frequency: Annotated[
        tuple[float, ...],
        Param("lowest and highest frequency of the sines [Hz]", (0.01, 5.0), check=_two),
    ] = DEFAULT.frequency
    amplitude: Annotated[
        float, Param("largest sum of the amplitudes of a joint's sines [rad]", (0.0, 3.0))
    ] = DEFAULT.amplitude
    centre: Annotated[
        float,
        Param("largest distance of the centre of a joint's motion from home [rad]", (0.0, 3.0)),
    ] = DEFAULT.centre
    limit_share: Annotated[
        float,
        Param(
            "share of the arm's velocity and acceleration limits that the trajectory may use; "
            "lower it for a careful start on a real arm [-]",
            (0.05, 1.0),
        ),
    ] = DEFAULT.limit_share
    position_margin: Annotated[
        float,
        Param("distance that the trajectory keeps from the position limits [rad]", (0.0, 1.0)),
    ] = DEFAULT.position_margin
    lost_error: Annotated[
        float,
        Param(
            "tracking error beyond which somebody else is taken to hold the arm: it gets no "
            "torque and is led on from where it is [rad]",
            (0.01, 10.0),
            live=True,
        ),
    ] = 3.2
    standstill: Annotated[
        float,
        Param(
            "time that the arm may stand still while its reference moves; after it somebody else "
            "is taken to hold it, as for lost_error; 0: for ever [s]",
            (0.0, 60.0),
            live=True,
        ),
    ] = 0.0
    effort_share: Annotated[
        float,
        Param(
            "share of the effort limits that the trajectory may need with the heaviest payload; "
            "a trajectory that needs more is made smaller [-]",
            (0.05, 1.0),
        ),
    ] = 0.8
    home: Annotated[
        tuple[float, ...],
        Param("pose around which the arm moves, one number a joint [rad]; unset: the robot's own"),
    ] = ()

    def excitation(self, description: RobotDescription, **rest: float) -> Excitation:
        """Return the trajectory of these parameters, within all limits of the heaviest arm.

        Args:
            description: The robot.
            **rest: Other fields of `ExcitationConfig`.

        Raises:
            ConfigError: It cannot be planned.
        """
        lowest, highest = self.frequency
        config = replace(
            DEFAULT,
            blend_seconds=self.blend_seconds,
            n_sines=self.n_sines,
            frequency=(lowest, highest),
            amplitude=self.amplitude,
            centre=self.centre,
            limit_share=self.limit_share,
            position_margin=self.position_margin,
            **rest,
        )
        home = np.array(self.home or description.home)
        motion = Excitation(description.limits, home, self.seed, config)
        return within_effort(motion, heaviest(description), CHECKED_S, self.effort_share)


def heaviest(description: RobotDescription) -> PinocchioModel:
    """Return the arm as heavy as it may be."""
    loaded = Perturbation(payload=description.payload_limit, mass_scale=HEAVIER)
    return PinocchioModel(description, loaded)
