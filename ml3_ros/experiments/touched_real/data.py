# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recordings of real arms as touched arms: stretches to learn from, and the rest held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ml3_ros.core.linear_model import LinearModel
from ml3_ros.experiments.touched.data import KnownFamily
from ml3_ros.experiments.touched_real.config import ADDED, HAND, Family, TouchedRealConfig
from ml3_ros.experiments.touched_real.recordings import (
    ARMS,
    PUSHES,
    RATE,
    STANDING,
    WINDOW,
    RealArm,
)
from ml3_ros.identification.live.structure import Structure
from ml3_ros.robots.linear.arm import LinearArm
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.tasks.touched.before import Before
from ml3_ros.tasks.touched.contacts import ContactConfig, contact_torque
from ml3_ros.tasks.touched.recipes import TouchedRecipe
from ml3_ros.tasks.touched.simulated import TouchedArms

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Rows = NDArray[np.intp]
POOL = 91  # of what is added
GUARD = round(WINDOW * RATE) + 1  # rows between both sides: no acceleration has seen the other
AROUND = 0.2  # a push from which it is told what the arm holds without it [s]
SIGNALS = ("q", "v", "a", "tau", "nominal", "columns")


@dataclass(frozen=True, slots=True, eq=False)
class LinearRows:
    """Rows of a recording for a linear model: t (T,) [s], and `signals` (T, ...) by SIGNALS."""

    model: PinocchioModel
    linear: LinearArm
    t: Array
    signals: dict[str, Array]

    @staticmethod
    def of(arm: RealArm, data: str, *, memory: bool) -> LinearRows:
        """Read a recording; `memory`: whether the linear model has columns of it."""
        rows, model = arm.rows(data), arm.model(data)
        linear = LinearArm(model, memory=memory)
        every = {
            **{name: getattr(rows, name) for name in ("q", "v", "a", "tau")},
            "nominal": linear.nominal(rows.q, rows.v, rows.a),
            # friction remembers, so its columns are made of all samples
            "columns": linear.columns(rows.q, rows.v, rows.a),
        }
        signals = {name: x[rows.even] for name, x in every.items()}
        return LinearRows(model, linear, rows.t[rows.even], signals)

    def __len__(self) -> int:
        return len(self.signals["tau"])


class RealArms:
    """Stretches of one recording to learn from, touched; what is left of it is held out.

    Attributes:
        structure: Of the linear model.
        unit: Torque that a description usually leaves of each joint [N m] (n,), as live models
            take it: nothing of the recording is in it.
    """

    def __init__(self, config: TouchedRealConfig, recording: str, *, memory: bool) -> None:
        """Read a recording, and the pushed one if it is of the same arm.

        Args:
            config: Of the experiment.
            recording: Name in ARMS.
            memory: Whether the linear model has columns of friction's memory.
        """
        arm = ARMS[recording]
        self._config, self._number = config, list(ARMS).index(recording)
        self._moving = LinearRows.of(arm, config.data, memory=memory)
        self._standing: LinearRows | None = None
        if arm.urdf == STANDING.urdf and set(config.families) & set(HAND):
            self._standing = LinearRows.of(STANDING, config.data, memory=memory)
        model = self._moving.model
        self.structure = LinearModel(model.nv, tuple(self._moving.linear.kinds.tolist()))
        self.unit = Structure.of(model, model.description.home, 1.0, 0).unit

    def families(self) -> list[Family]:
        """Return those of the config that there are of this arm."""
        return [kind for kind in self._config.families if kind in ADDED or self._standing]

    def family(self, kind: Family, seed: int) -> KnownFamily:
        """Return a draw of stretches as tasks, each with what touches it."""
        arms: dict[str, list[Array]] = {}
        longest = round(self._config.support_seconds * RATE)
        n_moving = min(longest, round(self._config.share * len(self._moving)))
        latest = len(self._moving) - n_moving
        for stretch in range(self._config.stretches):
            rng = np.random.default_rng((POOL, self._number, stretch, seed))
            first = round((stretch + rng.random()) / self._config.stretches * latest)
            rows = np.arange(first, first + n_moving)
            learned = self._learned(kind, rows, rng)
            held_out = self._held_out(rows)
            for name in learned:
                both = np.concatenate([learned[name], held_out[name]])
                arms.setdefault(name, []).append(both)
        spread = np.stack([self._moving.signals["tau"].std(0)] * self._config.stretches)
        tensors = {name: torch.from_numpy(np.stack(x)).float() for name, x in arms.items()}
        n_rows = tensors["tau"].shape[1]
        recordings = TouchedArms(
            **{name: tensors[name] for name in (*SIGNALS, "free")},
            strain=torch.zeros(self._config.stretches, n_rows, 0),  # for networks alone
            spread=torch.from_numpy(spread).float(),
            touched=tensors["touched"] > 0.0,
            n_support=n_rows - len(held_out["tau"]),
        )
        before = Before.described(recordings)
        return KnownFamily(self.structure, recordings, before, TouchedRecipe().sampling())

    def _held_out(self, rows: Rows) -> dict[str, Array]:
        """Return the rest of the recording, always equally much."""
        every = np.arange(len(self._moving))
        far = (every < rows[0] - GUARD) | (every > rows[-1] + GUARD)
        others = every[far][: len(every) - len(rows) - 2 * GUARD]
        found = {name: x[others] for name, x in self._moving.signals.items()}
        return found | {"free": found["tau"], "touched": np.zeros(len(others))}

    def _learned(self, kind: Family, rows: Rows, rng: np.random.Generator) -> dict[str, Array]:
        """Return what is learned from, touched."""
        moving = {name: x[rows] for name, x in self._moving.signals.items()}
        added, touched = np.zeros_like(moving["tau"]), np.zeros(len(rows), dtype=bool)
        if kind in ADDED:
            contacts = ContactConfig(kind=kind)
            q, v, tau = (moving[name] for name in ("q", "v", "tau"))
            added, touched = contact_torque(self._moving.model, q, v, tau, contacts, rng, RATE)
        if kind not in HAND or self._standing is None:
            return _touched(moving, added, touched)
        pushes, pushed = hand_torque(self._standing.t, self._standing.signals["tau"])
        if kind == "hand":
            count = min(len(rows), len(pushes))
            added[:count] = rng.choice((-1.0, 1.0)) * pushes[:count]
            touched[:count] = pushed[:count]
            shift = int(rng.integers(len(rows)))
            return _touched(moving, np.roll(added, shift, axis=0), np.roll(touched, shift))
        standing = self._standing.signals
        standing = _touched({**standing, "tau": standing["tau"] - pushes}, pushes, pushed)
        if kind == "hand_alone":
            return standing
        moving = _touched(moving, added, touched)
        return {name: np.concatenate([moving[name], standing[name]]) for name in moving}


def hand_torque(t: Array, tau: Array) -> tuple[Array, Mask]:
    """Return what PUSHES add to the torque of the standing arm [N m] (T, n), and when (T,).

    What it holds besides goes on evenly from before a push to after it.
    """
    added, pushed = np.zeros_like(tau), np.zeros(len(t), dtype=bool)
    for begin, end in PUSHES:
        during = (t >= begin) & (t <= end)
        before, after = (tau[(t > at - AROUND) & (t < at)].mean(0) for at in (begin, end + AROUND))
        share = (t[during, None] - begin) / (end - begin)
        added[during] = tau[during] - (1.0 - share) * before - share * after
        pushed |= during
    return added, pushed


def _touched(free: dict[str, Array], added: Array, touched: Mask) -> dict[str, Array]:
    """Return signals without contacts, and with them."""
    both = {"tau": free["tau"] + added, "free": free["tau"], "touched": touched.astype(float)}
    return free | both
