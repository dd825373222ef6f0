# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Trainings on one arm and on several in turn, each evaluated on every arm."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.outer.alternating import AlternatingTrainer
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.experiments.touched.run import linear_rivals
from ml3_ros.experiments.touched.work import LAST, TASK_FAMILY, TouchedWork
from ml3_ros.experiments.touched_arms.config import TouchedArmsConfig
from ml3_ros.tasks.training import train_losses

OWN, TOGETHER, ELSEWHERE = "learned", "learned_together", "learned_elsewhere"


def prepare(config: TouchedArmsConfig, scratch: Path, report: Report) -> Arrays:
    """Tune the rivals on every arm and evaluate them.

    Returns:
        error/ROBOT/FAMILY/METHOD (arms,).
    """
    arrays: Arrays = {}
    for robot in config.tested:
        work = TouchedWork(config.of(robot, config.outer_steps))
        report(f"{robot}:")
        found = linear_rivals(work, report)
        for key, value in found.items():
            if key.startswith("error/"):
                arrays[key.replace("/physical/", f"/{robot}/")] = value
    return arrays


def run_seed(
    config: TouchedArmsConfig,
    seed: int,
    shared: Arrays,
    scratch: Path,
    engine: Engine = AUTOGRAD,
) -> Arrays:
    """Meta-train a loss on every arm, and one on several, and evaluate all on the test arms.

    Returns:
        error/ROBOT/FAMILY/METHOD (arms,) and loss/ROBOT/METHOD (bytes). Methods are "learned",
        trained on that very arm; "learned_together"; and "learned_elsewhere", trained on the first
        arm alone and used on the others.
    """
    alone = {robot: TouchedWork(config.of(robot, config.outer_steps)) for robot in config.tested}
    losses: dict[str, LearnedLoss] = {}
    for robot, work in alone.items():
        recipe = work.pools.recipe("physical")
        folder = scratch / robot
        losses[robot] = work.train(recipe, config.families, seed, folder, engine, {})
    together = _train_together(config, seed, scratch / TOGETHER, engine)
    first = config.robots[0]
    arrays: Arrays = {f"loss/{TOGETHER}/{TOGETHER}": _bytes(together)}
    for robot, work in alone.items():
        arrays[f"loss/{robot}/{OWN}"] = _bytes(losses[robot])
        methods = {OWN: losses[robot], TOGETHER: together}
        if robot != first:
            methods[ELSEWHERE] = losses[first]
        for method, loss in methods.items():
            for kind in config.families:
                errors = work.evaluate("physical", kind, work.in_units(loss), {})[:, LAST]
                arrays[f"error/{robot}/{kind}/{method}"] = errors
    return arrays


def _train_together(
    config: TouchedArmsConfig, seed: int, folder: Path, engine: Engine
) -> LearnedLoss:
    """Meta-train one loss on all arms in turn, or load one that is done."""
    steps = config.outer_steps_together
    works = [TouchedWork(config.of(robot, steps)) for robot in config.robots]
    trainer = AlternatingTrainer([work.trainer(seed, engine) for work in works])

    def artefact(trainer: AlternatingTrainer, i: int, added: Mapping[str, Any]) -> LearnedLoss:
        about = {"robots": list(config.robots), "families": list(config.families)}
        provenance = {"task_family": TASK_FAMILY, **about, **added}
        return LearnedLoss(spec=trainer.spec, phi=trainer.seed_phi(i), provenance=provenance)

    return train_losses(trainer, artefact, folder)[0]


def _bytes(loss: LearnedLoss) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.frombuffer(loss.to_bytes(), dtype=np.uint8)
