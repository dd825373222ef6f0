"""What tracking_controller is made of, from its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml3_ros.errors import ConfigError
from ml3_ros.nodes.kit.motion_parameters import MOTION, heaviest, motion_of
from ml3_ros.nodes.kit.parameters import Param
from ml3_ros.robots.base import RobotDescription
from ml3_ros.robots.control.computed_torque import ComputedTorque
from ml3_ros.robots.control.feedforward import FeedforwardConfig
from ml3_ros.robots.control.gains import GainConfig, PoseGains
from ml3_ros.robots.control.laps import Laps
from ml3_ros.robots.pinocchio_model import PinocchioModel

FEEDBACK_ONLY, RIGID_BODY = "feedback_only", "rigid_body"
GAINS = GainConfig()
TRUST = FeedforwardConfig()

PARAMETERS = (
    *MOTION,
    Param(name="lap_seconds", default=6.0, help="period of the motion [s]",
          limits=(1.0, 120.0)),
    Param(name="feedforwards", default=[RIGID_BODY, "ml3_shaped"], help="what is fed forward "
          "lap by lap, over and over: feedback_only, rigid_body (the arm as described), or "
          "a method of the learner",
          check=lambda names: None if names else "name at least one feedforward"),
    Param(name="settle", default=1.5, help="beginning of each lap that does not count [s]",
          limits=(0.0, 60.0)),
    Param(name="frequency_gain", default=GAINS.frequency, help="natural frequency of a joint "
          "under feedback, lowered where the rate is too low for a light arm [rad/s]",
          limits=(0.5, 100.0)),
    Param(name="damping_ratio", default=GAINS.damping, help="damping ratio of a joint under "
          "feedback [-]", limits=(0.1, 2.0)),
    Param(name="least_stiffness", default=GAINS.least_stiffness, help="stiffness of the "
          "lightest joints, as a share of the effort limit [1/rad]", limits=(0.0, 10.0)),
    Param(name="feedforward_share", default=TRUST.share, help="largest share of the effort "
          "limits that a feedforward may take [-]", limits=(0.0, 1.0)),
    Param(name="feedforward_fade", default=TRUST.fade, help="how long one feedforward takes "
          "to turn into the next [s]", limits=(0.01, 60.0)),
    Param(name="model_timeout", default=2.0, help="age of a learned model from which its "
          "torques are faded out [s]", limits=(0.05, 3600.0)),
    Param(name="out", default="", help="folder for laps.json; empty: nothing is written"),
)  # fmt: skip


def laps_of(p: Mapping[str, Any], description: RobotDescription) -> Laps:
    """Return the motion, within all limits of the heaviest arm.

    Raises:
        ConfigError: It cannot be planned, or a lap is over before its feedforward acts alone.
    """
    if max(p["feedforward_fade"], p["settle"]) >= p["lap_seconds"]:
        raise ConfigError(
            "feedforward_fade and settle must be shorter than lap_seconds: else laps tell nothing "
            "of their own feedforward"
        )
    piece = {"period": p["lap_seconds"], "piece_seconds": p["blend_seconds"] + p["lap_seconds"]}
    return Laps(motion_of(p, description, **piece))


def controller_of(
    p: Mapping[str, Any], description: RobotDescription, laps: Laps
) -> ComputedTorque:
    """Return the controller, its gains for the heaviest arm, as far as the lightest bears them.

    Raises:
        ConfigError: Gains, or the arm, ask for a higher rate.
    """
    config = GainConfig(
        frequency=p["frequency_gain"],
        damping=p["damping_ratio"],
        least_stiffness=p["least_stiffness"],
        rate=p["rate"],
    )
    trust = FeedforwardConfig(
        share=p["feedforward_share"], fade=p["feedforward_fade"], max_age=p["model_timeout"]
    )
    described, heavy = PinocchioModel(description), heaviest(description)
    gains = PoseGains(config, described, heavy, laps.home)
    return ComputedTorque(gains, description.limits, rate=p["rate"], trust=trust)
