# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Trainings of networks on touched arms that are no learned loss, tuned on validation arms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml3_ros.core.inner_optimizers import Adam
from ml3_ros.core.learner import Learner
from ml3_ros.core.losses.spec import LossSpec
from ml3_ros.core.types import Params
from ml3_ros.experiments.rivals.bracketed import bracketed
from ml3_ros.experiments.runner.adaptation import training_curves
from ml3_ros.experiments.touched.config import DECAYS, HALVES, SHARES, STEP_SIZES, WIDTHS
from ml3_ros.experiments.touched.data import FIT_WEIGHTS, UNTOUCHED
from ml3_ros.experiments.touched.handmade import HandmadeLoss, huber, windowed
from ml3_ros.tasks.touched.contacts import Kind
from ml3_ros.tasks.touched.families import TouchedFamily

Array = NDArray[np.float64]
DEFAULT_STEP = 1e-3  # of Adam, as people run it
FIRST_WIDTH = 2.0  # of weights, before it is tuned
FIRST_NETWORK = 0  # seed of first networks and batches, the same for every method


@dataclass(frozen=True, slots=True)
class DecayingAdam:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019). An `InnerOptimizer`.

    Attributes:
        rule: Adam.
        decay: Share of the parameters that a step takes off, over its size.
    """

    rule: Adam
    decay: float

    def init(self, theta: Params, lead: tuple[int, ...] = ()) -> Params:
        """Return the state before the first step."""
        return self.rule.init(theta, lead)

    def step(
        self, theta: Params, grads: Params, state: Params, phi: Params
    ) -> tuple[Params, Params]:
        """Return (theta', state')."""
        kept = 1.0 - self.rule.inner_lr * self.decay
        decayed = {k: kept * p for k, p in theta.items()}
        return self.rule.step(decayed, grads, state, phi)


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """One way to train a network.

    Attributes:
        weight: "squared" if all samples count alike, "huber", "window", or a name in GIVEN.
        width: Of the weight, in units of the scale of residuals.
        half: Half the window [samples].
        of_fit: Whether a window sees what the earlier fit left, not the network's own residuals.
        step_size: Of Adam.
        decay: Weight decay.
        mark: Number of the mark at which training ends; -1 is the last.
        share: Number of the share of the prediction that is kept, in SHARES.
    """

    weight: str = "squared"
    width: float = FIRST_WIDTH
    half: int = 0
    of_fit: bool = False
    step_size: float = DEFAULT_STEP
    decay: float = 0.0
    mark: int = -1
    share: int = len(SHARES) - 1

    def learner(self, family: TouchedFamily, effort: Sequence[float]) -> Learner:
        """Return the model with its loss and update rule."""
        weights = {"huber": huber(self.width), "window": windowed(self.width, self.half)}
        loss = HandmadeLoss(
            gain=1.0 / torch.tensor(effort),
            weight=weights.get(self.weight),
            run=family.sampling.length,
            given=GIVEN.get(self.weight, ""),
            of_target=self.of_fit,
        )
        return Learner(family.optimizee, loss, DecayingAdam(Adam(self.step_size), self.decay))


GIVEN = {"known": UNTOUCHED, "fit's weights": FIT_WEIGHTS}


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """Errors of networks on the way, each (arms, shares, marks).

    Attributes:
        free: NMSE of torque without contacts, mean over joints, at every share of the prediction
            that is kept.
        measured: The same of measured torque.
    """

    free: Array
    measured: Array

    def of(self, arms: slice) -> Outcome:
        """Return the errors of some arms."""
        return Outcome(free=self.free[arms], measured=self.measured[arms])


def outcome(family: TouchedFamily, learner: Learner, phi: Params, marks: Sequence[int]) -> Outcome:
    """Train a network on every arm of a family; phi is (1, *shape)."""

    def measure(theta: Params) -> Tensor:
        prediction = family.held_out_prediction(theta)
        errors = [
            family.error_of(share * prediction, measured=measured).mean(-1)
            for measured in (False, True)
            for share in SHARES
        ]
        return torch.stack(errors, dim=-1)

    n = len(family.arms)
    curves = training_curves(family, n, learner, phi, marks, measure, FIRST_NETWORK)
    return Outcome(free=curves[:, : len(SHARES)], measured=curves[:, len(SHARES) :])


def learned_outcome(
    family: TouchedFamily, spec: LossSpec, phi: Params, marks: Sequence[int]
) -> Outcome:
    """Train networks under a learned loss."""
    own = {k: p.unsqueeze(0) for k, p in phi.items()}
    return outcome(family, spec.learner(family.optimizee), own, marks)


Wanted = dict[Training, list[Kind]]
"""Trainings, each with the families that it is tuned for."""


class Tuning:
    """Trainings on the validation arms of all families at once, each made once.

    Args:
        family: The validation arms, one family after the other.
        effort: Typical torques.
        kinds: Names of the families.
        marks: Numbers of gradient steps.
    """

    def __init__(
        self,
        family: TouchedFamily,
        effort: Sequence[float],
        kinds: Sequence[Kind],
        marks: Sequence[int],
    ) -> None:
        self._family, self._effort, self._marks = family, effort, tuple(marks)
        n = len(family.arms) // len(kinds)
        self._arms = {kind: slice(i * n, (i + 1) * n) for i, kind in enumerate(kinds)}
        self._made: dict[Training, Outcome] = {}

    def methods(self) -> dict[str, dict[Kind, Training]]:
        """Return the best training of every method for every family."""
        on_fit = self._family.trust is not None
        windows = [
            Training(weight="window", half=half, of_fit=of_fit)
            for half in HALVES
            for of_fit in ((False, True) if on_fit else (False,))
        ]
        methods = {
            "adam": dict.fromkeys(self._arms, Training()),
            "adam_stopped": self._with_decay(),
            "huber": self._with_steps(self._with_widths([Training(weight="huber")])),
            "gate": self._with_steps(self._with_widths(windows)),
            "contacts_known": self._with_steps(self._for_all([Training(weight="known")])),
        }
        if on_fit:
            given = [Training(weight="fit's weights")]
            methods["fit_weights"] = self._with_steps(self._for_all(given))
        return methods

    def _for_all(self, trainings: Sequence[Training]) -> Wanted:
        return {training: list(self._arms) for training in trainings}

    def _with_decay(self) -> dict[Kind, Training]:
        """Tune step and decay, on what people measure; the strongest decay is never the best."""
        decays = list(DECAYS)
        while True:
            wanted = self._for_all([Training(decay=decay) for decay in decays])
            chosen = self._with_steps(wanted, measured=True)
            if all(each.decay < decays[-1] for each in chosen.values()):
                return chosen
            decays.append(10.0 * decays[-1])

    def _with_widths(self, shapes: Sequence[Training]) -> Wanted:
        """Compare shapes of weights at one width, then widths of each family's best."""
        chosen: Wanted = {}
        for shape, kinds in self._best_of(self._for_all(shapes)).items():
            tuned = self._bracketed(shape, "width", WIDTHS, kinds, measured=False)
            for kind, width in zip(kinds, tuned, strict=True):
                chosen.setdefault(replace(shape, width=float(width)), []).append(kind)
        return chosen

    def _best_of(self, wanted: Wanted) -> Wanted:
        """Return of every family's trainings the best one."""
        found: Wanted = {}
        for kind in self._arms:
            candidates = [each for each, kinds in wanted.items() if kind in kinds]
            best = min(candidates, key=lambda each: self._stopped(each, kind, False)[0])
            found.setdefault(best, []).append(kind)
        return found

    def _with_steps(self, wanted: Wanted, *, measured: bool = False) -> dict[Kind, Training]:
        """Tune the step size of every training and return each family's best, stopped in time."""
        found: dict[Kind, list[tuple[float, Training]]] = {kind: [] for kind in self._arms}
        for training, kinds in wanted.items():
            sizes = self._bracketed(training, "step_size", STEP_SIZES, kinds, measured=measured)
            for kind, size in zip(kinds, sizes, strict=True):
                tuned = replace(training, step_size=float(size))
                found[kind].append(self._stopped(tuned, kind, measured))
        return {kind: min(each, key=lambda scored: scored[0])[1] for kind, each in found.items()}

    def _bracketed(
        self,
        training: Training,
        name: str,
        grid: Sequence[float],
        kinds: Sequence[Kind],
        *,
        measured: bool,
    ) -> Array:
        """Return the best value of a setting for each of some families, never at the grid's edge.

        Args:
            training: All its other settings.
            name: Of the setting.
            grid: Values to begin with.
            kinds: The families.
            measured: See `_stopped`.
        """

        def score(value: float) -> Array:
            setting: dict[str, Any] = {name: value}
            each = replace(training, **setting)
            return np.array([self._stopped(each, kind, measured)[0] for kind in kinds])

        return bracketed(score, grid)

    def _stopped(self, training: Training, kind: Kind, measured: bool) -> tuple[float, Training]:
        """Return the lowest error on the way, its logarithm's mean over arms, and where it is.

        Args:
            training: To the end.
            kind: The family.
            measured: Whether errors are those of measured torque, and a share of the prediction
                may be kept; else of torque without contacts, which is known of simulated arms.
        """
        own = self._outcome(training).of(self._arms[kind])
        scores = np.log(own.measured if measured else own.free).mean(0)
        shares = range(len(SHARES)) if measured else [len(SHARES) - 1]
        places = [(share, mark) for share in shares for mark in range(len(self._marks))]
        share, mark = min(places, key=lambda place: scores[place])
        return float(scores[share, mark]), replace(training, mark=mark, share=share)

    def _outcome(self, training: Training) -> Outcome:
        if training not in self._made:
            learner = training.learner(self._family, self._effort)
            self._made[training] = outcome(self._family, learner, {}, self._marks)
        return self._made[training]
