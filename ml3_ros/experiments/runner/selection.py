"""Which of the losses that a meta-training passes through is kept: the best on validation tasks.

What is best for the objective of meta-training after a few updates need not be after many, or for
tasks that it has not seen.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from ml3_ros.core.losses.spec import LossSpec
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.core.types import Params
from ml3_ros.errors import ConfigError

LOOKS = 6  # at the loss, evenly spaced, the last one at the end


@dataclass(frozen=True, slots=True)
class Selected:
    """The loss that is kept.

    Attributes:
        phi: Its parameters.
        step: Outer steps after which it was so.
        scores: Of all looks, lower is better.
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
    due = {total * (i + 1) // LOOKS for i in range(LOOKS)}
    found: list[tuple[float, int, Params]] = []
    for n in tqdm(range(1, total + 1), desc=name, leave=False, mininterval=1.0):
        make_step()
        if n in due:
            phi = trainer.seed_phi(0)
            found.append((score(trainer.spec, phi), n, phi))
    finite = [each for each in found if np.isfinite(each[0])]
    if not finite:
        raise ConfigError(f"{name}: policies diverged under every loss; lower its outer_lr")
    _, n, phi = min(finite, key=lambda each: each[0])
    return Selected(phi, n, tuple(each[0] for each in found))
