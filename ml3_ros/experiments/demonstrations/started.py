# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Policies to begin with, learned on the demonstrations of meta-training: a clone, and MAML.

What goes on from them is Adam on one demonstration of the new target (Finn et al. 2017, one-shot
imitation), which a learned loss does without. Its step size is tuned.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml3_ros.core.inner_optimizers import Adam, Sgd
from ml3_ros.core.learner import Learner
from ml3_ros.core.types import Params
from ml3_ros.experiments.demonstrations.task import Demonstrations, ImitationFamily
from ml3_ros.experiments.model_based.trials import MODEL_SEED, Observer, ReachingTest
from ml3_ros.experiments.rivals.bracketed import bracketed
from ml3_ros.experiments.rivals.maml import MamlConfig
from ml3_ros.experiments.rivals.starts import learned_start
from ml3_ros.experiments.runner.adaptation import training_curves
from ml3_ros.tasks.reaching.recipes import Setting

CLONED, MAML = "clone_demonstration", "maml_demonstration"
INNER = Sgd(0.1, clip_norm=1.0)  # what MAML's start is learned through
FEW_STEPS = MamlConfig(n_outer_steps=400, n_tasks=4, unroll=5, outer_lr=1e-3)
ADAM_GRID = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03)  # first step sizes to choose from


def maml_policy(
    chosen: Setting, shown: Demonstrations, clone: Params, seed: int, config: MamlConfig
) -> Params:
    """Return a policy (*shape) from which few steps on one demonstration of a target go far.

    Args:
        chosen: World and policies.
        shown: Demonstrations of the targets of meta-training.
        clone: The policy that it goes on from, (*shape).
        seed: Of targets and demonstrations.
        config: How to train.
    """
    family = ImitationFamily(chosen.policy(), shown)
    learner = Learner(family.optimizee, family, INNER)
    begin = {k: p.unsqueeze(0) for k, p in clone.items()}
    return {k: p[0] for k, p in learned_start(family, learner, (seed,), config, begin).items()}


def imitated(
    chosen: Setting,
    expert: Demonstrations,
    start: Params,
    step_size: float,
    checkpoints: tuple[int, ...],
    seed: int,
) -> ReachingTest:
    """Train a policy for each target on a demonstration of it, with Adam.

    Args:
        chosen: World and policies.
        expert: Targets, and one demonstration of each.
        start: Where all policies begin, (*shape).
        step_size: Of Adam.
        checkpoints: Updates at which policies are measured.
        seed: Of the episodes that measure them.
    """
    family = ImitationFamily(chosen.policy(), expert)
    observer = Observer(family.optimizee, expert.goals, seed)
    learner = Learner(family.optimizee, family, Adam(step_size))
    n, none = len(expert.goals), dict[str, Tensor]()
    curves = training_curves(
        family, n, learner, none, checkpoints, observer, MODEL_SEED + seed, start
    )
    return observer.result(curves)


def best_step_size(
    chosen: Setting, expert: Demonstrations, start: Params, updates: int, seed: int
) -> float:
    """Return the step size with the least mean distance after some updates."""

    def score(step_size: float) -> NDArray[np.float64]:
        found = imitated(chosen, expert, start, step_size, (updates,), seed).final
        return np.asarray(np.log(found.mean()))

    return float(bracketed(score, ADAM_GRID))


def copied(theta: Params) -> Params:
    """Return parameters that later steps leave as they are."""
    return {k: torch.clone(p) for k, p in theta.items()}
