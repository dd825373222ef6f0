# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Estimators of the gradient on phi on touched arms: cost, scatter, and what training brings.

A loss of linear models is trained; a model lives for six reweighted fits. Variance and bias are of
the gradient over a whole life, at the phi that training begins with; then each estimator trains
for the same CPU time, with the step size on phi that serves it best.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from ml3_ros.core.engine.process import prepare_process
from ml3_ros.core.linear_model import COEFFICIENTS, LinearModel
from ml3_ros.core.losses.spec import LossSpec
from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.outer.estimator import STEP_WEIGHTS, Estimator, Window
from ml3_ros.core.outer.evolution import Evolution, Unrolled
from ml3_ros.core.outer.gradient import OuterGradient
from ml3_ros.core.outer.objective import OuterObjective
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.core.types import Params
from ml3_ros.learners.inverse_dynamics.reweighted_fit import PASSES, reweighted_fit
from ml3_ros.reports.tables import number, text_table
from ml3_ros.robots.linear.arm import LinearArm
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.tasks.touched.before import Before
from ml3_ros.tasks.touched.contacts import ContactConfig, Kind
from ml3_ros.tasks.touched.families import TouchedFamily
from ml3_ros.tasks.touched.recipes import TouchedRecipe, units_of
from ml3_ros.tasks.touched.simulated import TouchedArms, TouchedConfig, simulate_touched

ROBOT = "reacher"
FAMILIES: tuple[Kind, ...] = ("none", "pushing", "lifting")
TRAIN, VALIDATION, TEST = (101, 2), (102, 4), (103, 16)  # seed, arms of each family
SIGMA = 0.1
OUTER_LRS = (3e-3, 1e-2, 3e-2)
SEEDS = (0, 1)  # trained at once, in the same CPU time
SECONDS, QUICK_SECONDS = 6.0, 0.5  # of CPU time, of each training
DRAWS, AT_ONCE = 96, 8
NO_CLIP = 1e9  # of gradients whose scatter is measured


@dataclass(frozen=True, slots=True)
class Way:
    """One row: an estimator, the steps of a window, and when models begin."""

    estimator: Unrolled | Evolution
    unroll: int = 2
    restart: Literal["together", "staggered"] = "together"


WAYS: dict[str, Way] = {
    "unrolled, windows of 2": Way(Unrolled()),
    "unrolled, whole life": Way(Unrolled(), PASSES),
    "PES, windows of 2": Way(Evolution(sigma=SIGMA)),
    "NRES, windows of 2": Way(Evolution(sigma=SIGMA, noise="reused"), restart="staggered"),
    "ES-Single, windows of 2": Way(Evolution(sigma=SIGMA, noise="reused")),
    "ES-Single, whole life": Way(Evolution(sigma=SIGMA, noise="reused"), PASSES),
}
REFERENCE = "unrolled, whole life"


@dataclass(frozen=True, slots=True)
class Row:
    """What one estimator does.

    Attributes:
        variance: Of the gradient over a life, summed over phi, over the squared length of the
            derivative through the whole life.
        along: Mean along that derivative, over its length.
        along_error: Standard error of that.
        milliseconds: CPU time of an outer step.
        outer_lr: Step size on phi that served best on validation arms.
        errors: Held-out error of test arms over that of the untrained loss, one a seed.
    """

    variance: float
    along: float
    along_error: float
    milliseconds: float
    outer_lr: float
    errors: tuple[float, ...]


def run(report: Callable[[str], None] = print, *, quick: bool = False) -> dict[str, Row]:
    """Measure and report a table; `quick` is a try with few draws and short trainings."""
    torch.set_num_threads(1)
    prepare_process()
    problem = Problem.simulated()
    draws, seconds = (AT_ONCE, QUICK_SECONDS) if quick else (DRAWS, SECONDS)
    lrs = OUTER_LRS[-1:] if quick else OUTER_LRS
    # derivatives do not scatter, so one group of lives is all there is to see of them
    groups = {k: AT_ONCE if way.estimator == Unrolled() else draws for k, way in WAYS.items()}
    lives = {name: problem.lives(way, groups[name]) for name, way in WAYS.items()}
    derivative = lives[REFERENCE][0]
    rows = {}
    for name, way in WAYS.items():
        scatter = compared(lives[name], derivative)
        rows[name] = Row(*scatter, *problem.trained(way, seconds, lrs))
    header = [
        "",
        "variance",
        "along the derivative",
        "ms a step",
        "outer_lr",
        "error over untrained",
    ]
    report(text_table(header, [[name, *_cells(row)] for name, row in rows.items()]))
    return rows


def compared(lives: Tensor, derivative: Tensor) -> tuple[float, float, float]:
    """Return variance and mean of gradients (N, d) in units of a derivative (d,).

    Returns:
        The variance summed over phi, over the squared length of the derivative; the mean along the
        derivative, over its length; and the standard error of that.
    """
    square = float(derivative.square().sum())
    along = lives @ derivative / square
    error = float(along.std()) / math.sqrt(len(lives))
    return float(lives.var(0).sum()) / square, float(along.mean()), error


def _cells(row: Row) -> list[str]:
    errors = torch.tensor(row.errors)
    spread = number(float(errors.std()), 2)
    along = f"{number(row.along)} ± {number(row.along_error, 2)}"
    cells = [number(row.variance), along, number(row.milliseconds)]
    return [*cells, f"{row.outer_lr:g}", f"{number(float(errors.mean()))} ± {spread}"]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Touched arms to train on, to choose step sizes on, and to test on."""

    recipe: TouchedRecipe
    train: TouchedFamily
    validation: TouchedFamily
    test: TouchedFamily
    spec: LossSpec
    model: LinearModel

    @staticmethod
    def simulated() -> Problem:
        """Simulate the arms of all three."""
        recipe, robot = TouchedRecipe(), load_robot(ROBOT)
        linear = LinearArm(PinocchioModel(robot), memory=False)
        pools = [_arms(*pool) for pool in (TRAIN, VALIDATION, TEST)]
        units = units_of(pools[0], Before.described(pools[0]), robot.names)
        model = LinearModel(units.n_joints, tuple(linear.kinds.tolist()))
        train, validation, test = (
            TouchedFamily(model, arms, Before.described(arms), recipe.sampling()) for arms in pools
        )
        spec = recipe.loss_spec(units, model)
        return Problem(
            recipe=recipe, train=train, validation=validation, test=test, spec=spec, model=model
        )

    def config(self, way: Way, **settings: Any) -> MetaTrainConfig:
        """Return how a loss is trained."""
        base = self.recipe.meta_training()
        return replace(base, unroll=way.unroll, restart=way.restart, **settings)

    def lives(self, way: Way, n: int) -> Tensor:
        """Return n gradients (n, d), each over a life of the same models on the same data."""
        config = self.config(way)
        learner = self.spec.learner(self.train.optimizee)
        objective = OuterObjective(
            task_losses=self.train.task_losses,
            weights=config.weights,
            log_task_loss=config.log_task_loss,
            clip=NO_CLIP,
        )
        fresh = self.spec.init_phi(torch.Generator().manual_seed(0), (1, 1))
        phi = {k: p.expand(AT_ONCE, *p.shape[1:]).contiguous() for k, p in fresh.items()}
        estimator = way.estimator.estimator(
            OuterGradient(learner=learner, objective=objective), phi
        )
        noise = torch.Generator().manual_seed(1)
        parts = [self._lives_at_once(estimator, phi, way, noise) for _ in range(0, n, AT_ONCE)]
        return torch.cat(parts)

    def _lives_at_once(
        self, estimator: Estimator, phi: Params, way: Way, noise: torch.Generator
    ) -> Tensor:
        tasks, data = torch.arange(len(self.train.arms)), torch.Generator().manual_seed(2)
        lead = (AT_ONCE, len(tasks))

        def copied(one: Params) -> Params:
            return {k: x.expand(AT_ONCE, *x.shape).contiguous() for k, x in one.items()}

        theta = copied(self.train.init(tasks, data))
        batch = copied(self.train.support(tasks, tasks, data))
        query, extra = map(copied, self.train.query(tasks, tasks, data))
        weights = {STEP_WEIGHTS: torch.full((way.unroll, *lead), 1.0 / PASSES)}
        state, total = estimator.init(theta, lead), torch.zeros(())
        for _ in range(0, PASSES, way.unroll):
            drawn = estimator.draw(noise, math.prod(lead))
            schedule = weights | {k: x.view(*lead, *x.shape[2:]) for k, x in drawn.items()}
            window = Window(theta, state, query, extra, schedule, (batch,) * way.unroll)
            estimate = estimator.estimate(phi, window)
            theta, state = estimate.theta, estimate.inner_state
            total = total + torch.cat([g.flatten(1) for g in estimate.grads.values()], 1)
        return total

    def trained(
        self, way: Way, seconds: float, outer_lrs: Sequence[float]
    ) -> tuple[float, float, tuple[float, ...]]:
        """Train with each step size for some CPU time.

        Returns:
            CPU time of an outer step [ms], the step size that is best on validation arms, and the
            errors of test arms with it over those of the untrained loss, one a seed.
        """
        trainer = self._trainer(way, 10, outer_lrs[0])
        begin = time.process_time()
        while not trainer.done:
            trainer.step()
        step = (time.process_time() - begin) / 10
        best: MetaTrainer | None = None
        best_lr, lowest = math.nan, math.inf
        for lr in outer_lrs:
            trainer = self._trainer(way, max(1, round(seconds / step)), lr)
            while not trainer.done:
                trainer.step()
            error = sum(self._errors(trainer, self.validation))
            if best is None or error < lowest:
                best, best_lr, lowest = trainer, lr, error
        assert best is not None  # there is at least one step size
        untrained = self._error(self.test, self.spec.init_phi(torch.Generator()))
        errors = tuple(x / untrained for x in self._errors(best, self.test))
        return 1e3 * step, best_lr, errors

    def _trainer(self, way: Way, n_outer_steps: int, outer_lr: float) -> MetaTrainer:
        config = self.config(way, n_outer_steps=n_outer_steps, outer_lr=outer_lr)
        return MetaTrainer(self.train, self.spec, config, SEEDS, estimator=way.estimator)

    def _errors(self, trainer: MetaTrainer, family: TouchedFamily) -> list[float]:
        return [self._error(family, trainer.seed_phi(i)) for i in range(len(SEEDS))]

    def _error(self, family: TouchedFamily, phi: Params) -> float:
        """Return the held-out error of torque without contacts, geometric mean over all."""
        tasks, lead = torch.arange(len(family.arms)), (len(family.arms),)
        batch = family.support(tasks, tasks, torch.Generator())
        fitted = reweighted_fit(self.spec, phi, self.model, batch, lead=lead)
        return float(family.held_out_error({COEFFICIENTS: fitted}).log().mean().exp())


def _arms(seed: int, n: int) -> TouchedArms:
    """Return simulated arms of all families."""
    config = TouchedConfig(robot=ROBOT, memory=False)
    return TouchedArms.joined(
        [
            simulate_touched(replace(config, contacts=ContactConfig(kind=kind)), n, seed + 10 * i)
            for i, kind in enumerate(FAMILIES)
        ]
    )
