# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Meta-train one loss for reaching with an arm; this made those of the package."""

from collections.abc import Callable
from pathlib import Path

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.data.metrics import resolved
from ml3_ros.files import user_path
from ml3_ros.tasks.reaching.arm_recipes import ReachRecipe
from ml3_ros.tasks.training import revision, train_to_file


def train_reach(
    recipe: ReachRecipe,
    out: str | Path,
    report: Callable[[str], None] = print,
    engine: Engine = AUTOGRAD,
) -> LearnedLoss:
    """Meta-train the loss that `recipe` describes and save it at `out`.

    A run that was killed goes on from `out` with the suffix ".checkpoint". Equal recipes give
    equal bytes on the same machine.
    """
    out = user_path(out)
    trainer = recipe.trainer(engine)
    provenance = {"config": resolved(recipe), "revision": revision()}
    return train_to_file(trainer, out, lambda: recipe.loss(trainer, provenance), report)
