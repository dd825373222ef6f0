# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Setup of policy_optimizer before it learns: the plan, the learner, what is written of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.data.run_files import RunFolder
from ml3_ros.errors import ConfigError, DataError, reason_of
from ml3_ros.learners.inverse_dynamics.net import net_of
from ml3_ros.learners.inverse_dynamics.online import OnlineConfig, OnlineLearner
from ml3_ros.learners.inverse_dynamics.sampling import SamplingConfig
from ml3_ros.learners.inverse_dynamics.squared_error import squared_error
from ml3_ros.learners.inverse_dynamics.units import Units, rescaled
from ml3_ros.learners.inverse_dynamics.worker import Plan
from ml3_ros.nodes.policy_optimizer.parameters import PolicyOptimizerParameters

SGD, ADAM = "sgd_tuned", "adam_tuned"  # the baselines
METHOD_OF = {"physical": "physical_model", "physical_and_network": "physical_and_network"}


def methods_of(learned: Sequence[str], parameters: PolicyOptimizerParameters) -> list[str]:
    """Return the methods of a run: `learned`, with learned losses, baselines, physical models."""
    baselines = ((SGD, parameters.sgd_lr), (ADAM, parameters.adam_lr))
    networks = [*learned, *(name for name, rate in baselines if rate)]
    physical = physical_of(parameters)
    return list(dict.fromkeys([*(networks if "network" in parameters.models else []), *physical]))


def make_learner(
    units: Units,
    losses: Mapping[str, LearnedLoss],
    parameters: PolicyOptimizerParameters,
    report: Callable[[str], object],
) -> OnlineLearner:
    """Return a fresh learner of all models of the run.

    Args:
        units: Scales of the robot.
        losses: Learned losses by method; tuned baselines are added.
        parameters: Of the node.
        report: Called when a network on a physical model is let through, or shut out.

    Raises:
        ConfigError: The arm of physical models has other joints.
    """
    networks = "network" in parameters.models
    methods = {name: rescaled(loss, units) for name, loss in losses.items()}
    if networks and parameters.sgd_lr:
        methods[SGD] = squared_error(
            units, "tau", "sgd", parameters.sgd_lr, parameters.sgd_clip_norm
        )
    if networks and parameters.adam_lr:
        methods[ADAM] = squared_error(units, "tau", "adam", parameters.adam_lr)
    config = OnlineConfig(sampling=SamplingConfig(steps_per_window=parameters.steps_per_window))
    net, seed = net_of(units, parameters.robot), parameters.seed
    physical = physical_of(parameters)
    if not physical:
        return OnlineLearner(net, methods, config, seed=seed)
    from ml3_ros.nodes.policy_optimizer.physical import companion_of

    companion = companion_of(units.joint_names, physical, parameters, report)
    return OnlineLearner(net, methods, config, seed=seed, companions=[companion])


def physical_of(parameters: PolicyOptimizerParameters) -> list[str]:
    """Return the methods with a physical model; without any, this process knows no model."""
    return [METHOD_OF[name] for name in parameters.models if name != "network"]


def physical_joints(parameters: PolicyOptimizerParameters) -> tuple[str, ...]:
    """Return the joints of the arm that physical models begin as; () without such models.

    Raises:
        ConfigError: The parameter joints names others.
    """
    if not physical_of(parameters):
        return ()
    from ml3_ros.nodes.policy_optimizer.physical import arm_of

    return arm_of(parameters, parameters.joints).names


def run_config(
    parameters: PolicyOptimizerParameters, units: Units, start_stamp: int, window: int
) -> dict[str, Any]:
    """Return what config.json holds of a run.

    Args:
        parameters: Of the node.
        units: Scales of the robot.
        start_stamp: Of the first sample of the stream [ns].
        window: Samples per prediction.
    """
    return {
        "experiment": "invdyn_live",
        **dataclasses.asdict(parameters),
        "units": units.to_dict(),
        "robot": parameters.model or parameters.robot,
        "start_stamp": start_stamp,
        "window": window,
    }


def plan_of(parameters: PolicyOptimizerParameters) -> Plan:
    """Return how long to learn, to test, and between checkpoints."""
    return Plan(
        learn_duration=parameters.learn_duration,
        hold_out_duration=parameters.hold_out_duration,
        checkpoint_period=parameters.checkpoint_period,
    )


def replace_loss(online: OnlineLearner, name: str, loss: LearnedLoss) -> None:
    """Train method `name` with another loss from now on, in the units of the run.

    Raises:
        LossFileError: It is for other joints or units, or cannot train; all stays as it was.
    """
    online.replace_loss(name, rescaled(loss, online.optimizee.units))


def kept_units(folder: RunFolder, joints: Sequence[str]) -> Units:
    """Return the units of the run that a folder holds.

    Args:
        folder: Of the run.
        joints: Of the run that goes on; () while they are not known.

    Raises:
        DataError: It holds no units, or was a run of other joints.
    """
    try:
        units = Units.from_dict(folder.load_config().get("units", {}))
        if joints and units.joint_names != tuple(joints):
            raise DataError(f"it was of the joints {', '.join(units.joint_names)}")
    except (ConfigError, DataError) as error:
        raise DataError(
            f"the run in {folder.path} cannot go on ({reason_of(error)}): set resume to false, or "
            "choose its parameters"
        ) from error
    return units
