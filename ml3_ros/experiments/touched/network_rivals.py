# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Trainings of networks on touched arms that are no learned loss, tuned on validation arms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml3_ros.core.inner_optimizers import Adam
from ml3_ros.core.learner import Learner
from ml3_ros.core.losses.spec import LossSpec
from ml3_ros.core.types import Params
from ml3_ros.experiments.runner.adaptation import training_curves
from ml3_ros.experiments.touched.config import DECAYS, SHARES, STEP_SIZES
from ml3_ros.experiments.touched.data import FIT_WEIGHTS, UNTOUCHED
from ml3_ros.experiments.touched.handmade import HandmadeLoss, Weight, huber, windowed
from ml3_ros.tasks.touched.contacts import Kind
from ml3_ros.tasks.touched.families import TouchedFamily

Array = NDArray[np.float64]
FIRST_STEP = 0.003  # step size at which weights are compared before it is tuned
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
        weight: Name in WEIGHTS or GIVEN, "squared" if all samples count alike.
        step_size: Of Adam.
        decay: Weight decay.
        mark: Number of the mark at which training ends; -1 is the last.
        share: Number of the share of the prediction that is kept, in SHARES.
    """

    weight: str = "squared"
    step_size: float = FIRST_STEP
    decay: float = 0.0
    mark: int = -1
    share: int = len(SHARES) - 1

    def learner(self, family: TouchedFamily, effort: Sequence[float]) -> Learner:
        """Return the model with its loss and update rule."""
        loss = HandmadeLoss(
            gain=1.0 / torch.tensor(effort),
            weight=WEIGHTS.get(self.weight.removeprefix(OF_FIT)),
            run=family.sampling.length,
            given=GIVEN.get(self.weight, ""),
            of_target=self.weight.startswith(OF_FIT),
        )
        return Learner(family.optimizee, loss, DecayingAdam(Adam(self.step_size), self.decay))


OF_FIT = "fit's "  # before the name of a window over what the earlier fit left
WINDOWS = {f"window {k:g} {2 * h + 1}": windowed(k, h) for k in (1.5, 2.0, 3.0) for h in (3, 8)}
WEIGHTS: dict[str, Weight] = {**{f"huber {k:g}": huber(k) for k in (0.3, 1.0, 2.0)}, **WINDOWS}
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
        plain = [Training(step_size=x) for x in STEP_SIZES]
        decayed = [replace(each, decay=decay) for each in plain for decay in DECAYS]
        on_fit = self._family.trust is not None
        fitted = [f"{OF_FIT}{name}" for name in WINDOWS] if on_fit else []
        methods = {
            "adam": self._best(plain, measured=True),
            "adam_stopped": self._best(decayed, measured=True, stop=True, kept=True),
            "huber": self._best_step([x for x in WEIGHTS if x.startswith("huber")]),
            "gate": self._best_step([*WINDOWS, *fitted]),
            "contacts_known": self._best_step(["known"]),
        }
        if on_fit:
            methods["fit_weights"] = self._best_step(["fit's weights"])
        return methods

    def _best_step(self, weights: Sequence[str]) -> dict[Kind, Training]:
        """Compare weights at one step size, and step sizes of each family's best."""
        first = [Training(weight=weight) for weight in weights]
        chosen = self._best(first, stop=True)
        names = dict.fromkeys(training.weight for training in chosen.values())
        rest = [Training(weight=name, step_size=x) for name in names for x in STEP_SIZES]
        return self._best([*first, *rest], stop=True)

    def _best(
        self,
        candidates: Sequence[Training],
        *,
        measured: bool = False,
        stop: bool = False,
        kept: bool = False,
    ) -> dict[Kind, Training]:
        """Return for every family the candidate with the lowest geometric mean of errors.

        Args:
            candidates: Trainings to the end.
            measured: Whether errors are those of measured torque, else of torque without contacts,
                which is known of simulated validation arms.
            stop: Whether training may end at any mark.
            kept: Whether a share of the prediction may be kept.
        """
        marks = range(len(self._marks)) if stop else [len(self._marks) - 1]
        shares = range(len(SHARES)) if kept else [len(SHARES) - 1]
        found = {}
        for kind, arms in self._arms.items():
            scored = {}
            for each in dict.fromkeys(candidates):
                own = self._outcome(each).of(arms)
                errors = own.measured if measured else own.free
                scores = np.log(errors).mean(0)
                for mark in marks:
                    for share in shares:
                        scored[replace(each, mark=mark, share=share)] = scores[share, mark]
            found[kind] = min(scored, key=lambda each: scored[each])
        return found

    def _outcome(self, training: Training) -> Outcome:
        if training not in self._made:
            learner = training.learner(self._family, self._effort)
            self._made[training] = outcome(self._family, learner, {}, self._marks)
        return self._made[training]
