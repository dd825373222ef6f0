# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The experiment on recordings of real arms: rivals are tuned, and all fits evaluated."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.core.linear_model import LinearModel
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.experiments.touched.config import VALIDATION_POOL, TouchedExperimentConfig
from ml3_ros.experiments.touched.data import KnownFamily, Pools
from ml3_ros.experiments.touched.linear_rivals import LinearRivals, Robust, score
from ml3_ros.experiments.touched_real.config import ADDED, Family, TouchedRealConfig
from ml3_ros.experiments.touched_real.data import RealArms
from ml3_ros.experiments.touched_real.recordings import RATE
from ml3_ros.experiments.touched_real.tuning import tuned
from ml3_ros.identification.live.fits import LEARNED
from ml3_ros.identification.live.learned_fit import loss_for
from ml3_ros.learners.inverse_dynamics.reweighted_fit import reweighted_fit
from ml3_ros.tasks.touched.before import Before
from ml3_ros.tasks.touched.contacts import Kind
from ml3_ros.tasks.touched.recipes import units_of
from ml3_ros.zoo import shipped_loss

FRICTION: Mapping[str, bool] = {"simple": False, "memory": True}
"""Linear models by their columns of friction: whether these remember."""
BOUND, HINDSIGHT, DESCRIBED = "contacts_known", "hindsight", "described"
HANDS_KIND: Kind = "pushing"  # simulated contacts that stand for a real hand in tuning
TUNING_DRAW = 1000  # of what touches recordings on which rivals are tuned in hindsight


def prepare(config: TouchedRealConfig, scratch: Path, report: Report) -> Arrays:
    """Tune the rivals on simulated arms, and in hindsight on the recordings themselves.

    Returns:
        simulated/FRICTION/KIND/METHOD and hindsight/RECORDING/FRICTION/FAMILY/METHOD (JSON); in
        hindsight, METHOD is the best rival alone, and contacts_known.

    Raises:
        ConfigError: No recordings are given.
    """
    if not config.data:
        raise ConfigError(
            "this experiment needs recordings: give --data DIR, see docs/arms.md for their source"
        )
    arrays: Arrays = {}
    for place, arms, kind in _cells(config):
        rivals = LinearRivals(arms.family(kind, TUNING_DRAW), arms.unit.tolist())
        chosen = tuned(rivals)
        known = chosen.pop(BOUND)
        method = min(chosen, key=lambda name: score(rivals, chosen[name]))
        for name, each in ((BOUND, known), (method, chosen[method])):
            arrays[f"{HINDSIGHT}/{place}/{name}"] = np.array(json.dumps(asdict(each)))
        report(f"{place}: rivals tuned in hindsight")
    for friction, memory in FRICTION.items():
        for simulated in ADDED:
            found = tuned(_simulated(config, simulated, memory=memory))
            for method, each in found.items():
                key = f"simulated/{friction}/{simulated}/{method}"
                arrays[key] = np.array(json.dumps(asdict(each)))
            report(f"friction {friction}, {simulated}: rivals tuned on simulated arms")
    return arrays


def run_seed(
    config: TouchedRealConfig,
    seed: int,
    shared: Arrays,
    scratch: Path,
    engine: Engine = AUTOGRAD,
) -> Arrays:
    """Fit the recordings under one draw of what touches them.

    Returns:
        error/RECORDING/FRICTION/FAMILY/METHOD (stretches,): of "learned", the package's loss; of
        rivals with numbers from simulated arms; of "hindsight", the best one with numbers from the
        recording, and "contacts_known", likewise; of "described", the arm without any fit.
    """
    arrays: Arrays = {}
    for place, arms, kind in _cells(config):
        family = arms.family(kind, seed)
        rivals = LinearRivals(family, arms.unit.tolist())
        _, friction, _ = place.split("/")
        in_simulation = f"simulated/{friction}/{kind if kind in ADDED else HANDS_KIND}/"
        errors = {
            name: rivals.errors(each) for name, each in _of(shared, in_simulation) if name != BOUND
        }
        for name, each in _of(shared, f"{HINDSIGHT}/{place}/"):
            errors[name if name == BOUND else HINDSIGHT] = rivals.errors(each)
        fitted = learned_coefficients(family, arms.structure, arms.unit)
        errors |= {
            "learned": rivals.errors_of(fitted),
            DESCRIBED: rivals.errors_of(torch.zeros_like(fitted)),
        }
        arrays |= {f"error/{place}/{name}": value for name, value in errors.items()}
    return arrays


def _cells(config: TouchedRealConfig) -> Iterator[tuple[str, RealArms, Family]]:
    """Yield RECORDING/FRICTION/FAMILY, the recording's arms, and the family."""
    for recording in config.recordings:
        for friction, memory in FRICTION.items():
            arms = RealArms(config, recording, memory=memory)
            for kind in arms.families():
                yield f"{recording}/{friction}/{kind}", arms, kind


def learned_coefficients(
    family: KnownFamily, structure: LinearModel, unit: NDArray[np.float64]
) -> Tensor:
    """Return the coefficients (arms, p) that the package's loss of physical models fits."""
    loss = shipped_loss(LEARNED)
    tasks = torch.arange(len(family.arms))
    batch = family.support(tasks, torch.zeros_like(tasks), torch.Generator())
    spec = loss_for(loss, unit, family.sampling.stride / RATE)
    return reweighted_fit(spec, loss.phi, structure, batch, lead=(len(tasks),))


def _simulated(config: TouchedRealConfig, kind: Kind, *, memory: bool) -> LinearRivals:
    """Return simulated arms that rivals are tuned on; no recording of a real one is seen."""
    pools = Pools(TouchedExperimentConfig(n_validation=config.n_validation))
    arms = pools.arms(VALIDATION_POOL, "physical" if memory else "network_on_model", kind)
    before = Before.described(arms)
    family = KnownFamily(
        pools.linear_model(memory=memory), arms, before, pools.recipe("physical").sampling()
    )
    names = tuple(f"joint_{i}" for i in range(arms.q.shape[-1]))
    return LinearRivals(family, units_of(arms, before, names).effort)


def _of(shared: Arrays, prefix: str) -> Iterator[tuple[str, Robust]]:
    """Yield the methods behind a prefix and their numbers."""
    for key, value in shared.items():
        if key.startswith(prefix):
            fields = json.loads(str(value))
            yield key.removeprefix(prefix), Robust(**{**fields, "kinds": tuple(fields["kinds"])})
