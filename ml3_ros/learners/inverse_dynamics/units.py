# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Units of one robot: the scales that make its signals about 1 for networks and losses."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ml3_ros.core.checks import (
    LARGEST,
    MAX_JOINTS,
    SMALLEST,
    check_list,
    check_name,
    check_numbers,
    quoted,
)
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.losses.spec import InputSpec, LossSpec
from ml3_ros.errors import ConfigError, LossFileError, reason_of

TARGETS = ("tau", "tau_inertial")  # names of torques that networks predict
MIN_SCALE = 1e-6  # a joint that never moves or carries nothing still gets a usable scale


@dataclass(frozen=True, kw_only=True, slots=True)
class Units:
    """Scales of one robot's signals, each (n,) in the order of `joint_names`.

    Torques differ by two orders of magnitude between the joints of an arm; without scales no step
    size suits all of them.

    Attributes:
        joint_names: The joints, in model order.
        velocity: Typical joint velocity [rad/s].
        acceleration: Typical joint acceleration [rad/s^2].
        effort: Typical size of the torque to be predicted [N m].
    """

    joint_names: tuple[str, ...]
    velocity: tuple[float, ...]
    acceleration: tuple[float, ...]
    effort: tuple[float, ...]

    def __post_init__(self) -> None:
        check_list("units: joint names", self.joint_names, check_name)
        distinct = len(set(self.joint_names)) == len(self.joint_names)
        if not distinct or not 0 < len(self.joint_names) <= MAX_JOINTS:
            raise ConfigError(
                f"units: 1 to {MAX_JOINTS} joint names must be distinct, got "
                f"{quoted(self.joint_names)}"
            )
        for name in ("velocity", "acceleration", "effort"):
            scales = getattr(self, name)
            check_numbers(f"units: every {name} scale", scales, SMALLEST, LARGEST)
            if len(scales) != self.n_joints:
                raise ConfigError(
                    f"units: {self.n_joints} joints need {self.n_joints} {name} scales, "
                    f"got {len(scales)}"
                )
            # whole numbers may be larger than a tensor of them can hold
            object.__setattr__(self, name, tuple(map(float, scales)))

    @property
    def n_joints(self) -> int:
        """Number of joints n."""
        return len(self.joint_names)

    @staticmethod
    def from_samples(
        joint_names: Sequence[str], v: ArrayLike, a: ArrayLike, tau: ArrayLike
    ) -> "Units":
        """Return the standard deviations of samples v, a, tau, each (..., n).

        Raises:
            ConfigError: If the samples are not finite or not those of `joint_names`.
        """

        def scales(x: ArrayLike) -> tuple[float, ...]:
            x = np.asarray(x, dtype=float)
            if x.shape[-1:] != (len(joint_names),):
                raise ConfigError(
                    f"units: samples of {len(joint_names)} joints are (..., {len(joint_names)}), "
                    f"got {x.shape}"
                )
            x = x.reshape(-1, len(joint_names))
            # six digits describe a scale, and make files that hold one easy to compare
            return tuple(float(f"{s:.6g}") for s in np.maximum(x.std(axis=0), MIN_SCALE))

        return Units(
            joint_names=tuple(joint_names),
            velocity=scales(v),
            acceleration=scales(a),
            effort=scales(tau),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the units as JSON-able data."""
        return asdict(self)

    @staticmethod
    def from_dict(data: dict[str, Any]) -> "Units":
        """Rebuild units from `to_dict`'s data.

        Raises:
            ConfigError: If a field is missing or does not fit.
        """
        try:
            lists = {name: tuple(x) if isinstance(x, list) else x for name, x in data.items()}
            return Units(**lists)
        except ConfigError:
            raise
        except Exception as error:  # data from anywhere raise anything
            raise ConfigError(f"these are not units of a robot ({reason_of(error)})") from error

    def loss_spec(self, target: str, context: Sequence[str] = ("a",), **rest: Any) -> LossSpec:
        """Describe a loss on this robot.

        Args:
            target: "tau" or "tau_inertial", see `model.InverseDynamicsNet.target`.
            context: Which of "q", "v" and "a" the loss sees beside prediction and target.
            **rest: Architecture and inner optimizer, as in `LossSpec`.
        """

        def spec(name: str, unit: str, scale: tuple[float, ...]) -> InputSpec:
            return InputSpec(name=name, unit=unit, scale=scale, labels=self.joint_names)

        inputs = {
            "q": spec("q", "rad", (1.0,) * self.n_joints),
            "v": spec("v", "rad/s", self.velocity),
            "a": spec("a", "rad/s^2", self.acceleration),
        }
        return LossSpec(
            target=spec(target, "N m", self.effort),
            context=tuple(inputs[name] for name in context),
            **rest,
        )


def in_joint_units(spec: LossSpec, positions: Sequence[str]) -> LossSpec:
    """Return a spec whose units are those of the joints, which `positions` tells: rad or m, (n,).

    One unit stands for all joints that share it, else there is one a joint.
    """

    def named(one: InputSpec) -> InputSpec:
        if "m" not in positions or len(one.scale) != len(positions):
            return one
        sliding = "N" if one.unit == "N m" else one.unit.replace("rad", "m")
        units = [sliding if position == "m" else one.unit for position in positions]
        return replace(one, unit=units[0] if len(set(units)) == 1 else ", ".join(units))

    return replace(spec, target=named(spec.target), context=tuple(map(named, spec.context)))


def for_joints(loss: LearnedLoss, joint_names: Sequence[str]) -> LearnedLoss:
    """Return the loss for another arm of as many joints, in the order of its own.

    A loss sees normalised signals, so with the scales of that arm (`rescaled`) it can serve: its
    first joint then stands for the first of the arm, and so on.

    Raises:
        LossFileError: It is for another number of joints, or not for the torques of joints.
    """
    names, own = tuple(joint_names), loss.spec.target
    if len(own.scale) != len(names) or own.name not in TARGETS:
        raise LossFileError(
            f"it is no loss for the torques of {len(names)} joints ({own.name}, {len(own.scale)})"
        )

    def named(spec: InputSpec) -> InputSpec:
        return replace(spec, labels=names)

    context = tuple(named(c) for c in loss.spec.context)
    spec = replace(loss.spec, target=named(own), context=context)
    provenance = dict(loss.provenance)
    if isinstance(units := provenance.get("units"), dict):
        provenance["units"] = {**units, "joint_names": list(names)}
    return replace(loss, spec=spec, provenance=provenance)


def rescaled(loss: LearnedLoss, units: Units) -> LearnedLoss:
    """Return the loss for a robot whose signals have other sizes, of the same joints.

    The network sees normalised signals only, so new scales carry it over: for example from
    a simulated arm in N m to a real one that reports motor currents. A physics prior within a loss
    does not carry over.

    Raises:
        LossFileError: If the joints are not those of the loss, or it carries a prior in other
            units.
        ConfigError: If the loss has an input that units do not scale.
    """
    loss.check_labels(units.joint_names)
    if "units" in loss.provenance and Units.from_dict(loss.provenance["units"]) == units:
        return loss
    if loss.spec.constants(loss.phi):
        raise LossFileError(
            "this loss carries a physics prior in the units of its own robot: leave the "
            "parameters units_velocity, units_acceleration and units_effort unset, or train one "
            "for these units"
        )
    scales = {"v": units.velocity, "a": units.acceleration}
    unknown = [c.name for c in loss.spec.context if c.name not in scales]
    if unknown:
        raise ConfigError(f"the loss also sees {', '.join(unknown)}, which have no unit here")
    spec = replace(
        loss.spec,
        target=replace(loss.spec.target, scale=units.effort),
        context=tuple(replace(c, scale=scales[c.name]) for c in loss.spec.context),
    )
    provenance = {**loss.provenance, "units": units.to_dict()}
    return LearnedLoss(spec=spec, phi=loss.phi, provenance=provenance)
