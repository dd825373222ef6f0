# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The experiment on changes of payload: tuning of rivals, meta-training, and evaluation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.experiments.payload.config import (
    TEST_POOL,
    VALIDATION_POOL,
    PayloadExperimentConfig,
)
from ml3_ros.experiments.payload.data import Errors, Moment, moments_of, training_arms
from ml3_ros.experiments.payload.real import REAL, real_moments
from ml3_ros.experiments.payload.rivals import RIVALS
from ml3_ros.experiments.payload.tuning import tuned
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.learners.inverse_dynamics.reweighted_fit import reweighted_fit
from ml3_ros.tasks.payload.families import LoadedFamily
from ml3_ros.tasks.payload.recipes import PayloadRecipe
from ml3_ros.tasks.training import train_losses

TASK_FAMILY = "payload_changes"
Numbers = dict[str, float]
"""Numbers of a rival by name."""


def prepare(config: PayloadExperimentConfig, scratch: Path, report: Report) -> Arrays:
    """Tune the rivals and evaluate them.

    Returns:
        error/PLACE/METHOD (moments, arms) with numbers for all moments, and chosen/PLACE/METHOD
        (JSON); timed/PLACE/METHOD and chosen_timed/PLACE/METHOD likewise with numbers for each
        moment by itself. Places are families, and REAL if there is data of the real arm: there
        numbers for all moments are the best of those of the families, and those for each moment
        are tuned in hindsight.
    """
    arrays: Arrays = {}
    chosen: dict[str, list[Numbers]] = {name: [] for name in RIVALS}
    for kind in config.families:
        validation, test = (moments_of(config, p, kind) for p in (VALIDATION_POOL, TEST_POOL))
        for name, rival in RIVALS.items():
            once = tuned(rival, partial(_score, name, validation))
            chosen[name].append(once)
            arrays |= _evaluated(kind, name, once, validation, test)
        report(f"{kind}: rivals tuned")
    if config.data:
        real = real_moments(config)
        for name, candidates in chosen.items():
            once = min(candidates, key=partial(_score, name, real))
            arrays |= _evaluated(REAL, name, once, real, real)
        report("real arm: rivals tuned")
    return arrays


def run_seed(
    config: PayloadExperimentConfig,
    seed: int,
    shared: Arrays,
    scratch: Path,
    engine: Engine = AUTOGRAD,
) -> Arrays:
    """Meta-train the losses of one seed and evaluate them on the test arms.

    Returns:
        error/FAMILY/METHOD (moments, arms) and loss/METHOD (bytes) of "learned" and "unshaped".
    """
    family = LoadedFamily(training_arms(config))
    places: dict[str, list[Moment]] = {
        kind: moments_of(config, TEST_POOL, kind) for kind in config.families
    }
    if config.data:
        places[REAL] = real_moments(config)
    arrays: Arrays = {}
    for method in ("learned", "unshaped"):
        loss = _trained(config, family, method, seed, scratch / method, engine)
        arrays[f"loss/{method}"] = np.frombuffer(loss.to_bytes(), dtype=np.uint8)
        for place, moments in places.items():
            arrays[f"error/{place}/{method}"] = np.stack(
                [moment.errors(learned_bodies(loss, moment)) for moment in moments]
            )
    return arrays


def learned_bodies(loss: LearnedLoss, moment: Moment) -> Tensor:
    """Return the bodies (N, 10) that arms carry at a moment, as a learned loss tells."""
    model, lead = moment.family.optimizee, (len(moment.tasks),)
    spec = loss.spec.of_size(model.n_outputs, spacing=moment.window.spacing)
    return reweighted_fit(spec, loss.phi, model, moment.batch, lead=lead)


def _trained(
    config: PayloadExperimentConfig,
    family: LoadedFamily,
    method: str,
    seed: int,
    folder: Path,
    engine: Engine,
) -> LearnedLoss:
    """Meta-train a loss, or load one that is done."""
    recipe = PayloadRecipe(
        shaped=method == "learned", n_outer_steps=config.n_outer_steps, n_tasks=config.n_tasks
    )
    about = {
        "task_family": TASK_FAMILY,
        "robot": config.robot,
        "families": list(config.families),
        "n_train": config.n_train,
    }

    def artefact(trainer: MetaTrainer, i: int, added: Mapping[str, Any]) -> LearnedLoss:
        return LearnedLoss(
            spec=trainer.spec, phi=trainer.seed_phi(i), provenance={**about, **added}
        )

    return train_losses(recipe.trainer(family, (seed,), engine), artefact, folder)[0]


def _evaluated(
    place: str, name: str, once: Numbers, validation: Sequence[Moment], test: Sequence[Moment]
) -> Arrays:
    """Return the errors of a rival on test arms, with numbers for all moments and for each."""
    each = [tuned(RIVALS[name], partial(_score, name, [moment])) for moment in validation]
    arrays: Arrays = {}
    for errors, chosen, numbers in (
        ("error", "chosen", [once] * len(test)),
        ("timed", "chosen_timed", each),
    ):
        found = [_errors(name, x, moment) for x, moment in zip(numbers, test, strict=True)]
        arrays[f"{errors}/{place}/{name}"] = np.stack(found)
        arrays[f"{chosen}/{place}/{name}"] = np.array(json.dumps(numbers))
    return arrays


def _score(name: str, moments: Sequence[Moment], numbers: Numbers) -> float:
    """Return the mean logarithm of a rival's errors."""
    return float(np.mean([np.log(_errors(name, numbers, x)).mean() for x in moments]))


def _errors(name: str, numbers: Numbers, moment: Moment) -> Errors:
    return moment.errors(RIVALS[name].fit(moment.window, **numbers))
