# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One learned loss, networks that it never saw: other depths, widths and nonlinearities.

Losses are meta-trained on networks of two hidden layers of 64 tanh units. What they train then is
compared with Adam and gradient descent on the squared error, whose step size is tuned anew for
every architecture; the loss is as it is.
"""

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.losses.spec import LossSpec
from ml3_ros.core.types import Params
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.generalisation.tasks import (
    SETTINGS,
    TEST_POOL,
    TRAINED,
    VALIDATION_POOL,
    Architecture,
    Trials,
)
from ml3_ros.experiments.runner.adaptation import adaptation_curves
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.tasks.training import provenance_of, run_to_end

HORIZON = 100  # gradient steps after which methods are compared
GRIDS = {
    "sgd_tuned": ("sgd", (0.003, 0.006, 0.01, 0.02, 0.05, 0.1, 0.2)),
    "adam_tuned": ("adam", (0.001, 0.003, 0.006, 0.01, 0.02, 0.05, 0.1)),
}


@dataclass(frozen=True, kw_only=True)
class GeneralisationConfig:
    """Size of the experiment."""

    settings: tuple[str, ...] = ("sine", "reacher")
    depths: tuple[int, ...] = (1, 2, 4)
    widths: tuple[int, ...] = (16, 64, 256)
    activations: tuple[str, ...] = ("tanh", "elu", "relu")
    seeds: int = 5
    n_tasks: int = 4  # that every method is tested on, with every architecture and seed
    n_validation_tasks: int = 4
    outer_steps: int = 100

    def __post_init__(self) -> None:
        for name in ("seeds", "n_tasks", "n_validation_tasks", "outer_steps"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be >= 1, got {getattr(self, name)}")
        if unknown := set(self.settings) - set(SETTINGS):
            raise ConfigError(
                f"settings: there is no {', '.join(unknown)}, only {', '.join(SETTINGS)}"
            )

    def architectures(self) -> list[Architecture]:
        """Return all architectures, in the order of every array."""
        return [
            Architecture(depth, width, activation)
            for activation, depth, width in product(self.activations, self.depths, self.widths)
        ]


def prepare(config: GeneralisationConfig, scratch: Path, report: Report) -> Arrays:
    """Tune the baselines, for every architecture on tasks of their own.

    Returns:
        "step_size/SETTING/METHOD" (architectures,).
    """
    architectures = config.architectures()
    arrays: Arrays = {}
    for name in config.settings:
        setting = SETTINGS[name]()
        chosen: dict[str, list[float]] = {method: [] for method in GRIDS}
        for architecture in tqdm(architectures, desc=f"{name}: tuning", leave=False):
            trials = setting.trials(architecture, config.n_validation_tasks, VALIDATION_POOL)
            for method, (rule, grid) in GRIDS.items():
                scores = [
                    _log_errors(trials, setting.squared_error(rule, lr), {}, 0).mean()
                    for lr in grid
                ]
                chosen[method].append(grid[int(np.argmin(scores))])
        for method, step_sizes in chosen.items():
            arrays[f"step_size/{name}/{method}"] = np.array(step_sizes)
        report(f"{name}: baselines tuned for {len(architectures)} architectures")
    return arrays


def run_seed(
    config: GeneralisationConfig,
    seed: int,
    shared: Arrays,
    scratch: Path,
    engine: Engine = AUTOGRAD,
) -> Arrays:
    """Meta-train a loss for each setting; train networks of all architectures with it.

    Returns:
        "log_error/SETTING/METHOD" (architectures, tasks), logarithm of the held-out error; and
        "loss/SETTING", a file.
    """
    arrays: Arrays = {}
    for name in config.settings:
        setting = SETTINGS[name]()
        trainer = setting.trainer(config.outer_steps, seed, engine)
        run_to_end(trainer, scratch / f"{name}.safetensors", name)
        provenance = provenance_of(trainer, name, trained_on=TRAINED.name)
        loss = LearnedLoss(spec=trainer.spec, phi=trainer.seed_phi(0), provenance=provenance)
        arrays[f"loss/{name}"] = np.frombuffer(loss.to_bytes(), dtype=np.uint8)
        errors: dict[str, list[NDArray[np.float64]]] = {
            method: [] for method in ("ml3_adam", *GRIDS)
        }
        architectures = config.architectures()
        for i, architecture in enumerate(tqdm(architectures, desc=f"{name}: test", leave=False)):
            trials = setting.trials(architecture, config.n_tasks, TEST_POOL + seed)
            methods: dict[str, tuple[LossSpec, Params]] = {"ml3_adam": (loss.spec, loss.phi)}
            for method, (rule, _) in GRIDS.items():
                step_size = float(shared[f"step_size/{name}/{method}"][i])
                methods[method] = (setting.squared_error(rule, step_size), {})
            for method, (spec, phi) in methods.items():
                errors[method].append(_log_errors(trials, spec, phi, seed))
        arrays |= {f"log_error/{name}/{k}": np.stack(x) for k, x in errors.items()}
    return arrays


def _log_errors(trials: Trials, spec: LossSpec, phi: Params, seed: int) -> NDArray[np.float64]:
    """Return the logarithm of the error (tasks,) of fresh networks after HORIZON steps."""
    errors = adaptation_curves(
        trials.family, trials.n_tasks, spec, phi, (HORIZON,), trials.measure, seed
    )
    with np.errstate(divide="ignore"):
        return np.log(errors[:, 0])
