# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Forces of a person's hand on the links of a simulated arm: one push, and random ones in time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import mujoco
import numpy as np
from numpy.typing import NDArray

from ml3_ros.errors import ConfigError
from ml3_ros.robots.base import Array

Vector = tuple[float, float, float]
Kind = Literal["lead", "lean", "let_go"]
KINDS: tuple[Kind, ...] = ("lead", "lean", "let_go")
_RAMP = 0.3  # share of a push in which its force grows, and of one that leans in which it ends


@dataclass(frozen=True, kw_only=True, slots=True)
class Push:
    """A force on a link: `force` [N] in the frame of the base, at `point` [m] of the link's frame.

    `link` is the number of the joint that moves it, from 0.
    """

    link: int
    point: Vector
    force: Vector


@dataclass(frozen=True, kw_only=True, slots=True)
class Touch:
    """A push that lasts: its force grows and ends by `kind`, from `start` [s] for `seconds`.

    lead: half a sine; lean: a ramp up, a while at full force, a ramp down; let_go: a slow rise,
    and gone at once.
    """

    kind: Kind
    start: float
    seconds: float
    push: Push  # at full force

    def at(self, t: float) -> Push | None:
        """Return the push at a time [s], None before and after."""
        done = (t - self.start) / self.seconds
        if not 0.0 <= done < 1.0:
            return None
        if self.kind == "lead":
            share = np.sin(np.pi * done)
        elif self.kind == "lean":
            share = min(1.0, done / _RAMP, (1.0 - done) / _RAMP)
        else:
            share = min(1.0, 0.5 * done / _RAMP)
        x, y, z = (float(share * component) for component in self.push.force)
        return replace(self.push, force=(x, y, z))


@dataclass(frozen=True, kw_only=True, slots=True)
class TouchConfig:
    """How often and how hard a simulated person touches an arm."""

    force: tuple[float, float] = (5.0, 40.0)  # [N]
    seconds: tuple[float, float] = (0.3, 3.0)  # that one touch lasts
    pause: tuple[float, float] = (1.0, 6.0)  # between two [s]
    first_link: int = 2  # number of the innermost link that is touched, from 0
    reach: float = 0.15  # largest distance from a link's origin along each axis [m]

    def __post_init__(self) -> None:
        """Reject what nobody can do (ConfigError)."""
        for name in ("force", "seconds", "pause"):
            low, high = getattr(self, name)
            if not (0.0 <= low <= high < np.inf and high > 0.0):
                raise ConfigError(f"{name} is {low} to {high}: it must be >= 0, finite and rising")
        if self.first_link < 0 or not 0.0 <= self.reach < np.inf:
            raise ConfigError(
                f"first_link {self.first_link} and reach {self.reach} m must be >= 0"
            )


def random_touches(
    n_links: int, seed: int, start: float, end: float, config: TouchConfig = TouchConfig()
) -> tuple[Touch, ...]:
    """Return touches one after another between two times [s]; same arguments, same touches.

    Args:
        n_links: Of the arm, one a joint.
        seed: Of all draws.
        start: When the first pause begins [s].
        end: When the last touch is over [s].
        config: How often and how hard.
    """
    rng = np.random.default_rng(seed)
    touches: list[Touch] = []
    t = start + rng.uniform(*config.pause)
    first = min(config.first_link, n_links - 1)
    while t < end:
        seconds = rng.uniform(*config.seconds)
        direction = rng.normal(size=3)
        force = rng.uniform(*config.force) * direction / np.linalg.norm(direction)
        point = rng.uniform(-config.reach, config.reach, size=3)
        push = Push(
            link=int(rng.integers(first, n_links)),
            point=tuple(point.tolist()),
            force=tuple(force.tolist()),
        )
        kind = KINDS[int(rng.integers(len(KINDS)))]
        if t + seconds <= end:
            touches.append(Touch(kind=kind, start=t, seconds=seconds, push=push))
        t += seconds + rng.uniform(*config.pause)
    return tuple(touches)


def pushes_at(touches: tuple[Touch, ...], t: float) -> tuple[Push, ...]:
    """Return what pushes at a time [s]."""
    return tuple(push for touch in touches if (push := touch.at(t)) is not None)


class HandledArm(Protocol):
    """An arm that can be pushed and loaded; `MujocoArm` is one."""

    def push(self, *pushes: Push) -> None:
        """Let these forces act from now on."""
        ...

    def set_payload(self, mass: float) -> None:
        """Put a point mass [kg] at the tool in place of the payload."""
        ...


class Handling:
    """What people do with an arm, and when: touches, and payloads that come and go.

    Attributes:
        payload: At the tool as of the last call of `apply` [kg]; NaN before one is put there.
    """

    def __init__(
        self, touches: tuple[Touch, ...], payloads: tuple[tuple[float, float], ...] = ()
    ) -> None:
        """Begin at time 0.

        Args:
            touches: One after another.
            payloads: Times [s], rising, and masses [kg] that are at the tool from then on.
        """
        self._touches, self._payloads = deque(touches), deque(payloads)
        self.payload = float("nan")

    def apply(self, arm: HandledArm, t: float) -> None:
        """Push and load an arm as at time t [s], which does not run backwards."""
        while self._payloads and t >= self._payloads[0][0]:
            self.payload = self._payloads.popleft()[1]
            arm.set_payload(self.payload)
        while self._touches and t >= self._touches[0].start + self._touches[0].seconds:
            self._touches.popleft()
        arm.push(*pushes_at(tuple(self._touches)[:1], t))


def joint_torque(
    model: mujoco.MjModel,
    data: mujoco.MjData,
    bodies: NDArray[np.intp],
    pushes: tuple[Push, ...],
) -> Array:
    """Return sum J^T f [N m] of pushes in MuJoCo's order of velocities, where the arm is now.

    Args:
        model: Of the arm.
        data: Where it is; its kinematics are brought up to date.
        bodies: Body that each joint moves, (n,).
        pushes: Forces.
    """
    torque = np.zeros(model.nv)
    if not pushes:
        return torque
    mujoco.mj_kinematics(model, data)
    mujoco.mj_comPos(model, data)
    J = np.zeros((3, model.nv))
    for push in pushes:
        body = int(bodies[push.link])
        point = data.xpos[body] + data.xmat[body].reshape(3, 3) @ push.point
        mujoco.mj_jac(model, data, J, None, point, body)
        torque += J.T @ push.force
    return torque
