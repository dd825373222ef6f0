# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Run of the experiment: every method meta-trains in every world, and meets new tasks there."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.experiments.metarl.config import METHODS, PUBLISHED, UNTRAINED, WORLDS, MetaRlConfig
from ml3_ros.experiments.runner.array_cache import cached, fingerprint
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.metarl.learning.ppo import PpoConfig
from ml3_ros.metarl.learning.trials import run_trials
from ml3_ros.metarl.methods.method import Budget
from ml3_ros.tasks.training import revision

VALIDATION_SEED, TEST_SEED = 10_000, 20_000
PARTS = 8  # into which an update's trials are split
DISCOUNT = dict.fromkeys(PUBLISHED, 0.95)  # elsewhere that of PPO


def prepare(config: MetaRlConfig, scratch: Path, report: Report) -> Arrays:
    """Choose the step size of every method in every world, on tasks of meta-training.

    Returns:
        By "WORLD/METHOD" the step size.
    """
    chosen: Arrays = {}
    for world in config.worlds:
        for method in config.rows(world):
            rates = config.learning_rates
            if len(rates) > 1 and method != UNTRAINED:
                worth = [
                    float(
                        _scores(config, world, method, VALIDATION_SEED, lr, scratch)[
                            "inside"
                        ].mean()
                    )
                    for lr in rates
                ]
                rates = (rates[int(np.argmax(worth))],)
                report(f"{world}, {method}: step size {rates[0]:g}")
            chosen[f"{world}/{method}"] = np.array(rates[0])
    return chosen


def run_seed(
    config: MetaRlConfig,
    seed: int,
    shared: Arrays,
    scratch: Path,
    engine: Engine = AUTOGRAD,
) -> Arrays:
    """Meta-train every method with this seed, and let it meet new tasks.

    Returns:
        By world and method "inside/WORLD/METHOD" (episodes, tasks), mean rewards of the episodes
        of tasks like those of meta-training, "outside/WORLD/METHOD" beyond their range
        where there are such, and "minutes/WORLD/METHOD" of meta-training.
    """
    found: Arrays = {}
    for world in config.worlds:
        for method in config.rows(world):
            lr = float(shared[f"{world}/{method}"])
            for key, value in _scores(config, world, method, seed, lr, scratch).items():
                found[f"{key}/{world}/{method}"] = value
    return found


def _scores(
    config: MetaRlConfig, world: str, method: str, seed: int, lr: float, scratch: Path
) -> Arrays:
    """Return the arrays of one method in one world, which are kept in `scratch`."""
    about = [world, method, seed, lr, config.steps, config.n_trials, config.n_tasks]
    path = scratch / f"{world}_{method}_{seed}_{lr:g}.npz"
    return cached(
        path,
        fingerprint(*about),
        revision(),
        lambda: _measured(config, world, method, seed, lr),
    )


def _measured(config: MetaRlConfig, name: str, method: str, seed: int, lr: float) -> Arrays:
    world, began = WORLDS[name](), time.monotonic()
    ppo = PpoConfig(
        n_trials=config.n_trials,
        n_parts=PARTS if config.n_trials % PARTS == 0 else 1,
        lr=lr,
        discount=DISCOUNT.get(name, PpoConfig().discount),
    )
    bar = tqdm(total=config.steps, desc=f"{name}: {method}", leave=False, mininterval=1.0)
    with bar:

        def progress(steps: int, reward: float) -> None:
            bar.set_postfix(reward=f"{reward:.3f}", refresh=False)
            bar.update(steps - bar.n)

        budget = Budget(steps=config.steps, seed=seed, ppo=ppo, progress=progress)
        agent = METHODS[method](world, budget)
    arrays: Arrays = {"minutes": np.array((time.monotonic() - began) / 60.0)}
    for where in ("inside", "outside") if world.has_outside else ("inside",):
        source = torch.Generator().manual_seed(TEST_SEED + seed)
        tasks = world.draw(config.n_tasks, source, outside=where == "outside")
        told = tasks if METHODS[method].told else None
        trials = run_trials(world, agent, tasks, source, told=told)
        arrays[where] = trials.returns(world.episodes).double().numpy()
    return arrays
