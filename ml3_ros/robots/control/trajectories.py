# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Excitation trajectories: endless, smooth, within limits; they reveal an arm's dynamics."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ml3_ros.errors import ConfigError
from ml3_ros.robots.base import Array, JointLimits, RigidBodyModel, joint_array
from ml3_ros.robots.control.sines import Sines

_GRID = 0.02  # spacing [s] at which limits are checked; peaks in between are < 0.2 % higher
_MOST_AHEAD = 10_000  # pieces that are planned at once: each needs the one before
_APART = 0.05  # standard deviation of a joint's phase from the others' at work [rad]
_SHRINK = 0.93  # of the amplitude, from one rejected draw to the next


@dataclass(frozen=True, kw_only=True, slots=True)
class ExcitationConfig:
    """Shape of an excitation; the defaults suit a Sawyer (accelerations of a few rad/s^2)."""

    piece_seconds: float = 5.0  # a new sum of sines every so often [s]
    blend_seconds: float = 2.0  # of these, change over from the last one [s]
    n_sines: int = 3  # per joint
    frequency: tuple[float, float] = (0.1, 0.8)  # [Hz]
    amplitude: float = 0.7  # largest sum of a joint's amplitudes [rad]; see JointLimits.as_far_as
    centre: float = 0.3  # largest offset of a piece's centre from home [rad]
    limit_share: float = 0.94  # of the velocity and acceleration limits that may be used
    position_margin: float = 0.05  # distance kept from the position limits [rad]
    period: float = 0.0  # with which each piece repeats itself [s]; 0: it does not
    work_seconds: float = 0.0  # pieces that begin before it are of joints that move together [s]

    def __post_init__(self) -> None:
        """Reject shapes that cannot be planned (ConfigError)."""
        for name, value in asdict(self).items():
            if not np.isfinite(value).all():  # draws of it would be NaN
                raise ConfigError(f"{name} is {value}: it must be finite")
        if not 0.0 < self.blend_seconds <= self.piece_seconds:
            raise ConfigError(
                f"blend_seconds is {self.blend_seconds}: it must be > 0 and at most "
                f"piece_seconds, {self.piece_seconds}"
            )
        if self.n_sines < 1:
            raise ConfigError(f"n_sines is {self.n_sines}: it must be >= 1")
        if not 0.0 < self.frequency[0] <= self.frequency[1]:
            raise ConfigError(
                f"frequency is {self.frequency}: give the lowest and the highest, both > 0 Hz"
            )
        if not (self.amplitude >= 0.0 and self.centre >= 0.0):
            raise ConfigError(f"amplitude {self.amplitude} and centre {self.centre} must be >= 0")
        if not 0.0 < self.limit_share <= 1.0:
            raise ConfigError(f"limit_share is {self.limit_share}: it must be in (0, 1]")
        if not self.position_margin >= 0.0:
            raise ConfigError(f"position_margin is {self.position_margin}: it must be >= 0")
        if not self.period >= 0.0:
            raise ConfigError(f"period is {self.period}: it must be >= 0 s")
        if not self.work_seconds >= 0.0:
            raise ConfigError(f"work_seconds is {self.work_seconds}: it must be >= 0 s")


class Excitation:
    """An endless, twice continuously differentiable path around `home`; same seed, same path.

    It starts at home at rest. Every `piece_seconds` each joint gets a new random sum of sines; the
    change from the last one, q = (1 - s) old + s new with the quintic s(x) = 10 x^3 - 15 x^4 + 6
    x^5, takes `blend_seconds`. Draws that would exceed the position, velocity or acceleration
    limits are replaced by others, in the end by smaller ones. Effort limits need a model: see
    `within_effort`.

    Until `work_seconds` the arm is at work: the sines of a piece are those of all joints, which
    differ by a little in phase alone. Such motion hardly tells the inertia of one joint from that
    of another.
    """

    def __init__(
        self,
        limits: JointLimits,
        home: ArrayLike,
        seed: int = 0,
        config: ExcitationConfig = ExcitationConfig(),
    ) -> None:
        """Plan nothing yet; pieces are drawn when they are needed.

        Raises:
            ConfigError: home is not inside the position limits, or the seed is negative.
        """
        n = len(limits.lower)
        self.limits, self.config, self.seed = limits, config, seed
        self.home = joint_array(home, n, "home")
        if seed < 0:
            raise ConfigError(f"seed is {seed}: it must be >= 0")
        margin = limits.margin(config.position_margin)
        inside = (self.home >= limits.lower + margin) & (self.home <= limits.upper - margin)
        outside = ~inside  # also where a limit is NaN
        if outside.any():
            raise ConfigError(
                f"home of joint {limits.name(int(np.argmax(outside)))} is at its limit: choose "
                "one inside"
            )
        still = np.zeros((n, config.n_sines))
        self._pieces = [
            Sines(self.home, still, still, still)
        ]  # number k is the piece before time k * piece_seconds

    def at(self, t: ArrayLike) -> tuple[Array, Array, Array]:
        """Return q [rad], v [rad/s], a [rad/s^2] at time t [s]: each (n,), or (T, n) for t (T,).

        Before time 0 the arm rests at home.

        Raises:
            ConfigError: t is not finite, or so late that planning up to there would take minutes.
        """
        times = np.maximum(np.atleast_1d(np.asarray(t, dtype=np.float64)), 0.0)
        if times.ndim != 1 or not np.isfinite(times).all():
            raise ConfigError("t must be one finite time, or a list of them")
        latest = (len(self._pieces) + _MOST_AHEAD) * self.config.piece_seconds
        if times.max(initial=0.0) > latest:
            raise ConfigError(
                f"t is {times.max()} s, the motion can be planned up to {latest:g} s from here: "
                "give times since the motion began"
            )
        index = np.floor_divide(times, self.config.piece_seconds).astype(int)
        self._plan(int(index.max(initial=0)) + 1)
        first = int(index.min(initial=0))
        pieces = self._pieces[first : int(index.max(initial=0)) + 2]
        stacked = [np.stack(part) for part in zip(*pieces, strict=True)]
        old = Sines(*(part[index - first] for part in stacked))
        new = Sines(*(part[index - first + 1] for part in stacked))
        x = times - index * self.config.piece_seconds
        q, v, a = self._blend(old.at(x + self.config.piece_seconds), new.at(x), x)
        return (q[0], v[0], a[0]) if np.ndim(t) == 0 else (q, v, a)

    def piece(self, number: int, x: float) -> tuple[Array, Array, Array]:
        """Return q, v, a, each (n,), of one piece alone at x [s] after its start.

        That is the path once the change over from the piece before is made.
        """
        self._plan(number)
        q, v, a = self._pieces[number].at(np.array([x]))[:, 0]
        return q, v, a

    def _blend(self, old: Array, new: Array, x: Array) -> Array:
        """Return (1 - s) old + s new with derivatives, (3, T, n) as old and new, x [s] (T,) on."""
        s, ds, dds = quintic(x / self.config.blend_seconds)[:, :, None]
        ds, dds = ds / self.config.blend_seconds, dds / self.config.blend_seconds**2
        gap = new - old
        q = old[0] + s * gap[0]
        v = old[1] + s * gap[1] + ds * gap[0]
        a = old[2] + s * gap[2] + 2.0 * ds * gap[1] + dds * gap[0]
        return np.stack((q, v, a))

    def _plan(self, count: int) -> None:
        while len(self._pieces) <= count:
            self._pieces.append(self._draw(len(self._pieces), self._pieces[-1]))

    def _draw(self, number: int, before: Sines) -> Sines:
        """Return a random piece that can follow `before` and be followed by rest at home."""
        piece_seconds, blend_seconds = self.config.piece_seconds, self.config.blend_seconds
        times = np.arange(0.0, piece_seconds + _GRID, _GRID)
        tail = np.arange(0.0, blend_seconds + _GRID, _GRID)
        rest = self._pieces[0].at(tail)
        old = before.at(times + piece_seconds)
        rng = np.random.default_rng((self.seed, number))
        chosen = self._pieces[0]
        missing = np.ones(len(self.home), dtype=bool)
        scale = 1.0
        while missing.any():
            piece = self._random_piece(rng, scale)
            if self._at_work(number):
                piece = self._together(piece, number)
            kept = self._within(self._blend(old, piece.at(times), times))
            kept &= self._within(self._blend(piece.at(tail + piece_seconds), rest, tail))
            take = missing & (kept | (scale < 1e-3))
            chosen = Sines(
                *(
                    np.where(take.reshape(-1, *[1] * (new.ndim - 1)), new, old_part)
                    for new, old_part in zip(piece, chosen, strict=True)
                )
            )
            missing &= ~take
            scale *= _SHRINK
        return chosen

    def _random_piece(self, rng: np.random.Generator, scale: float) -> Sines:
        shape = (len(self.home), self.config.n_sines)
        share = rng.uniform(0.2, 1.0, shape)
        far = self.limits.as_far_as(scale)
        total = far[:, None] * self.config.amplitude * rng.uniform(0.5, 1.0, (shape[0], 1))
        centre = self.home + far * self.config.centre * rng.uniform(-1.0, 1.0, shape[0])
        frequency = self._frequencies(rng, shape)
        return Sines(
            centre=centre,
            amplitude=total * share / share.sum(axis=1, keepdims=True),
            omega=2.0 * np.pi * frequency,
            phase=rng.uniform(0.0, 2.0 * np.pi, shape),
        )

    def _at_work(self, number: int) -> bool:
        return (number - 1) * self.config.piece_seconds < self.config.work_seconds

    def _together(self, piece: Sines, number: int) -> Sines:
        """Return a piece with the same sines for all joints; each keeps its size and centre."""
        rng = np.random.default_rng((self.seed, number, 0))  # the same for draws made anew
        shape = (1, self.config.n_sines)
        share = rng.uniform(0.2, 1.0, shape)
        sign = rng.choice((-1.0, 1.0), (len(self.home), 1))
        frequency = self._frequencies(rng, shape)
        phase = rng.uniform(0.0, 2.0 * np.pi, shape)
        total = piece.amplitude.sum(axis=1, keepdims=True)
        return Sines(
            centre=piece.centre,
            amplitude=sign * total * share / share.sum(),
            omega=np.broadcast_to(2.0 * np.pi * frequency, piece.omega.shape),
            phase=phase + rng.normal(0.0, _APART, piece.phase.shape),
        )

    def _frequencies(self, rng: np.random.Generator, shape: tuple[int, int]) -> Array:
        """Return random frequencies [Hz]; with a period, multiples of that."""
        frequency: Array = rng.uniform(*self.config.frequency, shape)
        if self.config.period:
            frequency = np.maximum(np.round(frequency * self.config.period), 1.0)
            frequency /= self.config.period
        return frequency

    def _within(self, motion: Array) -> NDArray[np.bool_]:
        """Return for each joint whether q, v, a (3, T, n) keep the limits, (n,) bool."""
        q, v, a = motion
        share = self.config.limit_share
        margin = self.limits.margin(self.config.position_margin)
        fits = (q >= self.limits.lower + margin) & (q <= self.limits.upper - margin)
        fits &= np.abs(v) <= share * self.limits.velocity
        fits &= np.abs(a) <= share * self.limits.acceleration
        inside: NDArray[np.bool_] = fits.all(axis=0)
        return inside


def peak_effort(
    excitation: Excitation, model: RigidBodyModel, duration: float, dt: float = _GRID
) -> Array:
    """Return the largest |tau| [N m] (n,) that the excitation takes during `duration` [s]."""
    q, v, a = excitation.at(np.arange(0.0, duration, dt))
    rows = zip(q, v, a, strict=True)
    peak: Array = np.max([np.abs(model.rnea(*row)) for row in rows], axis=0)
    return peak


def within_effort(
    excitation: Excitation, model: RigidBodyModel, duration: float, share: float = 0.9
) -> Excitation:
    """Return the excitation, if needed made smaller, that keeps `share` of the effort limits.

    Raises:
        ConfigError: Not even a fiftieth of the amplitude does, so the arm can hardly hold itself
            at home; names the joint.
    """
    config, limits = excitation.config, excitation.limits
    for scale in (*np.linspace(1.0, 0.1, 10), 0.05, 0.02):
        smaller = replace(config, amplitude=scale * config.amplitude, centre=scale * config.centre)
        candidate = Excitation(limits, excitation.home, excitation.seed, smaller)
        taken = peak_effort(candidate, model, duration) / limits.effort
        if (taken <= share).all():
            return candidate
    worst = int(np.argmax(taken))
    raise ConfigError(
        f"the arm exceeds its effort limits near home: joint {limits.name(worst)} takes "
        f"{taken[worst]:.0%} of its own; choose another home or a smaller payload"
    )


def quintic(x: Array) -> Array:
    """Return s, ds/dx, d2s/dx2, (3, T), of the quintic step from 0 at x <= 0 to 1 at x >= 1."""
    x = np.clip(x, 0.0, 1.0)
    return np.stack(
        (
            x**3 * (10.0 + x * (6.0 * x - 15.0)),
            30.0 * x**2 * (1.0 - x) ** 2,
            60.0 * x * (1.0 - x) * (1.0 - 2.0 * x),
        )
    )
