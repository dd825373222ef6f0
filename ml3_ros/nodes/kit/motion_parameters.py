"""Parameters of how an arm moves, the same for every node that leads one along a trajectory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from rclpy.parameter import Parameter

from ml3_ros.nodes.kit.parameters import Param
from ml3_ros.robots.base import RobotDescription
from ml3_ros.robots.control.trajectories import Excitation, ExcitationConfig, within_effort
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel

CHECKED_S = 300.0  # efforts along the trajectory are checked for so long [s]
HEAVIER = 1.2  # with masses larger than described by this factor, and the largest payload
DEFAULT = ExcitationConfig()

MOTION = (
    Param(name="robot", default="sawyer", help="sawyer, reacher, or path of a URDF or MJCF"),
    Param(name="seed", default=0, help="seed of the trajectories", limits=(0, 2**31 - 1)),
    Param(name="rate", default=100.0, help="joint states per second, sets the gains [Hz]",
          limits=(10.0, 1000.0)),
    Param(name="fade_seconds", default=2.0, help="shortest way to the trajectory's start [s]",
          limits=(0.1, 60.0)),
    Param(name="blend_seconds", default=DEFAULT.blend_seconds, help="change over from one piece "
          "of the trajectory to the next [s]", limits=(0.1, 600.0)),
    Param(name="n_sines", default=DEFAULT.n_sines, help="sines per joint [-]", limits=(1, 20)),
    Param(name="frequency", default=list(DEFAULT.frequency), help="lowest and highest "
          "frequency [Hz]", limits=(0.01, 5.0),
          check=lambda f: None if len(f) == 2 else "give the lowest and the highest"),
    Param(name="amplitude", default=DEFAULT.amplitude, help="largest sum of a joint's "
          "amplitudes [rad]", limits=(0.0, 3.0)),
    Param(name="centre", default=DEFAULT.centre, help="largest offset of a piece's centre "
          "from home [rad]", limits=(0.0, 3.0)),
    Param(name="limit_share", default=DEFAULT.limit_share, help="share of the velocity and "
          "acceleration limits that the trajectory may use [-]", limits=(0.05, 1.0)),
    Param(name="position_margin", default=DEFAULT.position_margin, help="distance that the "
          "trajectory keeps from the position limits [rad]", limits=(0.0, 1.0)),
    Param(name="lost_error", default=3.2, help="tracking error from which the arm is led from "
          "where it is again: somebody else holds it [rad]", limits=(0.01, 10.0)),
    Param(name="standstill", default=0.0, help="how long an arm may stand still while its "
          "reference moves, before it is led from where it is again: somebody else holds it; 0: "
          "for ever [s]", limits=(0.0, 60.0)),
    Param(name="effort_share", default=0.8, help="share of the effort limits that the "
          "trajectory may need with the heaviest arm; else it is made smaller [-]",
          limits=(0.05, 1.0)),
    Param(name="home", default=Parameter.Type.DOUBLE_ARRAY, help="pose around which the arm "
          "moves, one number a joint [rad]; unset: the robot's own"),
)  # fmt: skip

_ALIKE = (
    "blend_seconds",
    "n_sines",
    "frequency",
    "amplitude",
    "centre",
    "limit_share",
    "position_margin",
)


def heaviest(description: RobotDescription) -> PinocchioModel:
    """Return the arm as heavy as it may be."""
    loaded = Perturbation(payload=description.payload_limit, mass_scale=HEAVIER)
    return PinocchioModel(description, loaded)


def motion_of(p: Mapping[str, Any], description: RobotDescription, **rest: float) -> Excitation:
    """Return the trajectory that parameters describe, within all limits of the heaviest arm.

    Args:
        p: Values of MOTION's parameters.
        description: The robot.
        **rest: Other fields of `ExcitationConfig`.

    Raises:
        ConfigError: It cannot be planned.
    """
    config = replace(DEFAULT, **{name: p[name] for name in _ALIKE}, **rest)
    home = np.array(p["home"] or description.home)
    motion = Excitation(description.limits, home, p["seed"], config)
    return within_effort(motion, heaviest(description), CHECKED_S, p["effort_share"])
