# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Binary classification of digits (Fig. 2, bottom): losses meta-trained on one pair of digits.

The seed draws the training pair and four test pairs of other digits. Baselines choose their step
sizes for every seed, on other pairs of the very digits that are tested, but on images of their
own. All methods of a seed see the same batches, and start from the same networks, but for those
that bring one to start from, learned on the training pair.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.losses.spec import LossSpec
from ml3_ros.core.types import Params
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.digits.images import DigitImages, load_images
from ml3_ros.experiments.digits.lenet import LeNet
from ml3_ros.experiments.digits.recipes import (
    BATCH_SIZE,
    QUERY_SIZE,
    DigitRecipe,
    adam_recipe,
    cross_entropy,
    paper_recipe,
    sgd_recipe,
)
from ml3_ros.experiments.digits.task import (
    DigitPairFamily,
    DigitPairs,
    Pair,
    accuracy,
    negative_log_likelihood,
)
from ml3_ros.experiments.rivals.bracketed import bracketed
from ml3_ros.experiments.rivals.maml import MamlConfig
from ml3_ros.experiments.rivals.starts import (
    MAML,
    PRETRAINED,
    kept_start,
    learned_start,
    stored_start,
)
from ml3_ros.experiments.runner.adaptation import adaptation_curves
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.tasks.training import provenance_of, run_to_end

MARKS = (0, 1, 2, 5, 10, 20, 30, 50, 70, 100, 200, 300, 500, 700, 1000)  # gradient steps
HORIZON = 100  # gradient steps after which methods are compared
SAME_STEP = 1e-3  # the paper's
SGD_GRID = ("sgd", (0.03, 0.1, 0.2, 0.3, 0.5, 0.7))
ADAM_GRID = ("adam", (0.001, 0.003, 0.006, 0.01, 0.02, 0.03))
GRIDS = {
    "sgd_tuned": ("random", *SGD_GRID),
    "adam_tuned": ("random", *ADAM_GRID),
    "pretrained": (PRETRAINED, *ADAM_GRID),
    "maml": (MAML, *ADAM_GRID),
    "maml_sgd": (MAML, *SGD_GRID),
}
"""Start, rule and first step sizes of what is tuned."""
MAML_STEP = 0.3  # of the gradient descent that MAML's start is learned through
PRETRAINING = MamlConfig(n_outer_steps=300, n_tasks=4, unroll=0, outer_lr=3e-3)
FEW_STEPS = MamlConfig(n_outer_steps=200, n_tasks=6, unroll=20, outer_lr=3e-3)

Method = tuple[LossSpec, Params, Params | None]
"""A loss with its update rule, its parameters, and where networks start; None: random ones."""


@dataclass(frozen=True, kw_only=True)
class DigitsConfig:
    """Size of the experiment."""

    data: str = ""  # folder with MNIST's training files; without it scikit-learn's digits
    images_per_digit: int = 174
    held_out: int = 40  # images of each digit to choose step sizes by, and as many to test on
    seeds: int = 5
    n_inits: int = 2  # networks that every method trains on each pair
    test_steps: int = 300
    paper_outer_steps: int = 1000
    outer_steps: int = 100  # of our recipes
    pretraining: MamlConfig = PRETRAINING
    maml: MamlConfig = FEW_STEPS

    def __post_init__(self) -> None:
        for name in ("seeds", "n_inits", "paper_outer_steps", "outer_steps"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be >= 1, got {getattr(self, name)}")
        if self.test_steps < HORIZON:
            raise ConfigError(f"test_steps must be >= {HORIZON}, got {self.test_steps}")

    @property
    def x(self) -> tuple[int, ...]:
        """Gradient steps at which networks are measured."""
        return tuple(mark for mark in MARKS if mark <= self.test_steps)

    def images(self) -> DigitImages:
        """Load the images."""
        return load_images(self.data, per_digit=self.images_per_digit, held_out=self.held_out)

    def recipes(self, optimizee: LeNet) -> dict[str, DigitRecipe]:
        """Return what is meta-trained, by method."""
        n = self.outer_steps
        return {
            "ml3_paper": paper_recipe(self.paper_outer_steps),
            "ml3_sgd": sgd_recipe(n),
            "ml3_adam": adam_recipe(optimizee, n),
            "adam_learned_steps": adam_recipe(optimizee, n, learned_loss=False),
        }


def prepare(config: DigitsConfig, scratch: Path, report: Report) -> Arrays:
    """Check the images; seeds share nothing else."""
    images = config.images()
    report(f"digits of {images.side} x {images.side} pixels, {images.n_learn} of each to learn")
    return {}


def run_seed(
    config: DigitsConfig,
    seed: int,
    shared: Arrays,
    scratch: Path,
    engine: Engine = AUTOGRAD,
) -> Arrays:
    """Draw pairs, tune the baselines, meta-train every recipe and test all methods.

    Returns:
        "curve/METHOD" (tests, 2, x), negative log-likelihood [nat] and share of errors on images
        that nothing was trained on; "step_size/METHOD"; "loss/METHOD", a file;
        "start/NAME/PARAMETER" (1, *shape); "train_pair" (2,) and "test_pairs" (4, 2).
    """
    images = config.images()
    optimizee = LeNet(images.side)
    pairs = DigitPairs.draw(torch.Generator().manual_seed(seed))
    arrays: Arrays = {"train_pair": np.array(pairs.train), "test_pairs": np.array(pairs.test)}
    arrays |= _starts(config, optimizee, images, pairs.train, seed)
    methods: dict[str, Method] = {"sgd_same_step": (cross_entropy("sgd", SAME_STEP), {}, None)}
    validation = DigitPairFamily(
        optimizee, images, pairs.validation * config.n_inits, batch_size=BATCH_SIZE
    )
    for name, (start, rule, _) in GRIDS.items():
        theta = stored_start(arrays, start, 0)
        step_size = _best_step_size(validation, name, theta, seed)
        arrays[f"step_size/{name}"] = np.array(step_size)
        methods[name] = (cross_entropy(rule, step_size), {}, theta)
    for name, recipe in config.recipes(optimizee).items():
        trainer = recipe.trainer(optimizee, images, pairs.train, seed, engine)
        run_to_end(trainer, scratch / f"{name}.safetensors", name)
        provenance = provenance_of(trainer, "digits", method=name, pair=list(pairs.train))
        loss = LearnedLoss(spec=recipe.spec, phi=trainer.seed_phi(0), provenance=provenance)
        arrays[f"loss/{name}"] = np.frombuffer(loss.to_bytes(), dtype=np.uint8)
        methods[name] = (loss.spec, loss.phi, None)
    tests = DigitPairFamily(
        optimizee, images, pairs.test * config.n_inits, held_out="test", batch_size=BATCH_SIZE
    )
    for name, method in methods.items():
        arrays[f"curve/{name}"] = _curves(tests, method, config.x, seed)
    return arrays


def _starts(
    config: DigitsConfig, optimizee: LeNet, images: DigitImages, pair: Pair, seed: int
) -> Arrays:
    """Learn where to start on the training pair.

    MAML's digits are of either class, as those that our losses are trained on; one network for
    both ways round could tell nothing apart, so pretraining sees one.
    """
    inner = cross_entropy("sgd", MAML_STEP).learner(optimizee)
    arrays: Arrays = {}
    for name, pairs, how in (
        (PRETRAINED, (pair,), config.pretraining),
        (MAML, (pair, pair[::-1]), config.maml),
    ):
        family = DigitPairFamily(
            optimizee, images, pairs, batch_size=BATCH_SIZE, query_size=QUERY_SIZE
        )
        arrays |= kept_start(name, learned_start(family, inner, (seed,), how))
    return arrays


def _best_step_size(
    validation: DigitPairFamily, name: str, start: Params | None, seed: int
) -> float:
    """Return the step size with the least likelihood loss on validation pairs."""
    _, rule, grid = GRIDS[name]

    def score(step_size: float) -> NDArray[np.float64]:
        method: Method = (cross_entropy(rule, step_size), {}, start)
        return np.asarray(np.log(_curves(validation, method, (HORIZON,), seed)[:, 0].mean()))

    return float(bracketed(score, grid))


def _curves(
    family: DigitPairFamily,
    method: Method,
    checkpoints: tuple[int, ...],
    seed: int,
) -> NDArray[np.float64]:
    """Return likelihood and errors (tasks, 2, checkpoints) of a fresh network on every task."""
    n_tasks = len(family.pairs)
    held_out = family.held_out(torch.arange(n_tasks))

    def measure(theta: Params) -> Tensor:
        prediction = family.optimizee.call(theta, held_out)
        errors = 1.0 - accuracy(prediction, held_out["label"])
        return torch.stack([negative_log_likelihood(prediction, held_out["label"]), errors], -1)

    spec, phi, start = method
    return adaptation_curves(family, n_tasks, spec, phi, checkpoints, measure, seed, start)
