# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Selection among the losses that a meta-training passes through: the best on validation tasks.

What is best for the objective of meta-training after a few updates need not be after many, or for
tasks that it has not seen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from ml3_ros.core.losses.spec import LossSpec
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.core.types import Params
from ml3_ros.errors import ConfigError

N_SCORED = 6  # losses on the way, evenly spaced, the last one at the end


@dataclass(frozen=True, slots=True)
class Selected:
    """The loss that is kept.

    Attributes:
        phi: Its parameters.
        step: Outer steps after which it was so.
        scores: Of all losses on the way, lower is better.
    """

    phi: Params
    step: int
    scores: tuple[float, ...]


def train_and_select(
    trainer: MetaTrainer,
    score: Callable[[LossSpec, Params], float],
    name: str,
    step: Callable[[], object] | None = None,
) -> Selected:
    """Meta-train to the end, and return the first seed's loss with the lowest score on the way.

    Args:
        trainer: A fresh one.
        score: (spec, phi) -> how bad a loss is on validation tasks.
        name: Of the progress bar.
        step: Makes an outer step of the trainer, if it is not that alone.

    Raises:
        ConfigError: No loss had a finite score.
    """
    total, make_step = trainer.config.n_outer_steps, step or trainer.step
    due = {total * (i + 1) // N_SCORED for i in range(N_SCORED)}
    scored: list[tuple[float, int, Params]] = []
    for n in tqdm(range(1, total + 1), desc=name, leave=False, mininterval=1.0):
        make_step()
        if n in due:
            phi = trainer.seed_phi(0)
            scored.append((score(trainer.spec, phi), n, phi))
    finite = [each for each in scored if np.isfinite(each[0])]
    if not finite:
        raise ConfigError(f"{name}: policies diverged under every loss; lower its outer_lr")
    _, n, phi = min(finite, key=lambda each: each[0])
    return Selected(phi, n, tuple(each[0] for each in scored))


def snapshots(trainer: MetaTrainer, marks: Sequence[int]) -> list[Params]:
    """Run a trainer of one loss to its end; return phi after each of `marks` outer steps."""
    kept = []
    for mark in marks:
        while trainer.step_count < mark:
            trainer.step()
        kept.append(trainer.seed_phi(0))
    return kept


def even_marks(n_outer_steps: int, n: int) -> tuple[int, ...]:
    """Return n + 1 numbers of outer steps from 0 to the last, evenly spaced."""
    return tuple(sorted({round(i * n_outer_steps / n) for i in range(n + 1)}))
