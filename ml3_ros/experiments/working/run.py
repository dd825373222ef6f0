# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Run of the experiment with working arms: `prepare` for all seeds, `run_seed` for one."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.core.types import Params
from ml3_ros.experiments.inverse_dynamics.curves import learning_curves
from ml3_ros.experiments.inverse_dynamics.tuning import Baseline, tune, tuned_curves
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.experiments.working.config import (
    CLIP,
    LEARNED,
    TEST_SEED,
    TRAIN_SEED,
    TUNING_SEED,
    VALIDATION_SEED,
    WorkingExperimentConfig,
)
from ml3_ros.experiments.working.learned_pull import meta_learn_pull
from ml3_ros.experiments.working.physical import PhysicalModel, physical_curves
from ml3_ros.experiments.working.robots import Robots
from ml3_ros.experiments.working.starts import (
    last_layer_curves,
    learned_features,
    learned_starts,
    over_tasks,
)
from ml3_ros.tasks.inverse_dynamics.populations import working_population
from ml3_ros.tasks.inverse_dynamics.recipes import learned_loss
from ml3_ros.tasks.training import train_losses

ADAM_GRID = (0.001, 0.003, 0.01, 0.03)
STARTED_GRID = (0.0001, 0.0003, 0.001, 0.003)
BASELINES = {
    "sgd_tuned": Baseline("sgd", (0.003, 0.01, 0.03), clip_norm=CLIP),
    "adam_tuned": Baseline("adam", ADAM_GRID),
    "pretrained": Baseline("adam", STARTED_GRID, start="pretrained"),
    "pretrained_inertia": Baseline("adam", STARTED_GRID, start="pretrained_inertia"),
    "maml": Baseline("adam", STARTED_GRID, start="maml"),
}


def prepare(config: WorkingExperimentConfig, scratch: Path, report: Report) -> Arrays:
    """Meta-train for all seeds at once, and tune what is tuned on validation robots.

    All seeds in one batch take hardly longer than two. Each of the three errors has a best step
    size or ridge of its own, anew for every mark.

    Returns:
        loss/ROBOT/METHOD/SEED (bytes), start/ROBOT/NAME/PARAMETER and alpaca/ROBOT/PARAMETER
        (seeds, *shape), size/ROBOT/METHOD (C, 3), and curve/ROBOT/METHOD (1, tasks, C, 3) of what
        has no seed.
    """
    arrays: Arrays = {}
    for name, marks in config.marks.items():
        train, validation = _pool(config, name, "train"), _pool(config, name, "validation")
        seeds = tuple(range(config.seeds))
        starts = learned_starts(train, config, (*seeds, TUNING_SEED))
        report(f"{name}: starts learned")
        for kind, start in starts.items():
            arrays |= {f"start/{name}/{kind}/{k}": p.numpy()[:-1] for k, p in start.items()}
        features = learned_features(train, config, seeds)
        arrays |= {f"alpaca/{name}/{k}": p.numpy() for k, p in features.items()}
        losses = _train(train, config, seeds, starts, scratch / name, report)
        arrays |= {f"loss/{name}/{k}": np.frombuffer(x, np.uint8) for k, x in losses.items()}
        family = validation.family()
        measure = partial(validation.measure, family.optimizee)
        for method, baseline in BASELINES.items():
            theta = None
            if baseline.start in starts:
                theta = over_tasks(starts[baseline.start], -1, len(validation))
            arrays[f"size/{name}/{method}"] = tune(
                family, baseline, marks, seeds=(TUNING_SEED,), theta=theta, measure=measure
            )
        curves, strengths = physical_curves(validation, _pool(config, name, "test"), marks)
        arrays |= {f"curve/{name}/{k}": curve for k, curve in curves.items()}
        arrays |= {f"size/{name}/{k}": best for k, best in strengths.items()}
        report(f"{name}: rivals tuned")
    return arrays


def run_seed(
    config: WorkingExperimentConfig,
    seed: int,
    shared: Arrays,
    scratch: Path,
    engine: Engine = AUTOGRAD,
) -> Arrays:
    """Run every method on the test robots with what was meta-trained with one seed.

    Returns:
        curve/ROBOT/METHOD (1, tasks, C, 3), and loss/ROBOT/METHOD (bytes).
    """
    arrays: Arrays = {}
    for name, marks in config.marks.items():
        test = _pool(config, name, "test")
        family = test.family()
        measure = partial(test.measure, family.optimizee)

        def theta(start: str, name: str = name, test: Robots = test) -> Params | None:
            prefix = f"start/{name}/{start}/"
            return (
                None if start == "random" else over_tasks(_stored(shared, prefix), seed, len(test))
            )

        for method, learned in LEARNED.items():
            content = shared[f"loss/{name}/{method}/{seed}"]
            loss = LearnedLoss.from_bytes(content.tobytes())
            begin = theta(learned.start)
            arrays[f"curve/{name}/{method}"] = learning_curves(
                family, loss.spec, [loss.phi], marks, seeds=(seed,), theta=begin, measure=measure
            )
            arrays[f"loss/{name}/{method}"] = content
        for method, baseline in BASELINES.items():
            sizes, begin = shared[f"size/{name}/{method}"], theta(baseline.start)
            arrays[f"curve/{name}/{method}"] = tuned_curves(
                family, baseline, sizes, marks, seeds=(seed,), theta=begin, measure=measure
            )
        features = {k: p[seed : seed + 1] for k, p in _stored(shared, f"alpaca/{name}/").items()}
        train = PhysicalModel(_pool(config, name, "train"))
        pull, arm = meta_learn_pull(train, seed), PhysicalModel(test)
        arrays[f"curve/{name}/ml3_physical"] = arm.curves(partial(pull.fit, arm), marks)[None]
        arrays[f"curve/{name}/alpaca"] = last_layer_curves(test, features, seed, marks)
    return arrays


def _stored(shared: Arrays, prefix: str) -> Params:
    return {
        k.removeprefix(prefix): torch.from_numpy(np.array(x))
        for k, x in shared.items()
        if k.startswith(prefix)
    }


def _pool(config: WorkingExperimentConfig, name: str, pool: str) -> Robots:
    """Return the robots of a pool."""
    n, seed = {
        "train": (config.n_train_robots, TRAIN_SEED),
        "validation": (config.n_validation_robots, VALIDATION_SEED),
        "test": (config.n_test_robots, TEST_SEED),
    }[pool]
    return Robots.draw(name, working_population(name), n, seed)


def _train(
    robots: Robots,
    config: WorkingExperimentConfig,
    seeds: tuple[int, ...],
    starts: Mapping[str, Params],
    folder: Path,
    report: Report,
) -> dict[str, bytes]:
    """Meta-train the losses, or load those that are done; return files by METHOD/SEED."""
    units = robots.population.units
    files: dict[str, bytes] = {}
    for method, learned in LEARNED.items():
        recipe = config.recipe(method)
        start = starts.get(learned.start)
        own = {k: p[: len(seeds)] for k, p in start.items()} if start else None
        family = robots.family(learned.query, own)
        spec = recipe.loss_spec(units, robots.name)
        trainer = MetaTrainer(family, spec, recipe.meta_training(), seeds)

        def artefact(trainer: MetaTrainer, i: int, added: Mapping[str, Any]) -> LearnedLoss:
            return learned_loss(trainer, i, units, robots.name, added)

        losses = train_losses(trainer, artefact, folder / method)
        files |= {f"{method}/{seed}": x.to_bytes() for seed, x in zip(seeds, losses, strict=True)}
        report(f"{robots.name}: {method} meta-trained")
    return files
