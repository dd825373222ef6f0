# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parts of tracking_controller, made from its parameters: laps and controller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from ml3_ros.errors import ConfigError
from ml3_ros.nodes.kit.parameters.annotated import Param
from ml3_ros.nodes.kit.parameters.motion import MotionParameters, heaviest
from ml3_ros.robots.base import RobotDescription
from ml3_ros.robots.control.computed_torque import ComputedTorque
from ml3_ros.robots.control.feedforward import Feedforward, FeedforwardConfig
from ml3_ros.robots.control.gains import GainConfig, PoseGains
from ml3_ros.robots.control.laps import Laps
from ml3_ros.robots.pinocchio_model import PinocchioModel

FEEDBACK_ONLY, RIGID_BODY = "feedback_only", "rigid_body"
PHYSICAL = (
    "physical_live",
    "physical_model",
    "physical_and_network",
)  # of contact_observer, and others
GAINS = GainConfig()
TRUST = FeedforwardConfig()


@dataclass(frozen=True, kw_only=True)
class TrackingParameters(MotionParameters):
    """Laps, feedback gains, and how far a learned feedforward is trusted."""

    lap_seconds: Annotated[
        float, Param("period of the motion, which is one lap [s]", (1, 120))
    ] = 6.0
    feedforwards: Annotated[
        tuple[str, ...],
        Param(
            "feedforward of each lap, over and over: feedback_only (none), rigid_body (the arm as "
            "described), physical_live (as contact_observer learns it), or a method of "
            "policy_optimizer, whose newest model is used",
            check=lambda names: None if names else "name at least one feedforward",
            live=True,
        ),
    ] = (RIGID_BODY, "ml3_shaped")
    least_updates: Annotated[
        int,
        Param(
            "updates that a network needs before it is fed forward; a lap that is its turn sooner "
            "is one of rigid_body [-]",
            (0, 10**6),
            live=True,
        ),
    ] = 0
    settle: Annotated[
        float,
        Param("beginning of each lap that its tracking error leaves out [s]", (0, 60), live=True),
    ] = 1.5
    frequency_gain: Annotated[
        float,
        Param(
            "natural frequency of a joint under feedback; it is lowered by itself where the rate "
            "is too low for a light arm [rad/s]",
            (0.5, 100),
        ),
    ] = GAINS.frequency
    damping_ratio: Annotated[
        float, Param("damping ratio of a joint under feedback [-]", (0.1, 2))
    ] = GAINS.damping
    least_stiffness: Annotated[
        float,
        Param(
            "stiffness of the lightest joints as a share of the effort limit; raise it where dry "
            "friction holds them [1/rad]",
            (0, 10),
        ),
    ] = GAINS.least_stiffness
    feedforward_share: Annotated[
        float,
        Param("largest share of the effort limits that a feedforward may take [-]", (0, 1)),
    ] = TRUST.share
    feedforward_fade: Annotated[
        float,
        Param("time in which one feedforward turns into the next [s]", (0.01, 60), live=True),
    ] = TRUST.fade
    model_timeout: Annotated[
        float,
        Param(
            "age of a learned model beyond which its torques are faded out [s]",
            (0.05, 3600),
            live=True,
        ),
    ] = 2.0
    out: Annotated[str, Param("folder for laps.json; empty: nothing is written")] = ""


def laps_of(parameters: TrackingParameters, description: RobotDescription) -> Laps:
    """Return the motion, within all limits of the heaviest arm.

    Raises:
        ConfigError: It cannot be planned, or a lap is over before its feedforward acts alone.
    """
    check_laps(parameters)
    piece = {
        "period": parameters.lap_seconds,
        "piece_seconds": parameters.blend_seconds + parameters.lap_seconds,
    }
    return Laps(parameters.excitation(description, **piece))


def check_laps(parameters: TrackingParameters) -> None:
    """Reject laps that tell nothing of their own feedforward (ConfigError)."""
    if max(parameters.feedforward_fade, parameters.settle) >= parameters.lap_seconds:
        raise ConfigError(
            "feedforward_fade and settle must be shorter than lap_seconds: else laps tell nothing "
            "of their own feedforward"
        )


def whose_turn(
    parameters: TrackingParameters, lap: int, models: Mapping[str, tuple[int, Feedforward]]
) -> str:
    """Return the feedforward of a lap, counted from 0.

    Args:
        parameters: Of the node.
        lap: Its number.
        models: Update and newest model of each method.
    """
    names = parameters.feedforwards
    name = names[lap % len(names)]
    if name in (FEEDBACK_ONLY, RIGID_BODY, *PHYSICAL):
        return name
    update = models[name][0] if name in models else 0
    return name if update >= parameters.least_updates else RIGID_BODY


def trust_of(parameters: TrackingParameters) -> FeedforwardConfig:
    """Return how far a learned feedforward is trusted."""
    return FeedforwardConfig(
        share=parameters.feedforward_share,
        fade=parameters.feedforward_fade,
        max_age=parameters.model_timeout,
    )


def controller_of(
    parameters: TrackingParameters, description: RobotDescription, laps: Laps
) -> ComputedTorque:
    """Return the controller, its gains for the heaviest arm, as far as the lightest bears them.

    Raises:
        ConfigError: Gains, or the arm, ask for a higher rate.
    """
    config = GainConfig(
        frequency=parameters.frequency_gain,
        damping=parameters.damping_ratio,
        least_stiffness=parameters.least_stiffness,
        rate=parameters.rate,
    )
    described, heavy = PinocchioModel(description), heaviest(description)
    gains = PoseGains(config, described, heavy, laps.home)
    return ComputedTorque(
        gains, description.limits, rate=parameters.rate, trust=trust_of(parameters)
    )
