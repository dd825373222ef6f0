# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The experiment on touched arms: tuning of rivals, meta-training, and evaluation on test arms."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.core.types import Params
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.experiments.touched.config import (
    PRETRAINING_STEPS,
    TEST_POOL,
    TRAIN_POOL,
    VALIDATION_POOL,
    TouchedExperimentConfig,
)
from ml3_ros.experiments.touched.data import Pools
from ml3_ros.experiments.touched.linear_rivals import LinearRivals, tuned
from ml3_ros.experiments.touched.network_rivals import Tuning, learned_outcome, outcome
from ml3_ros.experiments.touched.pretrained import pretrain
from ml3_ros.learners.inverse_dynamics.reweighted_fit import reweighted_fit
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.tasks.touched.before import Before
from ml3_ros.tasks.touched.families import TouchedFamily
from ml3_ros.tasks.touched.recipes import Model
from ml3_ros.tasks.touched.simulated import TouchedArms
from ml3_ros.tasks.training import train_losses

TASK_FAMILY = "touched_arms"
BASE_SEED = 1000  # of the loss whose fits all networks stand on
LAST = -1


def prepare(config: TouchedExperimentConfig, scratch: Path, report: Report) -> Arrays:
    """Tune the rivals and evaluate them, train the fit and the network that others begin with.

    Returns:
        error/MODEL/FAMILY/METHOD (arms,), chosen/MODEL/FAMILY/METHOD (JSON), base (bytes of the
        loss that networks stand on), units/MODEL (JSON) and start/NAME of the trained network.
    """
    work = _Work(config)
    arrays: Arrays = {}
    if "physical" in config.models:
        arrays |= _linear_rivals(work, report)
    if config.models != ("physical",):
        base = work.train_physical(BASE_SEED, scratch / "base", AUTOGRAD)
        arrays["base"] = np.frombuffer(base.to_bytes(), dtype=np.uint8)
    if "network" in config.models:
        family, _ = work.training_family("network", arrays)
        start = pretrain(family, PRETRAINING_STEPS)
        arrays |= {f"start/{k}": p.numpy() for k, p in start.items()}
    for model in config.models:
        if model != "physical":
            arrays |= _network_rivals(work, model, arrays, report)
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
    work = _Work(config)
    arrays: Arrays = {}
    for model in config.models:
        for method, kinds in _trainings(config, model).items():
            folder = scratch / model / method
            loss = work.train(model, kinds, method != "unshaped", seed, folder, engine, shared)
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


def _trainings(config: TouchedExperimentConfig, model: Model) -> dict[str, Sequence[Any]]:
    """Return the families that each loss is trained on, by method."""
    trained: dict[str, Sequence[Any]] = {"learned": config.families, "unshaped": config.families}
    for kind in config.trained_without(model):
        trained[f"without_{kind}"] = [other for other in config.families if other != kind]
    return trained


class _Work:
    """Arms, fits and families of one configuration."""

    def __init__(self, config: TouchedExperimentConfig) -> None:
        self.config, self.pools = config, Pools(config)

    def train_physical(self, seed: int, folder: Path, engine: Engine) -> LearnedLoss:
        """Return the loss of the linear model, trained on all families."""
        return self.train("physical", self.config.families, True, seed, folder, engine, {})

    def train(
        self,
        model: Model,
        kinds: Sequence[Any],
        shaped: bool,
        seed: int,
        folder: Path,
        engine: Engine,
        shared: Arrays,
    ) -> LearnedLoss:
        """Meta-train a loss on some families, or load one that is done."""
        family, units = self.training_family(model, shared, kinds)
        recipe = self.pools.recipe(model, shaped=shaped)
        trainer = recipe.trainer(family, units, (seed,), engine)

        def artefact(trainer: MetaTrainer, i: int, added: Mapping[str, Any]) -> LearnedLoss:
            about = {"robot": self.config.robot, "model": model, "families": list(kinds)}
            provenance = {"task_family": TASK_FAMILY, **about, "units": units.to_dict(), **added}
            return LearnedLoss(spec=trainer.spec, phi=trainer.seed_phi(i), provenance=provenance)

        return train_losses(trainer, artefact, folder)[0]

    def training_family(
        self, model: Model, shared: Arrays, kinds: Sequence[Any] = ()
    ) -> tuple[TouchedFamily, Units]:
        """Return arms of meta-training as tasks, and the units of all of them."""
        everything = self.pools.joined(TRAIN_POOL, model)
        units = self.pools.units(model, everything, self.before(model, everything, shared))
        arms = self.pools.joined(TRAIN_POOL, model, kinds)
        before = self.before(model, arms, shared)
        return self.pools.family(model, arms, before, units, _start(model, shared)), units

    def family(
        self, model: Model, arms: TouchedArms, shared: Arrays, units: Units
    ) -> TouchedFamily:
        """Return arms as tasks for models that begin as all of the experiment do."""
        before = self.before(model, arms, shared)
        return self.pools.family(model, arms, before, units, _start(model, shared))

    def before(self, model: Model, arms: TouchedArms, shared: Arrays) -> Before:
        """Return what is known before a model learns."""
        if model == "physical":
            return Before.described(arms)
        if model == "network":
            return Before.nothing(arms)
        base = LearnedLoss.from_bytes(shared["base"].tobytes())
        stride = self.pools.recipe("physical").sampling().stride
        structure = self.pools.linear_model(memory=False)
        return Before.fitted(arms, base.spec, base.phi, structure, stride)

    def evaluate(self, model: Model, kind: Any, loss: LearnedLoss, shared: Arrays) -> Any:
        """Return errors on the test arms of a family (arms, marks); fits have one mark."""
        arms = self.pools.arms(TEST_POOL, model, kind)
        units = Units.from_dict(loss.provenance["units"])
        family = self.family(model, arms, shared, units)
        if model != "physical":
            found = learned_outcome(family, loss.spec, loss.phi, self.config.marks)
            return found.free[:, LAST]
        tasks = torch.arange(len(arms))
        batch = family.support(tasks, torch.zeros_like(tasks), torch.Generator())
        structure = self.pools.linear_model(memory=True)
        fitted = reweighted_fit(loss.spec, loss.phi, structure, batch, lead=(len(arms),))
        return LinearRivals(family, units.effort).errors_of(fitted)[:, None]


def _start(model: Model, shared: Arrays) -> Params | None:
    """Return the trained network that networks without a model begin as, if there is one yet."""
    start = {
        key.removeprefix("start/"): torch.from_numpy(np.array(value))
        for key, value in shared.items()
        if key.startswith("start/")
    }
    return start if start and model == "network" else None


def _linear_rivals(work: _Work, report: Report) -> Arrays:
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


def _network_rivals(work: _Work, model: Model, shared: Arrays, report: Report) -> Arrays:
    """Return the errors of tuned trainings of networks, and what was chosen."""
    config, arrays = work.config, {}
    _, units = work.training_family(model, shared)
    joined = work.pools.joined(VALIDATION_POOL, model)
    validation = work.family(model, joined, shared, units)
    tuning = Tuning(validation, units.effort, config.families, config.marks)
    for method, by_kind in tuning.methods().items():
        for kind, chosen in by_kind.items():
            arms = work.pools.arms(TEST_POOL, model, kind)
            family = work.family(model, arms, shared, units)
            learner = chosen.learner(family, units.effort)
            found = outcome(family, learner, {}, config.marks).free
            arrays[f"error/{model}/{kind}/{method}"] = found[:, chosen.share, chosen.mark]
            arrays[f"curve/{model}/{kind}/{method}"] = found[:, chosen.share]
            arrays[f"chosen/{model}/{kind}/{method}"] = np.array(json.dumps(asdict(chosen)))
        report(f"{model}, {method}: tuned")
    return arrays
