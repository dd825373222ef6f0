# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Models to begin with, learned on the tasks of meta-training: the rivals of a learned loss.

Each belongs to one architecture; what trains it at meta-test, and how far, is tuned apart.
"""

from collections.abc import Sequence

import numpy as np
import torch

from ml3_ros.core.learner import Learner
from ml3_ros.core.outer.family import TaskFamily
from ml3_ros.core.types import Params
from ml3_ros.experiments.rivals.maml import MamlConfig, meta_learn_start
from ml3_ros.experiments.runner.experiment import Arrays

PRETRAINED, MAML = "pretrained", "maml"
AT_ONCE = MamlConfig(n_outer_steps=300, n_tasks=16, unroll=0, outer_lr=3e-3)
"""One model for all tasks at once."""
FEW_STEPS = MamlConfig(n_outer_steps=400, n_tasks=8, unroll=20, outer_lr=3e-3)
"""A start for few steps on a task."""


def learned_start(
    family: TaskFamily,
    learner: Learner,
    seeds: Sequence[int],
    config: MamlConfig,
    begin: Params | None = None,
    phi: Params | None = None,
) -> Params:
    """Return a model for each seed that suits the tasks of a family, (seeds, *shape).

    It is trained for the task loss that learned losses are trained for.

    Args:
        family: The tasks of meta-training.
        learner: The optimizee with a loss that is not learned, and the inner rule.
        seeds: Of random models and of batches.
        config: How to train.
        begin: Where to begin from, (seeds, *shape); None for random models.
        phi: As of `meta_learn_start`.
    """
    if begin is None:
        first = torch.zeros(len(seeds), dtype=torch.int64)
        begin = family.init(first, [torch.Generator().manual_seed(seed) for seed in seeds])
    return meta_learn_start(family, learner, begin, seeds, config, phi=phi)


def kept_start(name: str, start: Params) -> Arrays:
    """Return a start for experiments to keep: "start/NAME/PARAMETER" (seeds, *shape)."""
    return {f"start/{name}/{k}": p.numpy() for k, p in start.items()}


def stored_start(arrays: Arrays, name: str, index: int) -> Params | None:
    """Return the start NAME of one seed, (*shape); None where there is none, for random models.

    Args:
        arrays: With what `kept_start` returned.
        name: Of the start.
        index: Of the seed among those it was learned for.
    """
    prefix = f"start/{name}/"
    found = {k: p[index] for k, p in arrays.items() if k.startswith(prefix)}
    return {
        k.removeprefix(prefix): torch.from_numpy(np.array(p)) for k, p in found.items()
    } or None
