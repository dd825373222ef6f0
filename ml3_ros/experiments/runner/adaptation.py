# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Meta-test on any task family: learning curves of fresh models under a frozen loss."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml3_ros.core.inner_loop import inner_step
from ml3_ros.core.learner import Learner
from ml3_ros.core.losses.spec import LossSpec
from ml3_ros.core.outer.family import TaskFamily
from ml3_ros.core.types import Params
from ml3_ros.experiments.runner.experiment import Arrays
from ml3_ros.files import write_atomically


def adaptation_curves(
    family: TaskFamily,
    n_tasks: int,
    spec: LossSpec,
    phi: Params,
    checkpoints: Sequence[int],
    measure: Callable[[Params], Tensor],
    seed: int,
    start: Params | None = None,
) -> NDArray[np.float64]:
    """Train a model on each of the first `n_tasks` tasks and measure it on the way.

    Args:
        family: The tasks.
        n_tasks: How many of them.
        spec: The loss and its update rule.
        phi: Parameters of the loss.
        checkpoints: Numbers of gradient steps at which to measure.
        measure: theta -> (n_tasks,).
        seed: Of the models: methods that are run with the same one start alike.
        start: Where all models begin, (*shape), instead of fresh ones; batches stay the same.

    Returns:
        Measurements (n_tasks, checkpoints); infinity where a model has diverged.
    """
    return training_curves(
        family,
        n_tasks,
        spec.learner(family.optimizee),
        {k: p.unsqueeze(0) for k, p in phi.items()},
        checkpoints,
        measure,
        seed,
        start,
    )


def training_curves(
    family: TaskFamily,
    n_tasks: int,
    learner: Learner,
    phi: Params,
    checkpoints: Sequence[int],
    measure: Callable[[Params], Tensor],
    seed: int,
    start: Params | None = None,
) -> NDArray[np.float64]:
    """Train models with any learner, and measure them.

    See `adaptation_curves`; phi is as the learner's loss takes it.
    """
    tasks = torch.arange(n_tasks)
    generator = torch.Generator().manual_seed(seed)
    theta = family.init(tasks, generator)
    if start is not None:
        theta = {k: p.expand(n_tasks, *p.shape) for k, p in start.items()}
    state = learner.inner_optimizer.init(theta, (n_tasks,))
    rows = []
    for step in range(max(checkpoints) + 1):
        if step in checkpoints:
            with torch.no_grad():
                rows.append(measure(theta))
        if step < max(checkpoints):
            batch = family.support(tasks, torch.full_like(tasks, step), generator)
            result = inner_step(learner, theta, phi, batch, state)
            theta, state = result.theta, result.state
    curves = torch.stack(rows, dim=-1).double().numpy()
    return np.where(np.isfinite(curves), curves, np.inf)


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
