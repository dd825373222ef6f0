# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Frequency of a sine (Fig. 5a, b): a loss that is shaped by the truth at meta-training only.

Losses are meta-trained shaped (on the distance to the true frequency) and unshaped (on the mean
squared error), and then find new frequencies from random starts.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.losses.spec import LossSpec
from ml3_ros.core.networks import BoundModel
from ml3_ros.core.types import Params
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.runner.adaptation import adaptation_curves
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.experiments.runner.selection import even_marks, snapshots
from ml3_ros.experiments.sine.recipes import (
    FrequencyRecipe,
    frequency_recipe,
    squared_error,
)
from ml3_ros.tasks.sine.frequency import (
    LIMIT,
    FrequencyFamily,
    FrequencyTasks,
    Sinusoid,
)
from ml3_ros.tasks.training import provenance_of

HORIZON = 100  # gradient steps after which the paper compares
CHECKPOINTS = (0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 200, 500)
FOUND = 0.1  # a frequency this close counts as found
RUN_AWAY = 2.0 * LIMIT  # farther from the truth than any start can be
GRIDS = {
    "sgd_tuned": ("sgd", (0.003, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3)),
    "adam_tuned": ("adam", (0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 1.0, 2.0)),
}
VALIDATION_SEED, TEST_SEED, MODEL_SEED = 10_000, 20_000, 30_000  # pools that share no task
SHOWN = (-3.0, 0.5, 2.0, 4.5)  # frequencies whose landscapes are drawn
OMEGA = np.linspace(-7.0, 7.0, 281)  # where
N_FRAMES = 40  # of the animation


@dataclass(frozen=True, kw_only=True)
class ShapedSineConfig:
    """Size of the experiment; every method sees the same frequencies, starts and points."""

    seeds: int = 5
    n_frequencies: int = 41  # evenly in +-5
    n_starts: int = 10  # of each, random in +-5
    outer_steps: int = 500  # of our recipes

    def __post_init__(self) -> None:
        for name in ("seeds", "n_frequencies", "n_starts", "outer_steps"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be >= 1, got {getattr(self, name)}")

    def recipes(self) -> dict[str, FrequencyRecipe]:
        """Return what is meta-trained, by method."""
        return {
            "ml3_shaped": frequency_recipe(self.outer_steps, shaped=True),
            "ml3_unshaped": frequency_recipe(self.outer_steps, shaped=False),
            "ml3_shaped_mlp": frequency_recipe(self.outer_steps, shaped=True, architecture="mlp"),
        }


def prepare(config: ShapedSineConfig, scratch: Path, report: Report) -> Arrays:
    """Choose each baseline's step size by the share that it recovers of validation tasks."""
    n = config.n_frequencies * config.n_starts
    tasks = FrequencyTasks.random(n, torch.Generator().manual_seed(VALIDATION_SEED))
    arrays: Arrays = {}
    for name, (rule, grid) in GRIDS.items():
        shares = np.array(
            [
                recovered(distances(tasks, squared_error(rule, lr), {}, (HORIZON,), 0))[0]
                for lr in grid
            ]
        )
        arrays[f"validation/{name}"] = shares
        arrays[f"step_size/{name}"] = np.array(grid[int(shares.argmax())])
        report(f"{name}: step size {grid[int(shares.argmax())]:g} of {grid}")
    return arrays


def run_seed(
    config: ShapedSineConfig,
    seed: int,
    shared: Arrays,
    scratch: Path,
    engine: Engine = AUTOGRAD,
) -> Arrays:
    """Meta-train every recipe and test all methods on this seed's starts and points.

    Returns:
        "distance/METHOD" (tasks, x) to the true frequency; "landscape/METHOD" (SHOWN, OMEGA);
        for learned losses "loss/METHOD", the file; for the shaped one "frames" (frames, SHOWN,
        OMEGA), its landscapes after "marks" (frames,) outer steps.
    """
    tests = tasks_of(config, seed)
    arrays: Arrays = {}
    rows: dict[str, tuple[LossSpec, Params]] = {}
    for name, (rule, _) in GRIDS.items():
        rows[name] = (squared_error(rule, float(shared[f"step_size/{name}"])), {})
    for name, recipe in config.recipes().items():
        trainer = recipe.trainer(seed, engine)
        marks = even_marks(recipe.meta_training.n_outer_steps, N_FRAMES)
        phis = snapshots(trainer, marks)
        rows[name] = (recipe.spec, phis[-1])
        if name == "ml3_shaped":
            arrays["frames"] = np.stack([landscapes(recipe.spec, phi) for phi in phis])
            arrays["marks"] = np.array(marks)
            rows["sgd_same_step"] = (
                squared_error("sgd", recipe.spec.inner_lr, recipe.spec.clip_norm),
                {},
            )
        provenance = provenance_of(trainer, "sine_frequency", method=name)
        loss = LearnedLoss(spec=recipe.spec, phi=phis[-1], provenance=provenance)
        arrays[f"loss/{name}"] = np.frombuffer(loss.to_bytes(), dtype=np.uint8)
    for name, (spec, phi) in rows.items():
        arrays[f"distance/{name}"] = distances(tests, spec, phi, CHECKPOINTS, seed)
        arrays[f"landscape/{name}"] = landscapes(spec, phi)
    return arrays


def tasks_of(config: ShapedSineConfig, seed: int) -> FrequencyTasks:
    """Return a seed's test tasks: each frequency n_starts times, always with other points."""
    nu = torch.linspace(-LIMIT, LIMIT, config.n_frequencies)
    generator = torch.Generator().manual_seed(TEST_SEED + seed)
    return FrequencyTasks.draw(nu.repeat_interleave(config.n_starts), generator)


def distances(
    tasks: FrequencyTasks, spec: LossSpec, phi: Params, checkpoints: tuple[int, ...], seed: int
) -> NDArray[np.float64]:
    """Return |omega - nu| (tasks, checkpoints) from random starts."""
    return adaptation_curves(
        FrequencyFamily(Sinusoid(), tasks),
        len(tasks),
        spec,
        phi,
        checkpoints,
        lambda theta: (theta["omega"].squeeze(-1) - tasks.nu).abs(),
        MODEL_SEED + seed,
    )


def recovered(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of tasks (x,) whose frequency is found, from distances (tasks, x)."""
    return np.asarray((distance <= FOUND).mean(0), dtype=np.float64)


def landscapes(spec: LossSpec, phi: Params) -> NDArray[np.float64]:
    """Return the loss of a fresh model on evenly spaced points, (SHOWN, OMEGA)."""
    x = torch.linspace(-LIMIT, LIMIT, 201).reshape(1, -1, 1).expand(len(OMEGA), -1, -1)
    omega = torch.as_tensor(OMEGA, dtype=torch.float32).unsqueeze(-1)
    model = BoundModel(Sinusoid(), {"omega": omega})
    count = torch.zeros(len(OMEGA))
    loss = spec.loss()
    phi = {k: p.unsqueeze(0) for k, p in phi.items()}
    with torch.no_grad():
        rows = [loss.evaluate(phi, model, {"x": x, "y": (nu * x).sin()}, count) for nu in SHOWN]
    return torch.stack(rows).double().numpy()
