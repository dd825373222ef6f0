# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Trainings and evaluations of losses on the arms of one configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.core.types import Params
from ml3_ros.experiments.runner.experiment import Arrays
from ml3_ros.experiments.touched.config import TEST_POOL, TRAIN_POOL, TouchedExperimentConfig
from ml3_ros.experiments.touched.data import Pools
from ml3_ros.experiments.touched.linear_rivals import LinearRivals
from ml3_ros.experiments.touched.network_rivals import learned_outcome
from ml3_ros.learners.inverse_dynamics.reweighted_fit import reweighted_fit
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.tasks.touched.before import Before
from ml3_ros.tasks.touched.families import TouchedFamily
from ml3_ros.tasks.touched.recipes import Model, TouchedRecipe
from ml3_ros.tasks.touched.simulated import TouchedArms
from ml3_ros.tasks.training import train_losses

TASK_FAMILY = "touched_arms"
BASE_SEED = 1000  # of the loss whose fits all networks stand on, and of rivals' step sizes
LAST = -1


class TouchedWork:
    """Arms, fits and families of one configuration, and the losses trained on them."""

    def __init__(self, config: TouchedExperimentConfig) -> None:
        self.config, self.pools = config, Pools(config)
        self._tested: dict[tuple[Model, str], TouchedFamily] = {}

    def train_base(self, folder: Path) -> LearnedLoss:
        """Return the loss of the fits that networks stand on, for arms without memory's columns.

        A loss that has met those columns would take what they explained for contacts.
        """
        recipe, pools = self.pools.recipe("physical"), self.pools
        arms = pools.joined(TRAIN_POOL, "network_on_model")
        before = Before.described(arms)
        units = pools.units("physical", arms, before)
        model = pools.linear_model(memory=False)
        family = TouchedFamily(model, arms, before, recipe.sampling())
        return self._trained(
            recipe, family, units, self.config.families, BASE_SEED, folder, AUTOGRAD
        )

    def train(
        self,
        recipe: TouchedRecipe,
        kinds: Sequence[Any],
        seed: int,
        folder: Path,
        engine: Engine,
        shared: Arrays,
    ) -> LearnedLoss:
        """Meta-train a loss on some families, or load one that is done."""
        family, units = self.training_family(recipe.model, shared, kinds)
        return self._trained(recipe, family, units, kinds, seed, folder, engine)

    def _trained(
        self,
        recipe: TouchedRecipe,
        family: TouchedFamily,
        units: Units,
        kinds: Sequence[Any],
        seed: int,
        folder: Path,
        engine: Engine,
    ) -> LearnedLoss:
        trainer = recipe.trainer(family, units, (seed,), engine)

        def artefact(trainer: MetaTrainer, i: int, added: Mapping[str, Any]) -> LearnedLoss:
            about = {"robot": self.config.robot, "model": recipe.model, "families": list(kinds)}
            provenance = {"task_family": TASK_FAMILY, **about, "units": units.to_dict(), **added}
            return LearnedLoss(spec=trainer.spec, phi=trainer.seed_phi(i), provenance=provenance)

        return train_losses(trainer, artefact, folder)[0]

    def trainer(self, seed: int, engine: Engine) -> MetaTrainer:
        """Return the trainer of a loss of linear models on all families."""
        family, units = self.training_family("physical", {})
        return self.pools.recipe("physical").trainer(family, units, (seed,), engine)

    def in_units(self, loss: LearnedLoss) -> LearnedLoss:
        """Return a loss of linear models, trained on any arms, in the units of this one's."""
        family, units = self.training_family("physical", {})
        spec = self.pools.recipe("physical").loss_spec(units, family.optimizee)
        return replace(loss, spec=spec, provenance=loss.provenance | {"units": units.to_dict()})

    def training_family(
        self, model: Model, shared: Arrays, kinds: Sequence[Any] = ()
    ) -> tuple[TouchedFamily, Units]:
        """Return arms of meta-training as tasks, and the units of all of them."""
        arms = self.pools.joined(TRAIN_POOL, model)
        before = self.before(model, arms, shared)
        units = self.pools.units(model, arms, before)
        if kinds and set(kinds) != set(self.config.families):
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

    def tested(self, model: Model, kind: Any, shared: Arrays, units: Units) -> TouchedFamily:
        """Return the test arms of a family as tasks, made once: `units` are always the same."""
        if (model, kind) not in self._tested:
            arms = self.pools.arms(TEST_POOL, model, kind)
            self._tested[model, kind] = self.family(model, arms, shared, units)
        return self._tested[model, kind]

    def evaluate(self, model: Model, kind: Any, loss: LearnedLoss, shared: Arrays) -> Any:
        """Return errors on the test arms of a family (arms, marks); fits have one mark.

        Networks are measured until they have made the steps that the loss was trained for.
        """
        units = Units.from_dict(loss.provenance["units"])
        family = self.tested(model, kind, shared, units)
        if model != "physical":
            n_steps = round(loss.spec.knots[LAST])
            marks = [mark for mark in self.config.marks[model] if mark < n_steps] + [n_steps]
            return learned_outcome(family, loss.spec, loss.phi, marks).free[:, LAST]
        tasks = torch.arange(len(family.arms))
        batch = family.support(tasks, torch.zeros_like(tasks), torch.Generator())
        structure = self.pools.linear_model(memory=True)
        fitted = reweighted_fit(loss.spec, loss.phi, structure, batch, lead=(len(tasks),))
        return LinearRivals(family, units.effort).errors_of(fitted)[:, None]


def _start(model: Model, shared: Arrays) -> Params | None:
    """Return the trained network that networks without a model begin as, if there is one yet."""
    start = {
        key.removeprefix("start/"): torch.from_numpy(np.array(value))
        for key, value in shared.items()
        if key.startswith("start/")
    }
    return start if start and model == "network" else None
