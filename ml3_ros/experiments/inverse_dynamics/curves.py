# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Learning curves at meta-test: errors of fresh models while a frozen loss trains them."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml3_ros.core.engine.engine import Engine
from ml3_ros.core.inner_loop import StepResult, inner_step
from ml3_ros.core.losses.spec import LossSpec
from ml3_ros.core.types import Batch, Params, with_lead
from ml3_ros.learners.inverse_dynamics.sampling import nmse
from ml3_ros.tasks.inverse_dynamics.family import InverseDynamicsFamily

Measure = Callable[[Params], Tensor]
"""Errors (seeds, tasks, k) of the models theta."""

REPLAYED = 2000  # gradient steps from which recording the first one pays
EVALUATION_CHUNK = 500  # samples at once: bounds the memory of M(q) for many models


def learning_curves(
    family: InverseDynamicsFamily,
    spec: LossSpec,
    phis: Sequence[Params],
    checkpoints: Sequence[int],
    *,
    seeds: Sequence[int],
    theta: Params | None = None,
    measure: Measure | None = None,
) -> NDArray[np.float64]:
    """Train fresh models on every task of `family` and measure their held-out error.

    Every method that is run with the same seeds starts from the same models and sees the same
    batches.

    Args:
        family: The tasks; all are used.
        spec: The loss and its update rule.
        phis: Parameters of the loss, one per seed; one entry serves all seeds.
        checkpoints: Numbers of gradient steps at which to measure, increasing.
        seeds: Of the initial models and batches, one per repetition.
        theta: Models to begin with instead of random ones, each (seeds, tasks, *shape).
        measure: What to measure instead of the NMSE per joint on held-out samples.

    Returns:
        NMSE per joint (seeds, tasks, checkpoints, n), or what was measured, (..., k); infinity
        where a model has diverged.
    """
    lead = (len(seeds), len(family.recordings))
    tasks = torch.arange(lead[1])
    all_tasks = tasks.repeat(lead[0])
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    phis = list(phis) * len(seeds) if len(phis) == 1 else list(phis)
    phi = spec.stack_phi(phis)
    fresh = with_lead(family.init(all_tasks, generators), lead)
    theta = fresh if theta is None else theta
    learner = spec.learner(family.optimizee)
    state = learner.inner_optimizer.init(theta, lead)
    update: Callable[[Params, Params, Batch, Params], StepResult] = partial(inner_step, learner)
    if max(checkpoints) >= REPLAYED:
        update = Engine(kind="replayed").prepare(update)
    if measure is None:
        measure = partial(held_out_nmse, family, held_out=family.held_out(tasks))
    rows = []
    for step in range(max(checkpoints) + 1):
        if step in checkpoints:
            rows.append(measure(theta))
        if step < max(checkpoints):
            ages = torch.full_like(all_tasks, step)
            batch = with_lead(family.support(all_tasks, ages, generators), lead)
            result = update(theta, phi, batch, state)
            theta, state = result.theta, result.state
    curves = torch.stack(rows, dim=2).double().numpy()
    return np.where(np.isfinite(curves), curves, np.inf)


def held_out_nmse(family: InverseDynamicsFamily, theta: Params, held_out: Batch) -> Tensor:
    """Return the NMSE (seeds, tasks, n) of the models theta."""
    target = held_out[family.optimizee.target]
    predictions = []
    with torch.no_grad():
        for start in range(0, target.shape[1], EVALUATION_CHUNK):
            chunk = {k: x[:, start : start + EVALUATION_CHUNK] for k, x in held_out.items()}
            predictions.append(family.optimizee.call(theta, chunk))
    return nmse(torch.cat(predictions, dim=-2), target)
