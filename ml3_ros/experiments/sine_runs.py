"""What both sine experiments share: meta-training with a look on the way."""

from collections.abc import Sequence

from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.core.types import Params


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
