# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Setup of policy_optimizer before it learns: losses, units and the learner."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence

import numpy as np

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.data.filters import FilteredSample
from ml3_ros.data.run_files import RunFolder
from ml3_ros.errors import ConfigError, DataError, LossFileError, reason_of
from ml3_ros.learners.inverse_dynamics.method import checked
from ml3_ros.learners.inverse_dynamics.net import net_of
from ml3_ros.learners.inverse_dynamics.online import OnlineConfig, OnlineLearner
from ml3_ros.learners.inverse_dynamics.sampling import SamplingConfig
from ml3_ros.learners.inverse_dynamics.squared_error import squared_error
from ml3_ros.learners.inverse_dynamics.units import Units, rescaled
from ml3_ros.learners.inverse_dynamics.worker import Plan
from ml3_ros.nodes.kit import loss_files
from ml3_ros.nodes.policy_optimizer.parameters import PolicyOptimizerParameters
from ml3_ros.zoo import shipped, shipped_loss

SGD, ADAM = "sgd_tuned", "adam_tuned"  # the baselines


class LossShelf:
    """The learned losses of a run by method: those that are there, and those still awaited."""

    def __init__(self, parameters: PolicyOptimizerParameters) -> None:
        """Load what the parameters name.

        Raises:
            LossFileError: A file is missing, damaged, or for other joints.
            ConfigError: A parameter does not fit.
        """
        self.losses: dict[str, LearnedLoss] = {}
        self.born: dict[str, float] = {}  # monotonic time at which each loss came [s]
        self.kept_units: Units | None = None  # of a run that is resumed
        self.methods: list[str] = list(loss_files.LEARNED) if parameters.loss == "train" else []
        self.samples_for_units: int = parameters.units_samples
        self._joints: tuple[str, ...] = parameters.joints
        self._robot: str = parameters.robot
        self._scales = (
            parameters.units_velocity,
            parameters.units_acceleration,
            parameters.units_effort,
        )
        if self._joints:  # scales that do not fit them are rejected before there is a stream
            self._rescaled(_units_of_ones(self._joints))
        if parameters.loss == "shipped":
            for name in parameters.shipped_losses or _methods_of(parameters.robot):
                self.methods.append(name)
                self._add(name, _shipped(parameters.robot, name))
        for text in parameters.losses:
            name, equals, file = text.partition("=")
            if not equals:
                raise ConfigError(f"losses: '{text}' is not NAME=FILE")
            self.methods.append(name)
            self._add(name, LearnedLoss.load(shipped().get(file, file)))

    def _add(self, name: str, loss: LearnedLoss) -> None:
        self.check(name, loss)
        self.check_units(name, loss)
        self.put(name, loss)

    def put(self, name: str, loss: LearnedLoss) -> None:
        """Keep a loss for method `name`."""
        self.losses[name], self.born[name] = loss, time.monotonic()

    def check(self, name: str, loss: LearnedLoss) -> None:
        """Reject a loss that method `name` cannot use, before anything depends on it.

        Raises:
            LossFileError: It is for other joints than the rest of the run, or cannot train.
        """
        if self.joints():
            loss.check_labels(self.joints())
        if "units" not in loss.provenance:
            raise LossFileError(
                f"the loss for {name} lacks the units of its robot: train it again"
            )
        try:
            units = Units.from_dict(loss.provenance["units"])
        except Exception as error:  # a file may hold anything there
            raise LossFileError(
                f"the loss for {name}: {reason_of(error)}; train it again"
            ) from error
        checked(name, loss, net_of(units, self._robot), SamplingConfig().batch_size)

    def check_units(self, name: str, loss: LearnedLoss) -> None:
        """Reject a loss for a run that has not begun, if some loss had then units of another.

        Raises:
            LossFileError: A loss cannot be carried over to the units of the run.
            ConfigError: The parameters' scales do not fit the joints.
        """
        losses = self.losses | {name: loss}
        units = self._known_units(losses)
        assert units is not None  # those of the loss
        for each in losses.values():
            rescaled(each, units)

    def missing(self) -> list[str]:
        """Return the methods whose losses have not come yet."""
        return [name for name in self.methods if name not in self.losses]

    def joints(self) -> tuple[str, ...]:
        """Return the joint names; () while they are not known."""
        if self._joints:
            return self._joints
        return next((loss.spec.target.labels for loss in self.losses.values()), ())

    def units(self, samples: Sequence[FilteredSample]) -> Units | None:
        """Return the scales: the parameters', a resumed run's, the losses', or measured ones.

        Args:
            samples: The first of the stream.

        Returns:
            None while more samples are needed.
        """
        known = self._known_units(self.losses)
        if known is not None:
            return known
        if self.methods or len(samples) < self.samples_for_units:
            return None
        v, a, tau = (np.stack([getattr(s, name) for s in samples]) for name in ("v", "a", "tau"))
        measured = Units.from_samples(self.joints(), v, a, tau)
        return self._rescaled(measured)

    def _known_units(self, losses: Mapping[str, LearnedLoss]) -> Units | None:
        """Return the scales with these losses, as far as that needs no samples."""
        known = self.kept_units
        if known is None:
            known = next((Units.from_dict(x.provenance["units"]) for x in losses.values()), None)
        if known is None and self._joints and all(self._scales):
            known = _units_of_ones(self._joints)
        return None if known is None else self._rescaled(known)

    def _rescaled(self, units: Units) -> Units:
        """Return units with the scales of the parameters, where these give them."""
        velocity, acceleration, effort = self._scales
        return dataclasses.replace(
            units,
            velocity=velocity or units.velocity,
            acceleration=acceleration or units.acceleration,
            effort=effort or units.effort,
        )


def _units_of_ones(joints: tuple[str, ...]) -> Units:
    ones = (1.0,) * len(joints)
    return Units(joint_names=joints, velocity=ones, acceleration=ones, effort=ones)


def methods_of(learned: Sequence[str], parameters: PolicyOptimizerParameters) -> list[str]:
    """Return the methods of a run: `learned`, with learned losses, and the baselines."""
    baselines = ((SGD, parameters.sgd_lr), (ADAM, parameters.adam_lr))
    return list(dict.fromkeys([*learned, *(name for name, rate in baselines if rate)]))


def make_learner(
    units: Units, losses: Mapping[str, LearnedLoss], parameters: PolicyOptimizerParameters
) -> OnlineLearner:
    """Return a fresh learner with the learned losses and the tuned baselines as methods."""
    methods = {name: rescaled(loss, units) for name, loss in losses.items()}
    if parameters.sgd_lr:
        methods[SGD] = squared_error(
            units, "tau", "sgd", parameters.sgd_lr, parameters.sgd_clip_norm
        )
    if parameters.adam_lr:
        methods[ADAM] = squared_error(units, "tau", "adam", parameters.adam_lr)
    config = OnlineConfig(sampling=SamplingConfig(steps_per_window=parameters.steps_per_window))
    return OnlineLearner(net_of(units, parameters.robot), methods, config, seed=parameters.seed)


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


def _methods_of(robot: str) -> list[str]:
    further = (name for name in loss_files.FURTHER if f"{robot}_{name}" in shipped())
    return [*loss_files.LEARNED, *further]


def _shipped(robot: str, name: str) -> LearnedLoss:
    try:
        return shipped_loss(f"{robot}_{name}")
    except LossFileError as error:
        raise LossFileError(
            f"{error}; or meta-train losses with loss:=train, or go without by loss:=none"
        ) from error
