# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The experiment on touched arms: tuning of rivals, meta-training, and evaluation on test arms."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.experiments.touched.config import (
    PRETRAINING_STEPS,
    TEST_POOL,
    VALIDATION_POOL,
    TouchedExperimentConfig,
)
from ml3_ros.experiments.touched.linear_rivals import LinearRivals, tuned
from ml3_ros.experiments.touched.network_rivals import Tuning, outcome
from ml3_ros.experiments.touched.pretrained import pretrain
from ml3_ros.experiments.touched.work import BASE_SEED, LAST, TouchedWork
from ml3_ros.tasks.touched.recipes import Model

LEARNED_STEPS = "adam_learned_steps"


def prepare(config: TouchedExperimentConfig, scratch: Path, report: Report) -> Arrays:
    """Tune the rivals and evaluate them, train the fit and the network that others begin with.

    Returns:
        error/MODEL/FAMILY/METHOD (arms,), chosen/MODEL/FAMILY/METHOD (JSON), base (bytes of the
        loss that networks stand on), units/MODEL (JSON) and start/NAME of the trained network.
    """
    work = TouchedWork(config)
    arrays: Arrays = {}
    if "physical" in config.models:
        arrays |= linear_rivals(work, report)
    if config.models != ("physical",):
        base = work.train_base(scratch / "base")
        arrays["base"] = np.frombuffer(base.to_bytes(), dtype=np.uint8)
    if "network" in config.models:
        family, _ = work.training_family("network", arrays)
        start = pretrain(family, PRETRAINING_STEPS)
        arrays |= {f"start/{k}": p.numpy() for k, p in start.items()}
    for model in config.models:
        if model != "physical":
            arrays |= _network_rivals(work, model, arrays, report)
            arrays |= _learned_steps(work, model, arrays, scratch / "steps" / model)
            report(f"{model}, {LEARNED_STEPS}: trained")
    return arrays


def run_seed(
    config: TouchedExperimentConfig,
    seed: int,
    shared: Arrays,
    scratch: Path,
    engine: Engine = AUTOGRAD,
) -> Arrays:
    """Meta-train the losses of one seed and evaluate them on the test arms.

    Returns:
        error/MODEL/FAMILY/METHOD (arms,), curve/MODEL/FAMILY/METHOD (arms, marks) of networks, and
        loss/MODEL/METHOD (bytes). Methods are "learned", "unshaped", and "left_out", whose loss
        was trained without the family that it is evaluated on.
    """
    work = TouchedWork(config)
    arrays: Arrays = {}
    for model in config.models:
        for method, kinds in _trainings(config, model, seed).items():
            folder = scratch / model / method
            recipe = work.pools.recipe(model, shaped=method != "unshaped")
            loss = work.train(recipe, kinds, seed, folder, engine, shared)
            arrays[f"loss/{model}/{method}"] = np.frombuffer(loss.to_bytes(), dtype=np.uint8)
            left_out = method.removeprefix("without_")
            tested = config.families if left_out == method else (left_out,)
            name = method if left_out == method else "left_out"
            for kind in tested:
                found = work.evaluate(model, kind, loss, shared)
                arrays[f"error/{model}/{kind}/{name}"] = found[:, LAST]
                if model != "physical":
                    arrays[f"curve/{model}/{kind}/{name}"] = found
    return arrays


def _trainings(
    config: TouchedExperimentConfig, model: Model, seed: int
) -> dict[str, Sequence[Any]]:
    """Return the families that each loss is trained on, by method."""
    trained: dict[str, Sequence[Any]] = {"learned": config.families}
    if seed < config.unshaped_seeds:
        trained["unshaped"] = config.families
    for kind in config.trained_without(model):
        trained[f"without_{kind}"] = [other for other in config.families if other != kind]
    return trained


def linear_rivals(work: TouchedWork, report: Report) -> Arrays:
    """Return the errors of tuned robust fits, and what was chosen."""
    arrays: Arrays = {}
    _, units = work.training_family("physical", {})
    for kind in work.config.families:
        pools = [work.pools.arms(pool, "physical", kind) for pool in (VALIDATION_POOL, TEST_POOL)]
        validation, test = (
            LinearRivals(work.family("physical", arms, {}, units), units.effort) for arms in pools
        )
        for method, chosen in tuned(validation).items():
            arrays[f"error/physical/{kind}/{method}"] = test.errors(chosen)
            arrays[f"chosen/physical/{kind}/{method}"] = np.array(json.dumps(asdict(chosen)))
        report(f"physical, {kind}: rivals tuned")
    return arrays


def _network_rivals(work: TouchedWork, model: Model, shared: Arrays, report: Report) -> Arrays:
    """Return the errors of tuned trainings of networks, and what was chosen."""
    config, arrays = work.config, {}
    _, units = work.training_family(model, shared)
    joined = work.pools.joined(VALIDATION_POOL, model)
    validation = work.family(model, joined, shared, units)
    tuning = Tuning(validation, units.effort, config.families, config.marks[model])
    for method, by_kind in tuning.methods().items():
        for kind, chosen in by_kind.items():
            family = work.tested(model, kind, shared, units)
            learner = chosen.learner(family, units.effort)
            found = outcome(family, learner, {}, config.marks[model]).free
            arrays[f"error/{model}/{kind}/{method}"] = found[:, chosen.share, chosen.mark]
            arrays[f"curve/{model}/{kind}/{method}"] = found[:, chosen.share]
            arrays[f"chosen/{model}/{kind}/{method}"] = np.array(json.dumps(asdict(chosen)))
        report(f"{model}, {method}: tuned")
    return arrays


def _learned_steps(work: TouchedWork, model: Model, shared: Arrays, folder: Path) -> Arrays:
    """Return the errors of networks on the squared error, whose step sizes alone are learned."""
    arrays: Arrays = {}
    recipe = work.pools.recipe(model, weighted=False)
    loss = work.train(recipe, work.config.families, BASE_SEED, folder, AUTOGRAD, shared)
    for kind in work.config.families:
        found = work.evaluate(model, kind, loss, shared)
        arrays[f"error/{model}/{kind}/{LEARNED_STEPS}"] = found[:, LAST]
        arrays[f"curve/{model}/{kind}/{LEARNED_STEPS}"] = found
    return arrays
