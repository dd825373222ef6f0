# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Hypotheses on why a recording does not fit its model, each tried by what it leaves over.

Joints may be reversed or shifted, efforts be those of other joints or of the load, gravity be
missing in them, or a body be mounted that the model lacks, or the reverse. A fit of torque,
friction and rotor tells, whose coefficients are not negative, as friction takes energy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar, nnls

Array = NDArray[np.float64]
Kind = Literal[
    "reversed", "shift", "reversed and shifted", "swapped", "load", "gravity", "payload"
]
MISFIT = 0.03  # share of an effort's variance from which a joint does not fit
BETTER = 0.4  # what a hypothesis leaves over what was left without it, at most
HALF = 0.5  # likewise of a joint whose effort is of the load
SAMPLES = 500  # of the recording that are looked at
MANY = 8  # joints: of more, at most two at a time are tried reversed
SHIFTS = np.deg2rad(np.arange(30.0, 360.0, 30.0))
NEAREST = 0.2  # smaller shifts may be errors of the model [rad]
# what has more freedom must leave less
PRICE = {"shift": 1.5, "reversed and shifted": 2.0}
EACH = 0.2  # price of each further joint that is turned
PARTS = 10  # of a body: mass, first moment, inertia
HEAVY = 0.25  # of the last link's mass: less is an error of the model
SPECIFIC = 0.7  # a body leaves less than so many times what gains of each joint's own do


class DynamicsModel(Protocol):
    """A rigid-body model of which torque, regressor and inertial parameters are needed."""

    names: tuple[str, ...]

    def inertial_parameters(self) -> Array:
        """Return the parameters (p,) of the regressor."""
        ...

    def rnea(self, q: Array, v: Array, a: Array) -> Array:
        """Return the torque [N m] (R, n) of states (R, n)."""
        ...

    def regressor(self, q: Array, v: Array, a: Array) -> Array:
        """Return Y (R, n, p) of states (R, n), ten parameters of each link first."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sample:
    """Filtered states (R, n) [rad], and efforts (R, n), as they are or as a hypothesis has them.

    `weight` (R,) is how much each counts; `gravity` whether efforts hold it.
    """

    q: Array
    v: Array
    a: Array
    tau: Array
    weight: Array
    gravity: bool = True


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Hypothesis:
    """One cause: its kind, the joints it is about, its size, and the sample as it has it.

    `torque` (R, n) [N m] is the model's, and `left` (n,) the share of each effort's variance that
    it leaves. `size` is a shift [rad] or a mass [kg], `reach` how far that is from its joint [m].
    """

    kind: Kind
    joints: tuple[int, ...] = ()
    size: float = 0.0
    reach: float = 0.0
    sample: Sample
    torque: Array
    left: Array

    @property
    def cost(self) -> float:
        """What is left, with a price on freedom."""
        price = PRICE.get(self.kind, 1.0) * (1.0 + EACH * max(len(self.joints) - 1, 0))
        return price * total(self.left)


def model_torque(sample: Sample, model: DynamicsModel) -> Array:
    """Return the model's torque (R, n) [N m], without gravity where efforts hold none."""
    torque = model.rnea(sample.q, sample.v, sample.a)
    if sample.gravity:
        return torque
    still = np.zeros_like(sample.q)
    return np.asarray(torque - model.rnea(sample.q, still, still))


def misfit(sample: Sample, torque: Array, gain: float | None = None) -> Array:
    """Return the share (n,) of each effort's variance that gain torque + friction + rotor leave.

    Args:
        sample: States and efforts.
        torque: Of the model [N m] (R, n).
        gain: Effort per N m; without it, that which fits best and is not negative.
    """
    n = torque.shape[1]
    return np.array([_left(sample, torque, j, gain, 1.0) for j in range(n)])


def total(left: Array) -> float:
    """Return the sum over joints of what is left (n,), none more than all."""
    return float(np.minimum(left, 1.0).sum())


def find_causes(sample: Sample, model: DynamicsModel) -> list[Hypothesis]:
    """Return the hypotheses that explain a misfit, the strongest first; none where none does."""
    causes: list[Hypothesis] = []
    for _ in range(len(model.names)):
        torque = model_torque(sample, model)
        left = misfit(sample, torque)
        body = _payload(sample, model, torque, left)
        if body is not None:
            return [*causes, body]
        if left.max() < MISFIT:
            break
        best = min(_hypotheses(sample, model, torque, left), key=lambda each: each.cost)
        if best.cost > BETTER * total(left):
            break
        causes.append(best)
        sample = best.sample
    return causes


def _hypotheses(
    sample: Sample, model: DynamicsModel, torque: Array, left: Array
) -> Iterator[Hypothesis]:
    n = len(left)
    for pair in combinations(range(n), 2):
        order = np.arange(n)
        order[list(pair)] = pair[::-1]
        swapped = replace(sample, tau=sample.tau[:, order])
        yield Hypothesis(
            kind="swapped",
            joints=pair[:1],
            size=float(pair[1]),
            sample=swapped,
            torque=torque,
            left=misfit(swapped, torque),
        )
    yield _of_the_load(sample, torque, left)
    if sample.gravity:
        yield _tried("gravity", (), replace(sample, gravity=False), model)
    for count in range(1, n + 1 if n <= MANY else 3):
        for joints in combinations(range(n), count):
            yield _tried("reversed", joints, _turned(sample, joints), model)
    for j in range(n):
        yield _shift("shift", sample, j, model)
        yield _shift("reversed and shifted", _turned(sample, (j,)), j, model)


def _tried(
    kind: Kind, joints: tuple[int, ...], sample: Sample, model: DynamicsModel, size: float = 0.0
) -> Hypothesis:
    torque = model_torque(sample, model)
    return Hypothesis(
        kind=kind,
        joints=joints,
        size=size,
        sample=sample,
        torque=torque,
        left=misfit(sample, torque),
    )


def _turned(sample: Sample, joints: tuple[int, ...]) -> Sample:
    sign = np.ones(sample.q.shape[1])
    sign[list(joints)] = -1.0
    return replace(
        sample, q=sample.q * sign, v=sample.v * sign, a=sample.a * sign, tau=sample.tau * sign
    )


def _of_the_load(sample: Sample, torque: Array, left: Array) -> Hypothesis:
    """Return the hypothesis that some efforts have the other sign: friction shows it, too."""
    n = len(left)
    other = np.array([_left(sample, torque, j, None, -1.0) for j in range(n)])
    turned = other < HALF * left
    tau = np.where(turned, -sample.tau, sample.tau)
    return Hypothesis(
        kind="load",
        joints=tuple(int(j) for j in np.flatnonzero(turned)),
        sample=replace(sample, tau=tau),
        torque=torque,
        left=np.where(turned, other, left),
    )


def _shift(kind: Kind, sample: Sample, j: int, model: DynamicsModel) -> Hypothesis:
    """Return the best shift of a joint: of a few, refined between their neighbours."""

    def shifted(by: float) -> Hypothesis:
        by = (by + np.pi) % (2.0 * np.pi) - np.pi
        q = sample.q.copy()
        q[:, j] += by
        return _tried(kind, (j,), replace(sample, q=q), model, by)

    def cost(by: float) -> float:
        return shifted(by).cost

    best = float(min(SHIFTS, key=cost))
    step = float(SHIFTS[1] - SHIFTS[0])
    found = shifted(
        minimize_scalar(
            cost, bounds=(best - step, best + step), method="bounded", options={"maxiter": 12}
        ).x
    )
    if abs(found.size) < NEAREST:
        return replace(found, left=np.full_like(found.left, np.inf))
    return found


def _payload(
    sample: Sample, model: DynamicsModel, torque: Array, left: Array
) -> Hypothesis | None:
    """Return how much more mass efforts in N m show behind the last joint, if they do.

    Gains of each joint's own explain a part of such a body; it must explain more.
    """
    n = len(left)
    link = slice(10 * (n - 1), 10 * (n - 1) + PARTS)
    plain = misfit(sample, torque, gain=1.0)
    if plain.max() < MISFIT:
        return None
    bodies = model.regressor(sample.q, sample.v, sample.a)[..., link]
    root = np.sqrt(sample.weight)
    spread = np.sqrt(np.maximum([_variance(sample, j) for j in range(n)], 1e-18))
    columns, targets = [], []
    for j in range(n):
        own = _friction(sample, j)
        block = np.zeros((len(own), PARTS + n * own.shape[1]))
        block[:, :PARTS] = bodies[:, j]
        block[:, PARTS + j * own.shape[1] : PARTS + (j + 1) * own.shape[1]] = own
        columns.append(block * (root / spread[j])[:, None])
        targets.append((sample.tau[:, j] - torque[:, j]) * root / spread[j])
    body = np.linalg.lstsq(np.concatenate(columns), np.concatenate(targets), rcond=1e-6)[0]
    loaded = torque + bodies @ body[:PARTS]
    after = misfit(sample, loaded, gain=1.0)
    mass = float(body[0])
    known = abs(float(model.inertial_parameters()[link][0]))
    specific = total(after) < min(BETTER * total(plain), SPECIFIC * total(left))
    if abs(mass) < HEAVY * known or not specific or after.max() > MISFIT:
        return None
    return Hypothesis(
        kind="payload",
        joints=(n - 1,),
        size=mass,
        reach=float(np.linalg.norm(body[1:4]) / abs(mass)),
        sample=sample,
        torque=loaded,
        left=after,
    )


def _friction(sample: Sample, j: int) -> Array:
    v = sample.v[:, j]
    return np.stack([v, np.sign(v), sample.a[:, j], np.ones_like(v), -np.ones_like(v)], axis=-1)


def _left(sample: Sample, torque: Array, j: int, gain: float | None, sign: float) -> float:
    """Return the share of variance of a joint's effort, times a sign, that the fit leaves."""
    columns, target = _friction(sample, j), sign * sample.tau[:, j]
    if gain is None:
        columns = np.column_stack([torque[:, j], columns])
    else:
        target = target - gain * torque[:, j]
    root = np.sqrt(sample.weight / sample.weight.sum())
    whole = np.column_stack([columns, target]) * root[:, None]
    r = np.asarray(np.linalg.qr(whole, mode="r"))  # six columns say all that so many rows do
    error = float(nnls(r[:, :-1], r[:, -1])[1]) ** 2
    variance = _variance(sample, j)
    return error / variance if variance > 0.0 else 0.0


def _variance(sample: Sample, j: int) -> float:
    share, x = sample.weight / sample.weight.sum(), sample.tau[:, j]
    return float(share @ (x - share @ x) ** 2)
