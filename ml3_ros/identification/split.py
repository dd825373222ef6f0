# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Rows of a recording in blocks of time: some to learn from, some held out, nothing between them.

Each block is filtered by itself, and the half window at either end, where the filter would have to
look beyond the block, is dropped. No acceleration of a held-out row has seen a sample that was
learned from, and the rows on the two sides of a seam are a whole window apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.filters import uneven_acceleration
from ml3_ros.data.presliding import hysteresis
from ml3_ros.data.recording import JointRecording
from ml3_ros.errors import ConfigError, DataError

Array = NDArray[np.float64]
DISPLACEMENTS = np.array([0.001, 0.003, 0.01, 0.03, 0.1, 0.3])  # of the hysteresis columns [rad]
INNER = 3  # groups of blocks within those learned from, each left out once to choose settings
HELD_OUT = -1
UNTOUCHED = (
    0.1  # least share of held-out rows, or of a group's, that must be so to do without others
)
GAP = 0.1  # [s]: a longer step splits a recording; over shorter ones a filter can be fitted
LEAST_GAP = 3.0  # sampling periods, where these are longer than GAP


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitConfig:
    """Settings of the cut of a recording into blocks."""

    block: float = 2.0  # length of a block [s], about
    held_out: float = 0.25  # share of the blocks that is held out: every fourth
    fold: int | None = None  # which of every few blocks is held out, from 0; None: the last
    window: float = 0.25  # length of the acceleration filter [s], 31 samples at 125 Hz
    order: int = 3  # degree of its polynomial
    history: bool = True  # hysteresis remembers positions from before its block

    def __post_init__(self) -> None:
        if not 0.1 <= self.held_out <= 0.5:
            raise ConfigError(f"held_out must be 0.1 to 0.5, got {self.held_out}")
        if not (self.block > 0.0 and self.window > 0.0):
            raise ConfigError(f"block and window must be > 0 s, got {self.block}, {self.window}")
        if self.fold is not None and not 0 <= self.fold < self.every:
            raise ConfigError(
                f"fold must be 0 to {self.every - 1} where every {self.every}th block is held "
                f"out, got {self.fold}"
            )

    @property
    def every(self) -> int:
        """One block of so many is held out."""
        return round(1.0 / self.held_out)

    def window_samples(self, dt: float) -> int:
        """Return the length of the filter in samples of `dt` [s], odd."""
        return max(5, round(self.window / dt) // 2 * 2 + 1)


_DEFAULT = SplitConfig()


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Rows:
    """Filtered samples in blocks; columns in the order of `joint_names`.

    `t` (R,) [s]; `q` [rad], `v` [rad/s], `a` [rad/s^2], `tau` (unit of the recorded effort) are
    (R, n); `strain` (R, n, D) holds the hysteresis columns of DISPLACEMENTS, D = 0 where there is
    no order of time. `block` (R,) counts blocks; `group` (R,) is HELD_OUT or the inner group
    0 ... INNER - 1 of a row that may be learned from, and `twins` (R, INNER) marks of which inner
    groups a row repeats another one, so that they are not predicted from it. `on_repeats`: what is
    held out comes again in what is learned from, so errors there compare no models. `touched`
    (R, n) marks what pushed on which joints, see `robust.contact_check`; None where nothing did.
    """

    joint_names: tuple[str, ...]
    t: Array
    q: Array
    v: Array
    a: Array
    tau: Array
    strain: Array
    block: NDArray[np.intp]
    group: NDArray[np.intp]
    twins: NDArray[np.bool_]
    on_repeats: bool = False
    touched: NDArray[np.bool_] | None = None

    @property
    def untouched(self) -> NDArray[np.bool_]:
        """Rows (R,) in which nothing pushed on any joint."""
        if self.touched is None:
            return np.ones(len(self.t), dtype=bool)
        return np.asarray(~self.touched.any(axis=1))

    @property
    def scored(self) -> NDArray[np.bool_]:
        """Held-out rows (R,) that errors are means of: untouched ones, or all if too few are."""
        return self._or_all(self.held_out)

    @property
    def learnable(self) -> NDArray[np.bool_]:
        """Rows (R,) that networks learn from; as `scored`, in each inner group."""
        parts = [self._or_all(self.group == group) for group in range(INNER)]
        return np.asarray(np.any(parts, axis=0))

    def _or_all(self, some: NDArray[np.bool_]) -> NDArray[np.bool_]:
        clear = some & self.untouched
        return clear if clear.sum() >= UNTOUCHED * some.sum() else some

    @property
    def measure(self) -> str:
        """What errors on held-out rows are called."""
        return "NMSE on repeats" if self.on_repeats else "held-out NMSE"

    @property
    def held_out(self) -> NDArray[np.bool_]:
        """Rows (R,) that nothing is learned from or chosen by."""
        return np.asarray(self.group == HELD_OUT)

    def subset(self, keep: NDArray[np.bool_]) -> Rows:
        """Return the rows where `keep` (R,) is true."""
        names = ("t", "q", "v", "a", "tau", "strain", "block", "group", "twins")
        touched = None if self.touched is None else self.touched[keep]
        return replace(
            self, touched=touched, **{name: getattr(self, name)[keep] for name in names}
        )


def block_rows(recording: JointRecording, config: SplitConfig = _DEFAULT) -> Rows:
    """Cut a recording into blocks and filter each by itself.

    Gaps in time end a block; pieces too short for the filter are left out.

    Raises:
        DataError: Too short to hold out blocks and still learn from INNER groups of them.
    """
    dt = recording.dt
    window = config.window_samples(dt)
    size = round(config.block / dt)
    if size < 2 * window:
        raise ConfigError(
            f"a block of {config.block:g} s is {size} samples at {1 / dt:.0f} Hz: make it at "
            f"least {2 * window * dt:.2g} s, twice the filter's window"
        )
    pieces = []
    for part in gap_free_parts(recording):
        strain = hysteresis(recording.q[part], DISPLACEMENTS)
        count = len(part) // size or int(len(part) >= 2 * window)
        cuts = np.array_split(np.arange(len(part)), count) if count else []
        pieces += [_filtered(recording, part, piece, strain, config) for piece in cuts]
    needed = 2 * config.every
    if len(pieces) < needed:
        raise DataError(
            f"the recording is too short: {recording.t[-1]:.1f} s give {len(pieces)} blocks of "
            f"{config.block:g} s without a gap, {needed} are needed; record at least "
            f"{needed * config.block:.0f} s, or use shorter blocks (split.block=1)"
        )
    fold = config.every - 1 if config.fold is None else config.fold
    learned, groups = 0, []
    for block, piece in enumerate(pieces):
        out = block % config.every == fold
        groups.append(np.full(len(piece["t"]), HELD_OUT if out else learned % INNER))
        learned += not out

    def column(name: str) -> Array:
        return np.concatenate([piece[name] for piece in pieces])

    t = column("t")
    return Rows(
        joint_names=recording.names,
        block=np.repeat(np.arange(len(pieces)), [len(piece["t"]) for piece in pieces]),
        group=np.concatenate(groups),
        twins=np.zeros((len(t), INNER), dtype=bool),
        t=t,
        q=column("q"),
        v=column("v"),
        a=column("a"),
        tau=column("tau"),
        strain=column("strain"),
    )


def gap_free_parts(recording: JointRecording) -> list[NDArray[np.intp]]:
    """Return the sample numbers of each part without a gap."""
    longest = max(GAP, LEAST_GAP * recording.dt)
    breaks = np.flatnonzero(np.diff(recording.t) > longest) + 1
    return np.split(np.arange(len(recording.t)), breaks)


def _filtered(
    recording: JointRecording,
    part: NDArray[np.intp],
    piece: NDArray[np.intp],
    strain: Array,
    config: SplitConfig,
) -> dict[str, Array]:
    """Return the inner rows of one block: samples `piece` of the gap-free `part`."""
    rows, window = part[piece], config.window_samples(recording.dt)
    half = window // 2
    t, v = recording.t[rows], recording.v[rows]
    a, use = uneven_acceleration(t, v, recording.dt, window, config.order)
    block_strain = (
        strain[piece] if config.history else hysteresis(recording.q[rows], DISPLACEMENTS)
    )
    inner = np.flatnonzero(use)
    inner = inner[(inner >= half) & (inner < len(rows) - half)]
    signals = {name: getattr(recording, name)[rows] for name in ("t", "q", "v", "tau")}
    return {name: x[inner] for name, x in {**signals, "a": a, "strain": block_strain}.items()}
