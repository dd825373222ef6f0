# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Sine regression (Fig. 2, top): losses meta-trained on narrow tasks train networks on wide ones.

Every method starts from the same networks on the same test tasks, which the paper draws far
outside of its single meta-training task; but for those that bring networks to start from, learned
on the tasks that our losses are meta-trained on. Baselines chose their step size on other tasks of
the distribution that they are tested on; the recipes of the learned losses are fixed.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.losses.spec import LossSpec
from ml3_ros.core.types import Params
from ml3_ros.data.metrics import resolved
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.rivals.bracketed import bracketed
from ml3_ros.experiments.rivals.maml import MamlConfig
from ml3_ros.experiments.rivals.starts import (
    AT_ONCE,
    FEW_STEPS,
    MAML,
    PRETRAINED,
    kept_start,
    learned_start,
    stored_start,
)
from ml3_ros.experiments.runner.adaptation import adaptation_curves
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.experiments.runner.selection import even_marks, snapshots
from ml3_ros.experiments.sine.recipes import (
    POOL,
    WIDE,
    RegressionRecipe,
    adam_recipe,
    paper_recipe,
    sgd_recipe,
    squared_error,
)
from ml3_ros.tasks.sine.regression import (
    META_TEST,
    Regressor,
    SineDistribution,
    SineRegressionFamily,
    SineTasks,
)
from ml3_ros.tasks.training import provenance_of

HORIZON = 100  # gradient steps after which the paper compares
CHECKPOINTS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500)
TO_HORIZON = CHECKPOINTS[: CHECKPOINTS.index(HORIZON) + 1]
SAME_STEP = 1e-3  # the paper's, of every method
SGD_GRID = ("sgd", (0.001, 0.003, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1))
ADAM_GRID = ("adam", (0.001, 0.003, 0.006, 0.01, 0.02, 0.03, 0.05, 0.1))
GRIDS = {
    "sgd_tuned": ("random", *SGD_GRID),
    "adam_tuned": ("random", *ADAM_GRID),
    "pretrained": (PRETRAINED, *ADAM_GRID),
    "maml": (MAML, *ADAM_GRID),
    "maml_sgd": (MAML, *SGD_GRID),
}
"""Start, rule and first step sizes of what is tuned."""
MAML_STEP = 0.02  # of the gradient descent that MAML's start is learned through
N_MARKS = 5  # evaluations of a loss while it is learned
VALIDATION_SEED, TEST_SEED, MODEL_SEED = 10_000, 20_000, 30_000  # pools that share no task
START_SEED = 40_000
BEYOND = SineDistribution(amplitude=(5.0, 10.0), phase=(-math.pi, math.pi), x=(-8.0, 8.0))
"""Tasks far outside of all that anything was meta-trained or tuned on."""
TESTS = {"curve": META_TEST, "inside": WIDE, "beyond": BEYOND}
"""Kinds of test tasks; the first are the paper's."""


Method = tuple[LossSpec, Params, Params | None]
"""A loss with its update rule, its parameters, and where networks start; None: random ones."""


@dataclass(frozen=True, kw_only=True)
class SineRegressionConfig:
    """Size of the experiment.

    The paper's text has networks of 40-40 and losses of 40-40, the code that its authors released
    100-10 and 50-50.
    """

    setting: Literal["paper", "released"] = "paper"
    seeds: int = 5
    n_test_tasks: int = 10
    n_validation_tasks: int = 40
    test_steps: int = 500
    paper_outer_steps: int = 500
    outer_steps: int = 150  # of our recipes
    pretraining: MamlConfig = AT_ONCE
    maml: MamlConfig = FEW_STEPS

    def __post_init__(self) -> None:
        if self.setting not in ("paper", "released"):
            raise ConfigError(f"setting must be 'paper' or 'released', got {self.setting!r}")
        for name in ("seeds", "n_test_tasks", "n_validation_tasks", "outer_steps"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be >= 1, got {getattr(self, name)}")
        if self.test_steps < HORIZON:
            raise ConfigError(f"test_steps must be >= {HORIZON}, got {self.test_steps}")

    @property
    def name(self) -> str:
        """Name of the experiment."""
        return "sine_regression" + ("" if self.setting == "paper" else "_released")

    @property
    def x(self) -> tuple[int, ...]:
        """Gradient steps at which test tasks are measured."""
        return tuple(x for x in CHECKPOINTS if x <= self.test_steps)

    def optimizee(self) -> Regressor:
        """Return the network that is trained."""
        return Regressor((40, 40) if self.setting == "paper" else (100, 10))

    def recipes(self) -> dict[str, RegressionRecipe]:
        """Return what is meta-trained, by method."""
        optimizee, n = self.optimizee(), self.outer_steps
        hidden = (40, 40) if self.setting == "paper" else (50, 50)
        return {
            "ml3_paper": paper_recipe(hidden, self.paper_outer_steps),
            "ml3_sgd": sgd_recipe(n),
            "ml3_adam": adam_recipe(optimizee, n),
            "adam_learned_steps": adam_recipe(optimizee, n, learned_loss=False),
        }


def prepare(config: SineRegressionConfig, scratch: Path, report: Report) -> Arrays:
    """Learn the starts, and choose each baseline's step size on validation tasks.

    Returns:
        "start/NAME/PARAMETER" of all seeds, and last of the one that step sizes are chosen with;
        "step_size/METHOD", with the least mean error after 100 steps.
    """
    train = SineTasks.draw(WIDE, POOL, torch.Generator().manual_seed(START_SEED))
    optimizee = config.optimizee()
    inner = squared_error("sgd", MAML_STEP).learner(optimizee)
    family, seeds = SineRegressionFamily(optimizee, train), (*range(config.seeds), START_SEED)
    arrays: Arrays = {}
    for name, how in ((PRETRAINED, config.pretraining), (MAML, config.maml)):
        arrays |= kept_start(name, learned_start(family, inner, seeds, how))
    report("starts learned")
    for name in GRIDS:
        step_size = _best_step_size(config, name, arrays)
        arrays[f"step_size/{name}"] = np.array(step_size)
        report(f"{name}: step size {step_size:g}")
    return arrays


def _best_step_size(config: SineRegressionConfig, name: str, arrays: Arrays) -> float:
    start, rule, grid = GRIDS[name]
    generator = torch.Generator().manual_seed(VALIDATION_SEED)
    tasks = SineTasks.draw(META_TEST, config.n_validation_tasks, generator)
    theta = stored_start(arrays, start, -1)

    def score(step_size: float) -> NDArray[np.float64]:
        spec = squared_error(rule, step_size)
        errors = _test_errors(config, tasks, (spec, {}, theta), (HORIZON,), VALIDATION_SEED)
        return np.asarray(np.log(errors.mean()))

    return float(bracketed(score, grid))


def run_seed(
    config: SineRegressionConfig,
    seed: int,
    shared: Arrays,
    scratch: Path,
    engine: Engine = AUTOGRAD,
) -> Arrays:
    """Meta-train every recipe and test all methods on this seed's tasks.

    Returns:
        "curve/METHOD" (n_test_tasks, x), test errors of the final loss, "inside/METHOD" and
        "beyond/METHOD", those up to 100 steps on tasks as in meta-training and far from them; for
        learned ones also "marks/METHOD", outer steps, with "meta_test/METHOD" and
        "meta_train/METHOD", mean errors after 100 steps under the loss as it was then, and
        "loss/METHOD", its file.
    """
    tests = tasks_of(config, seed)
    arrays: Arrays = {}
    methods: dict[str, Method] = {"sgd_same_step": (squared_error("sgd", SAME_STEP), {}, None)}
    for name, (start, rule, _) in GRIDS.items():
        spec = squared_error(rule, float(shared[f"step_size/{name}"]))
        methods[name] = (spec, {}, stored_start(shared, start, seed))
    for name, recipe in config.recipes().items():
        trainer = recipe.trainer(config.optimizee(), seed, engine)
        marks = even_marks(recipe.meta_training.n_outer_steps, N_MARKS)
        phis = snapshots(trainer, marks)
        generator = torch.Generator().manual_seed(MODEL_SEED + seed)
        trained_on = SineTasks.draw(recipe.distribution, config.n_test_tasks, generator)
        for kind, tasks in (("meta_test", tests), ("meta_train", trained_on)):
            errors = [
                _test_errors(config, tasks, (recipe.spec, phi, None), (HORIZON,), seed)
                for phi in phis
            ]
            arrays[f"{kind}/{name}"] = np.array([error.mean() for error in errors])
        arrays[f"marks/{name}"] = np.array(marks)
        methods[name] = (recipe.spec, phis[-1], None)
        provenance = provenance_of(
            trainer, "sine_regression", method=name, tasks=resolved(recipe.distribution)
        )
        loss = LearnedLoss(spec=recipe.spec, phi=phis[-1], provenance=provenance)
        arrays[f"loss/{name}"] = np.frombuffer(loss.to_bytes(), dtype=np.uint8)
    for kind, distribution in TESTS.items():
        tasks = tasks_of(config, seed, distribution)
        marks = config.x if distribution == META_TEST else TO_HORIZON
        for name, method in methods.items():
            arrays[f"{kind}/{name}"] = _test_errors(config, tasks, method, marks, seed)
    return arrays


def tasks_of(
    config: SineRegressionConfig, seed: int, distribution: SineDistribution = META_TEST
) -> SineTasks:
    """Return the test tasks of a seed."""
    generator = torch.Generator().manual_seed(TEST_SEED + seed)
    return SineTasks.draw(distribution, config.n_test_tasks, generator)


def _test_errors(
    config: SineRegressionConfig,
    tasks: SineTasks,
    method: Method,
    checkpoints: tuple[int, ...],
    seed: int,
) -> NDArray[np.float64]:
    """Return mean squared errors (tasks, checkpoints) on points that were not trained on."""
    family = SineRegressionFamily(config.optimizee(), tasks)
    spec, phi, start = method
    return adaptation_curves(
        family,
        len(tasks),
        spec,
        phi,
        checkpoints,
        lambda theta: family.task_losses(theta, tasks.query, {})["task"],
        MODEL_SEED + seed,
        start,
    )
