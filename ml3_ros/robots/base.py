# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Description and state of a robot arm, and the protocols of simulated arms and models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ml3_ros.errors import RobotError

if TYPE_CHECKING:
    import pinocchio

Array = NDArray[np.float64]

LEVER = 0.2  # of an arm's links: what a joint that slides moves, where others turn by 1 rad [m]
_LARGEST_MARGIN = 0.2  # share of a joint's range that is kept free at each end


@dataclass(frozen=True, kw_only=True, slots=True)
class JointLimits:
    """Limits of n joints, each an array (n,); infinite where the description gives none.

    Where a joint `slides`, its position is in metres and its effort in newtons.
    """

    lower: Array  # [rad]
    upper: Array  # [rad]
    velocity: Array  # largest |v| [rad/s]
    effort: Array  # largest |tau| [N m]
    acceleration: Array  # largest |a| [rad/s^2]
    slides: NDArray[np.bool_] = field(default_factory=lambda: np.array(False))  # (n,), or for all
    names: tuple[str, ...] = ()  # of the joints, for sentences

    def name(self, joint: int) -> str:
        """Return a joint's name, or its number from 1 where names are not known."""
        return self.names[joint] if self.names else str(joint + 1)

    @property
    def span(self) -> Array:
        """Range of positions [rad, m], (n,)."""
        return self.upper - self.lower

    @property
    def units(self) -> tuple[str, ...]:
        """Unit of each position, "rad" or "m"."""
        slides = np.broadcast_to(self.slides, self.lower.shape)
        return tuple("m" if slide else "rad" for slide in slides)

    @property
    def effort_units(self) -> tuple[str, ...]:
        """Unit of each effort, "N m" or "N"."""
        return tuple("N" if unit == "m" else "N m" for unit in self.units)

    def largest(self, error: Array) -> dict[str, float]:
        """Return the largest of tracking errors (n,), named with its unit for /diagnostics."""
        joint = int(np.argmax(np.abs(error)))
        return {f"largest tracking error [{self.units[joint]}]": float(abs(error[joint]))}

    def as_far_as(self, angle: float) -> Array:
        """Return an angle [rad] for joints that turn, and for others what a link does then [m]."""
        slides = np.broadcast_to(self.slides, self.lower.shape)
        return np.asarray(angle * np.where(slides, LEVER, 1.0))

    def margin(self, angle: float) -> Array:
        """Return a distance to keep from position limits [rad, m], (n,).

        That is `angle` [rad] or what it is in metres, and at most a fifth of a joint's range.
        """
        return np.minimum(self.as_far_as(angle), _LARGEST_MARGIN * self.span)


@dataclass(frozen=True, kw_only=True, slots=True)
class RobotDescription:
    """A fixed-base arm as its file describes it; every joint has one degree of freedom.

    `names` is the order of every joint vector. `home` [rad] (n,) is where the arm rests. `tool`
    names the frame (MJCF site or body, URDF link) that carries the payload, and `base` the one
    that poses are in: a URDF's root link, the world of a MJCF. `payload_limit` [kg] is the largest
    payload that random perturbations draw. `gravity` [m/s^2] (3,) in the frame of the base.
    `model` is Pinocchio's, of these joints alone: copy it before a change. `held` tells where the
    file's other joints are held [rad, m], and `urdf` is the text in which they are fixed ("" of a
    MJCF). `notes` are sentences on what was left out, held or mended.
    """

    name: str
    path: Path
    format: Literal["mjcf", "urdf"]
    names: tuple[str, ...]
    limits: JointLimits
    home: Array
    tool: str
    base: str
    payload_limit: float
    gravity: Array
    model: pinocchio.Model
    held: Mapping[str, float] = field(default_factory=dict)
    urdf: str = ""
    notes: tuple[str, ...] = ()

    @property
    def nq(self) -> int:
        """Number of joint positions."""
        return len(self.names)

    @property
    def nv(self) -> int:
        """Number of joint velocities (= nq: one degree of freedom a joint)."""
        return len(self.names)


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmState:
    """What an arm measures at time t [s]: q [rad], v [rad/s], tau [N m], each (n,).

    tau is the torque that the motors really apply at that instant, gravity load included (M a +
    nle + friction = tau with the acceleration of that instant). `saturated` (n,) is true where the
    last command was beyond the effort limit.
    """

    t: float
    q: Array
    v: Array
    tau: Array
    saturated: NDArray[np.bool_]


class Arm(Protocol):
    """An arm that moves: takes torques, returns what it measures."""

    names: tuple[str, ...]
    limits: JointLimits
    nq: int
    nv: int

    def state(self) -> ArmState:
        """Return the newest measurement."""
        ...

    def step(self, tau: Array, dt: float) -> ArmState:
        """Go over to the full torque tau [N m] (n,) within dt [s]; return the state then."""
        ...

    def reset(self, q: Array, v: Array | None = None) -> ArmState:
        """Put the arm at q [rad] with velocity v [rad/s] (default: at rest), at time 0."""
        ...


class RigidBodyModel(Protocol):
    """A model that knows: M(q) a + nle(q, v) = tau, for q, v, a of shape (n,)."""

    names: tuple[str, ...]
    limits: JointLimits
    nq: int
    nv: int

    def M(self, q: Array) -> Array:
        """Joint-space inertia matrix [kg m^2], (n, n), armature included."""
        ...

    def nle(self, q: Array, v: Array) -> Array:
        """Coriolis, centrifugal and gravity torque [N m], (n,)."""
        ...

    def rnea(self, q: Array, v: Array, a: Array) -> Array:
        """Inverse dynamics tau = M(q) a + nle(q, v) [N m], (n,)."""
        ...

    def forward_kinematics(self, q: Array) -> Array:
        """Pose T_world_tool, a homogeneous matrix (4, 4) [m]."""
        ...


def joint_array(value: object, n: int, what: str) -> Array:
    """Return `value` as a finite float array (n,) or raise a RobotError that names `what`."""
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise RobotError(
            f"{what} is not a list of numbers: give {n} numbers, one per joint"
        ) from None
    if array.shape != (n,):
        raise RobotError(
            f"{what} has shape {array.shape}, but the arm has {n} joints: give shape ({n},)"
        )
    if not np.isfinite(array).all():
        raise RobotError(f"{what} holds NaN or infinity: send finite numbers only")
    return array


def tracking_arrays(
    n: int, q: object, v: object, q_ref: object, v_ref: object | None, a_ref: object | None
) -> tuple[Array, Array, Array, Array, Array]:
    """Return a measured state and its reference as finite arrays (n,); absent rates are zero.

    Raises:
        RobotError: One of them is not `n` finite numbers.
    """

    def rate(value: object | None, what: str) -> Array:
        return np.zeros(n) if value is None else joint_array(value, n, what)

    return (
        joint_array(q, n, "q"),
        joint_array(v, n, "v"),
        joint_array(q_ref, n, "q_ref"),
        rate(v_ref, "v_ref"),
        rate(a_ref, "a_ref"),
    )
