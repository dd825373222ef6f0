"""What both sine experiments share: meta-training with a look on the way, and meta-test."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml3_ros.core.inner_loop import updater
from ml3_ros.core.loss_spec import LossSpec
from ml3_ros.core.meta_training import MetaTrainer, TaskFamily
from ml3_ros.core.types import Params
from ml3_ros.experiments.experiment import Arrays
from ml3_ros.files import write_atomically


def adaptation_curves(
    family: TaskFamily,
    n_tasks: int,
    spec: LossSpec,
    phi: Params,
    checkpoints: Sequence[int],
    measure: Callable[[Params], Tensor],
    seed: int,
) -> NDArray[np.float64]:
    """Train a fresh model on each of the first `n_tasks` tasks and measure it on the way.

    Args:
        family: The tasks.
        n_tasks: How many of them.
        spec: The loss and its update rule.
        phi: Parameters of the loss.
        checkpoints: Numbers of gradient steps at which to measure.
        measure: theta -> (n_tasks,).
        seed: Of the models: methods that are run with the same one start alike.

    Returns:
        Measurements (n_tasks, checkpoints); infinity where a model has diverged.
    """
    tasks = torch.arange(n_tasks)
    generator = torch.Generator().manual_seed(seed)
    theta = family.init(tasks, generator)
    phi = {k: p.unsqueeze(0) for k, p in phi.items()}
    inner_optimizer = spec.optimizer(family.optimizee)
    update = updater(family.optimizee, spec.function(), inner_optimizer)
    state = inner_optimizer.init(theta, (n_tasks,))
    rows = []
    for step in range(max(checkpoints) + 1):
        if step in checkpoints:
            with torch.no_grad():
                rows.append(measure(theta))
        if step < max(checkpoints):
            batch = family.support(tasks, torch.full_like(tasks, step), generator)
            theta, state = update(theta, phi, batch, state)
    curves = torch.stack(rows, dim=-1).double().numpy()
    return np.where(np.isfinite(curves), curves, np.inf)


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


def by_method(seeds: dict[int, Arrays], kind: str) -> dict[str, NDArray[np.float64]]:
    """Return what all seeds keep as "KIND/METHOD", stacked, by method."""
    prefix = f"{kind}/"
    names = [key.removeprefix(prefix) for key in seeds[0] if key.startswith(prefix)]
    return {name: np.stack([arrays[prefix + name] for arrays in seeds.values()]) for name in names}


def save_losses(seeds: dict[int, Arrays], out: Path) -> None:
    """Write the files that seeds keep as "loss/METHOD" to OUT/losses/METHOD."""
    for seed, arrays in seeds.items():
        for key, content in arrays.items():
            if key.startswith("loss/"):
                path = out / "losses" / key.removeprefix("loss/") / f"seed_{seed}.safetensors"
                write_atomically(path, content.tobytes())
