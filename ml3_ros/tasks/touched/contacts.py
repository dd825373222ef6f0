# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Simulated contacts of an arm: people, tools, cables and sensor faults in its measured torque.

A force f [N] at a point of a link adds -J^T f to the torque that the motors need. Kinds differ in
what the force does, which decides what can tell it from the arm: a hand that always lifts looks
like a lighter arm, a hand that leads looks like less friction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ml3_ros.errors import ConfigError
from ml3_ros.robots.pinocchio_model import PinocchioModel

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Kind = Literal["none", "pushing", "lifting", "leading", "tool", "cable", "spikes", "drift"]
KINDS: tuple[Kind, ...] = get_args(Kind)
INNERMOST = 0.4  # share of the links, from the base on, that nothing touches
REACH = 0.15  # of points of a link from its joint [m]
MOST_TRIES = 400  # contacts of one recording


@dataclass(frozen=True, kw_only=True, slots=True)
class ContactConfig:
    """What touches an arm, how often and how hard.

    Attributes:
        kind: "none"; "pushing", forces in any direction; "lifting", mostly upwards; "leading",
            along the motion of the hand, and "tool", against it and along a fixed normal; "cable",
            taut beyond a length; "spikes", single wrong samples of a sensor; "drift", of its zero.
        share: Smallest and largest share of the time that it lasts [-].
        force: Smallest and largest force [N].
        seconds: Shortest and longest contact [s].
        spike: Smallest and largest spike, in standard deviations of the joint's torque [-].
        drift: Largest offset of a sensor, in the same unit [-].
    """

    kind: Kind = "pushing"
    share: tuple[float, float] = (0.1, 0.6)
    force: tuple[float, float] = (2.0, 25.0)
    seconds: tuple[float, float] = (0.3, 3.0)
    spike: tuple[float, float] = (0.5, 4.0)
    drift: float = 0.15

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f"kind is {self.kind!r}: use one of {', '.join(KINDS)}")
        for name in ("share", "force", "seconds", "spike"):
            low, high = getattr(self, name)
            if not 0.0 <= low <= high < np.inf:
                raise ConfigError(f"{name} is ({low}, {high}): give 0 <= smallest <= largest")
        if not (self.share[1] < 1.0 and self.seconds[0] > 0.0 and self.drift >= 0.0):
            raise ConfigError("share must be < 1, seconds > 0 and drift >= 0")


def contact_torque(
    model: PinocchioModel,
    q: Array,
    v: Array,
    tau: Array,
    config: ContactConfig,
    rng: np.random.Generator,
    rate: float,
) -> tuple[Array, Mask]:
    """Return what contacts add to the measured torque [N m] (T, n), and when they last (T,).

    Args:
        model: The arm.
        q: Positions [rad] (T, n) at `rate` [Hz].
        v: Velocities [rad/s] (T, n).
        tau: Torque without contact [N m] (T, n), the size of sensor faults.
        config: What touches it.
        rng: Of all draws.
        rate: Samples per second [Hz].
    """
    added, touched = np.zeros_like(tau), np.zeros(len(q), dtype=bool)
    share = rng.uniform(*config.share)
    if config.kind == "none":
        return added, touched
    if config.kind == "spikes":
        # a share of the time that contacts have would leave no stretch between spikes
        touched = rng.random(len(q)) < share / 4.0
        size = rng.uniform(*config.spike, tau.shape) * rng.choice((-1.0, 1.0), tau.shape)
        return np.where(touched[:, None], size * tau.std(0), 0.0), touched
    if config.kind == "drift":
        added += _drift(len(q), tau.std(0), config, rng, rate)
    if config.kind == "cable":
        return _cable(model, q, share, config, rng)
    force = FORCES.get(config.kind, _pushing)
    for _ in range(MOST_TRIES):
        if touched.mean() >= share:
            break
        length = max(2, round(rng.uniform(*config.seconds) * rate))
        first = int(rng.integers(0, max(1, len(q) - length)))
        rows = slice(first, min(len(q), first + length))
        link, point = _place(model.nv, rng, outermost=config.kind in ("leading", "tool"))
        jacobian = model.point_jacobian(q[rows], link, point)
        size = rng.uniform(*config.force) * _course(jacobian.shape[0], rng)
        direction = force(np.einsum("tij,tj->ti", jacobian, v[rows]), rng)
        added[rows] -= np.einsum("tji,tj->ti", jacobian, size[:, None] * direction)
        touched[rows] = True
    return added, touched


def _place(n: int, rng: np.random.Generator, *, outermost: bool) -> tuple[int, Array]:
    """Return a link and a point of it, see `PinocchioModel.point_jacobian`."""
    first = min(n - 1, int(np.ceil(INNERMOST * n)))
    link = n - 1 if outermost else int(rng.integers(first, n))
    return link, rng.uniform(-REACH, REACH, 3)


def _course(length: int, rng: np.random.Generator) -> Array:
    """Return the course of a contact in 0 ... 1 (length,): a step, half a sine, or a trapezoid."""
    s = np.linspace(0.0, 1.0, length)
    courses = (np.ones(length), np.sin(np.pi * s), np.clip(5.0 * np.minimum(s, 1.0 - s), 0.0, 1.0))
    return courses[int(rng.integers(3))]


def _pushing(velocity: Array, rng: np.random.Generator) -> Array:
    direction = rng.standard_normal(3)
    return np.tile(direction / np.linalg.norm(direction), (len(velocity), 1))


def _lifting(velocity: Array, rng: np.random.Generator) -> Array:
    direction = np.array([0.0, 0.0, 1.0]) + 0.3 * rng.standard_normal(3)
    return np.tile(direction / np.linalg.norm(direction), (len(velocity), 1))


def _leading(velocity: Array, rng: np.random.Generator) -> Array:
    """Return the direction of the motion; it vanishes where there is none."""
    return velocity / np.maximum(np.linalg.norm(velocity, axis=1, keepdims=True), 0.02)


def _against(velocity: Array, rng: np.random.Generator) -> Array:
    """Return a fixed normal less the direction of the motion, as of a tool on a surface."""
    friction = rng.uniform(0.2, 0.6)
    return _pushing(velocity, rng) - friction * _leading(velocity, rng)


FORCES: dict[str, Callable[[Array, np.random.Generator], Array]] = {
    "pushing": _pushing,
    "lifting": _lifting,
    "leading": _leading,
    "tool": _against,
}
"""Direction (T, 3) of the force by kind, from the velocity (T, 3) [m/s] of the point."""


def _drift(
    n_samples: int, scale: Array, config: ContactConfig, rng: np.random.Generator, rate: float
) -> Array:
    """Return slow waves of the zero of every sensor [N m] (T, n)."""
    t = np.arange(n_samples)[:, None] / rate
    seconds = rng.uniform(5.0, 40.0, len(scale))
    phase = rng.uniform(0.0, 2.0 * np.pi, len(scale))
    size = config.drift * rng.uniform(0.0, 1.0, len(scale)) * scale
    return np.asarray(size * np.sin(2.0 * np.pi * t / seconds + phase))


def _cable(
    model: PinocchioModel,
    q: Array,
    share: float,
    config: ContactConfig,
    rng: np.random.Generator,
) -> tuple[Array, Mask]:
    """Return the torque of an elastic cable that is taut for `share` of the time, and when."""
    link, point = _place(model.nv, rng, outermost=False)
    jacobian = model.point_jacobian(q, link, point)
    # where the point goes, up to a constant: the cable's other end is somewhere around there
    steps = np.einsum("tij,tj->ti", 0.5 * (jacobian[1:] + jacobian[:-1]), np.diff(q, axis=0))
    path = np.concatenate([np.zeros((1, 3)), np.cumsum(steps, axis=0)])
    to_end = path.mean(0) + 0.3 * rng.standard_normal(3) - path
    length = np.linalg.norm(to_end, axis=1)
    stretch = np.maximum(length - np.quantile(length, 1.0 - share), 0.0)
    stiffness = rng.uniform(*config.force) / max(float(stretch.max()), 1e-6)
    force = (stiffness * stretch / np.maximum(length, 1e-6))[:, None] * to_end
    return -np.einsum("tji,tj->ti", jacobian, force), stretch > 0.0
