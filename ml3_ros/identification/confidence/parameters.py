# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of an arm's inverse dynamics by name and size: links, rotors, friction.

tau = Y(q, v, a) w with ten inertial parameters a link and, for each joint, rotor inertia, viscous
and dry friction and an offset. A size is what a parameter of that kind may amount to on this arm:
uncertainties are told in it, because kilograms and kilogram metres cannot be compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ml3_ros.identification.models.least_squares import HasRegressor, JointColumns
from ml3_ros.robots.base import JointLimits

Array = NDArray[np.float64]
Kind = Literal["mass", "moment", "inertia", "rotor", "viscous", "coulomb", "offset"]
PER_LINK = 10
FRICTION = ("viscous", "coulomb", "offset")  # in the order of JointColumns
_MOMENTS = ("x", "y", "z")
_INERTIAS = ("xx", "xy", "yy", "xz", "yz", "zz")  # as Pinocchio orders them
SMALL_TORQUE, SMALL_EFFORT = 0.02, 0.005  # noise: shares of the usual torque, of the effort limit
_STATES = 200  # random ones that tell the usual torque
_SMALLEST = 1e-3  # of the arm's largest: size of a link that its file gives no inertia


class NamedModel(HasRegressor, Protocol):
    """A rigid-body model whose joints have names and whose inertia matrix is known."""

    names: tuple[str, ...]

    def M(self, q: Array) -> Array:
        """Return the joint-space inertia matrix [kg m^2] (n, n) at q (n,)."""
        ...

    def rnea(self, q: Array, v: Array, a: Array) -> Array:
        """Return the torque [N m] (R, n) of states (R, n)."""
        ...


class LimitedModel(NamedModel, Protocol):
    """A rigid-body model that knows the limits of its joints, and where its tool is."""

    limits: JointLimits

    @property
    def tool_position(self) -> Array:
        """Where the tool is, in the frame of the joint that moves it [m], (3,)."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """One column of the regressor: what it is, and of which joint or of the link it moves."""

    kind: Kind
    joint: int
    axis: str = ""

    @property
    def group(self) -> tuple[Kind, int]:
        """Kind and joint: parameters that a motion shows or hides together."""
        return self.kind, self.joint

    def __str__(self) -> str:
        number = self.joint + 1
        if self.kind == "mass":
            return f"the mass of link {number}"
        if self.kind == "moment":
            return f"the first moment of link {number} along {self.axis}"
        if self.kind == "inertia":
            one = self.axis[0] == self.axis[1]
            where = f"about {self.axis[0]}" if one else f"in the plane {self.axis}"
            return f"the inertia of link {number} {where}"
        what = {
            "rotor": "rotor inertia",
            "viscous": "viscous friction",
            "coulomb": "dry friction",
            "offset": "offset",
        }[self.kind]
        return f"the {what} of joint {number}"


def torque_columns(model: HasRegressor, q: Array, v: Array, a: Array) -> Array:
    """Return every column (R, n, p) of states (R, n): links, rotors, friction."""
    links = model.regressor(q, v, a)[..., : PER_LINK * model.nv]
    return np.concatenate([links, JOINT_COLUMNS(v, a)], axis=-1)


JOINT_COLUMNS = JointColumns(rotor=True)


def parameters_of(n: int) -> tuple[Parameter, ...]:
    """Return the parameters (p,) of an arm of n joints, in the order of `torque_columns`."""
    found = []
    for joint in range(n):
        found.append(Parameter(kind="mass", joint=joint))
        found += [Parameter(kind="moment", joint=joint, axis=axis) for axis in _MOMENTS]
        found += [Parameter(kind="inertia", joint=joint, axis=axis) for axis in _INERTIAS]
    kinds: tuple[Kind, ...] = ("viscous", "coulomb", "offset", "rotor")
    found += [Parameter(kind=kind, joint=joint) for kind in kinds for joint in range(n)]
    return tuple(found)


def nominal_values(model: HasRegressor) -> Array:
    """Return the parameters (p,) as the arm's file gives them; friction is none."""
    inertial = model.inertial_parameters()
    n = model.nv
    armature = inertial[PER_LINK * n :] if inertial.size > PER_LINK * n else np.zeros(n)
    return np.concatenate([inertial[: PER_LINK * n], np.zeros(len(FRICTION) * n), armature])


def parameter_sizes(model: NamedModel, home: Array, friction: Array, speed: Array) -> Array:
    """Return the size (p,) of each parameter.

    A link's are its mass, its mass times the distance of its parts from the joint's origin, and
    the mean of its moments of inertia there; a rotor's is the arm's inertia about its joint at
    home; friction's is all dry and viscous friction of the joint at speed.

    Args:
        model: Of the arm.
        home: Pose at which rotors are compared [rad] (n,).
        friction: Dry plus viscous friction at `speed` of each joint [N m] (n,).
        speed: Of each joint [rad/s] (n,).
    """
    n = model.nv
    links = nominal_values(model)[: PER_LINK * n].reshape(n, PER_LINK)
    mass = np.maximum(links[:, 0], _SMALLEST * links[:, 0].max())
    inertia = links[:, [4, 6, 9]].sum(axis=1) / 3.0
    inertia = np.maximum(inertia, _SMALLEST * inertia.max())
    reach = np.sqrt(inertia / mass)
    sizes = [np.r_[m, [m * r] * 3, [i] * 6] for m, r, i in zip(mass, reach, inertia, strict=True)]
    rotor = np.diag(model.M(home))
    rotor = np.maximum(rotor, _SMALLEST * rotor.max())
    return np.concatenate([*sizes, friction / speed, friction, friction, rotor])


def usual_noise(model: LimitedModel, seed: int = 0) -> Array:
    """Return a guess of what a fit leaves of each joint's torque (n,) [N m], before any recording.

    A share of the torque that random motion takes, or of the effort limit if that is more:
    friction, and with it what no model explains, grows with the size of the drive.
    """
    rng = np.random.default_rng(seed)
    limits = model.limits
    low = np.maximum(limits.lower, np.minimum(-np.pi, limits.upper))
    high = np.minimum(limits.upper, np.maximum(np.pi, limits.lower))
    q = rng.uniform(low, high, (_STATES, len(low)))
    tau = model.rnea(q, 0.5 * rng.normal(size=q.shape), 2.0 * rng.normal(size=q.shape))
    usual = SMALL_TORQUE * np.sqrt(np.square(tau).mean(axis=0))
    return np.maximum(usual, np.where(np.isfinite(limits.effort), SMALL_EFFORT * limits.effort, 0))
