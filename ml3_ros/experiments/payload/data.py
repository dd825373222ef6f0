# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Arms of the experiment by pool and family, and their windows at every moment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml3_ros.core.types import Batch
from ml3_ros.experiments.payload.before import robust_model
from ml3_ros.experiments.payload.config import (
    TEST_POOL,
    TRAIN_POOL,
    VALIDATION_POOL,
    PayloadExperimentConfig,
)
from ml3_ros.experiments.payload.window import Window
from ml3_ros.tasks.payload.families import LoadedFamily
from ml3_ros.tasks.payload.simulated import LoadedArms, LoadedConfig, simulate_loaded
from ml3_ros.tasks.touched.contacts import KINDS, ContactConfig, Kind

Errors = NDArray[np.float64]
"""NMSE of torque without contacts on held-out motion, mean over joints, (arms,)."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The arms of a family, each so long after its change.

    Attributes:
        since: [s]; UNCHANGED before it.
        family: The arms.
        tasks: Of the family (N,).
        window: What rivals see.
    """

    since: float
    family: LoadedFamily
    tasks: Tensor
    window: Window

    @staticmethod
    def of(family: LoadedFamily, since: float) -> Moment:
        """Return the windows that end so long after the change."""
        tasks, arms = family.moments(since), family.arms
        at = family.window(tasks)
        newer = torch.arange(arms.rows - 1, -1, -1) < round(since / arms.spacing)
        bound = (newer & ~arms.touched[at]).float()
        window = Window(arms.columns[at], arms.residual[at], arms.spacing, bound)
        return Moment(since, family, tasks, window)

    @property
    def batch(self) -> Batch:
        """What a learned loss sees."""
        none = torch.zeros_like(self.tasks)
        return self.family.support(self.tasks, none, torch.Generator())

    def errors(self, bodies: Tensor) -> Errors:
        """Return the held-out errors with bodies (N, 10); infinite where one is not finite."""
        found = self.family.held_out_error(self.tasks, bodies).mean(-1).double().numpy()
        return np.where(np.isfinite(found), found, np.inf)


def moments_of(config: PayloadExperimentConfig, pool: int, kind: Kind) -> list[Moment]:
    """Return the arms of a pool that something touches at every moment, UNCHANGED the first."""
    family = LoadedFamily(arms_of(config, pool, kind))
    return [Moment.of(family, since) for since in config.moments]


def training_arms(config: PayloadExperimentConfig) -> LoadedArms:
    """Return the arms of meta-training, one family after the other."""
    return LoadedArms.joined([arms_of(config, TRAIN_POOL, kind) for kind in config.families])


def arms_of(config: PayloadExperimentConfig, pool: int, kind: Kind) -> LoadedArms:
    """Return the arms of a pool that something touches."""
    sizes = {
        TRAIN_POOL: config.n_train,
        VALIDATION_POOL: config.n_validation,
        TEST_POOL: config.n_test,
    }
    return _simulated(config.robot, kind, pool, sizes[pool])


@lru_cache(maxsize=16)
def _simulated(robot: str, kind: Kind, pool: int, n: int) -> LoadedArms:
    config = LoadedConfig()
    arm = replace(config.arm, robot=robot, contacts=ContactConfig(kind=kind))
    seed = 100 * pool + KINDS.index(kind)
    return simulate_loaded(replace(config, arm=arm), n, seed, robust_model)
