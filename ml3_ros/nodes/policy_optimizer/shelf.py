# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Shelf of the learned losses of a run: those that are there or awaited, and their units."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.errors import LossFileError, reason_of
from ml3_ros.learners.inverse_dynamics.method import checked
from ml3_ros.learners.inverse_dynamics.net import net_of
from ml3_ros.learners.inverse_dynamics.sampling import SamplingConfig
from ml3_ros.learners.inverse_dynamics.units import Units, rescaled
from ml3_ros.nodes.kit import loss_files
from ml3_ros.nodes.policy_optimizer.first_samples import MOST, FirstSamples
from ml3_ros.nodes.policy_optimizer.found_losses import found_losses
from ml3_ros.nodes.policy_optimizer.parameters import PolicyOptimizerParameters
from ml3_ros.nodes.policy_optimizer.setup import physical_joints

LEAST_SHARE = 0.02  # of the largest scale of an arm, for joints that rested while it was measured


class LossShelf:
    """The learned losses of a run by method: those that are there, and those still awaited."""

    def __init__(
        self, parameters: PolicyOptimizerParameters, report: Callable[[str], object]
    ) -> None:
        """Load what the parameters name.

        Args:
            parameters: Of the node.
            report: Called with a sentence for each loss that was trained for another arm.

        Raises:
            LossFileError: A file is missing, damaged, or for other joints.
            ConfigError: A parameter does not fit.
        """
        self.losses: dict[str, LearnedLoss] = {}
        self.born: dict[str, float] = {}  # monotonic time at which each loss came [s]
        self.borrowed: dict[str, str] = {}  # losses of another arm, in units that are not ours
        self.kept_units: Units | None = None  # of a run that is resumed
        train = "network" in parameters.models and parameters.loss == "train"
        self.methods: list[str] = list(loss_files.LEARNED) if train else []
        self._joints: tuple[str, ...] = physical_joints(parameters) or parameters.joints
        self._robot: str = parameters.robot
        self._scales = (
            parameters.units_velocity,
            parameters.units_acceleration,
            parameters.units_effort,
        )
        if self._joints:  # scales that do not fit them are rejected before there is a stream
            self._rescaled(_units_of_ones(self._joints))
        for found in found_losses(parameters, self._joints):
            self.methods.append(found.method)
            self._add(found.method, found.loss, found.borrowed)
            if found.borrowed:
                report(
                    f"{found.method}: {found.borrowed}, trained for another arm, serves joint by "
                    "joint in the place of this arm's"
                )
        self.methods = list(dict.fromkeys(self.methods))

    def _add(self, name: str, loss: LearnedLoss, borrowed: str) -> None:
        self.check(name, loss)
        if not borrowed:
            self.check_units(name, loss)
        self.put(name, loss, borrowed)

    def put(self, name: str, loss: LearnedLoss, borrowed: str = "") -> None:
        """Keep a loss for method `name`; `borrowed` names it if it was for another arm."""
        self.losses[name], self.born[name] = loss, time.monotonic()
        self.borrowed.pop(name, None)
        if borrowed:
            self.borrowed[name] = borrowed

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
        own = {n: x for n, x in self.losses.items() if n not in self.borrowed} | {name: loss}
        units = self._known_units(own)
        assert units is not None  # those of the loss
        for each in own.values():
            rescaled(each, units)

    def missing(self) -> list[str]:
        """Return the methods whose losses have not come yet."""
        return [name for name in self.methods if name not in self.losses]

    def joints(self) -> tuple[str, ...]:
        """Return the joint names; () while they are not known."""
        if self._joints:
            return self._joints
        return next((loss.spec.target.labels for loss in self.losses.values()), ())

    def units(self, first: FirstSamples) -> Units | None:
        """Return the scales: the parameters', a resumed run's, the losses', or measured ones.

        Args:
            first: The first samples of the stream.

        Returns:
            None while more samples are needed.
        """
        own = {n: loss for n, loss in self.losses.items() if n not in self.borrowed}
        known = self._known_units(own)
        if known is not None:
            return known
        if self.missing() or not first.enough:
            return None
        return self._rescaled(_lifted(first.units(self.joints())))

    def wait(self, first: FirstSamples) -> None:
        """Let go of first samples that are not needed while they are waited with."""
        first.forget(first.needed if self.missing() else MOST * first.needed)

    def waits_for(self, first: FirstSamples) -> str:
        """Return what has to come before learning can begin, "" for nothing."""
        if self.missing():
            return f"waiting for {', '.join(self.missing())} on learned_loss"
        if self.units(first) is None:
            return (
                f"waiting for motion: scales are measured on {first.needed} samples while the "
                f"arm moves, and {first.moving} have come"
            )
        return ""

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


def _lifted(units: Units) -> Units:
    """Return measured units in which a joint that rested has scales like the others', not 0."""

    def lifted(scales: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(max(scale, LEAST_SHARE * max(scales)) for scale in scales)

    return dataclasses.replace(
        units,
        velocity=lifted(units.velocity),
        acceleration=lifted(units.acceleration),
        effort=lifted(units.effort),
    )


def _units_of_ones(joints: tuple[str, ...]) -> Units:
    ones = (1.0,) * len(joints)
    return Units(joint_names=joints, velocity=ones, acceleration=ones, effort=ones)
