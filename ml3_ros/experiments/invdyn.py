"""Inverse dynamics with a physics prior in the loss (Fig. 5c, 5d of the paper).

Losses are meta-trained on random robots and then train fresh networks on robots that they never
saw: the nominal one, and perturbed ones from another draw. With F(q, v) given, as in the paper,
batches are uniform draws and the optimizee is updated by gradient descent; with F learned too,
samples stream in at the rate of an arm and the optimizee is updated by Adam.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ml3_ros.core.learned_loss import LearnedLoss
from ml3_ros.core.meta_training import MetaTrainer
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.curves import checkpoints_until, learning_curves
from ml3_ros.experiments.panels import Panel, load_panel, save_panel
from ml3_ros.experiments.training import train_losses
from ml3_ros.tasks.inverse_dynamics.baseline_losses import squared_error
from ml3_ros.tasks.inverse_dynamics.family import InverseDynamicsFamily
from ml3_ros.tasks.inverse_dynamics.model import NleMode
from ml3_ros.tasks.inverse_dynamics.populations import Population, population
from ml3_ros.tasks.inverse_dynamics.recipes import Recipe, learned_loss
from ml3_ros.tasks.inverse_dynamics.recordings import Recordings
from ml3_ros.tasks.inverse_dynamics.simulated import SimulationConfig, simulate
from ml3_ros.tasks.inverse_dynamics.units import Units

SGD_GRID = (0.003, 0.01, 0.02, 0.03, 0.05, 0.1)
ADAM_GRID = (0.001, 0.003, 0.006, 0.01, 0.02, 0.03)
DIVERGED = 2.0  # an NMSE above this at the end of the horizon counts as diverged
TRAIN_SEED, VALIDATION_SEED, TEST_SEED = 1, 2, 3  # three pools that share no robot

Report = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class InvdynConfig:
    """Size of the experiment; learned losses and baselines see the same robots and batches.

    Each baseline has six step sizes to choose from on validation robots of the kind that it is
    tested on; a learned loss has none, its recipe is fixed.
    """

    robot: str = "sawyer"
    modes: tuple[NleMode, ...] = ("given", "learned")
    architectures: tuple[str, ...] = ("structured", "mlp")
    seeds: int = 5  # meta-seeds; also inits of every baseline
    n_tasks: int = 4  # models trained at once under each loss
    n_train_robots: int = 32
    n_validation_robots: int = 8
    n_test_robots: int = 16
    outer_steps: dict[str, int] = field(
        default_factory=lambda: {
            "given/structured": 400,
            "given/mlp": 3000,
            "learned/structured": 150,
            "learned/mlp": 1000,
        }
    )
    horizon: dict[str, int] = field(default_factory=lambda: {"given": 100, "learned": 375})
    test_factor: int = 10  # models are trained for this many horizons at meta-test

    def __post_init__(self) -> None:
        counts = ("seeds", "n_train_robots", "n_validation_robots", "n_test_robots", "test_factor")
        for name in counts:
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be >= 1, got {getattr(self, name)}")
        if not (self.modes and self.architectures):
            raise ConfigError("modes and architectures: name at least one of each")
        for mode in self.modes:
            if mode not in self.horizon:
                raise ConfigError(f"horizon lacks {mode!r}: set horizon.{mode}")
            for architecture in self.architectures:
                if f"{mode}/{architecture}" not in self.outer_steps:
                    raise ConfigError(f"outer_steps lacks '{mode}/{architecture}': set it")


def run_invdyn(config: InvdynConfig, out: Path, report: Report) -> dict[str, Panel]:
    """Run all modes and kinds of robots.

    Args:
        config: Size of the experiment.
        out: Folder for losses and checkpoints; a run that was killed goes on from there.
        report: Called with a line of text whenever something is done.

    Returns:
        A panel for each "mode/robots".
    """
    panels = {}
    for mode in config.modes:
        kind = population(config.robot, mode)
        recordings = simulate(kind.train, config.n_train_robots, TRAIN_SEED)
        losses = _losses(config, mode, kind, recordings, out, report)
        fingerprint = _fingerprint(config, losses)
        for robots, simulation in kind.tests.items():
            kept = out / "panels" / f"{mode}_{robots}.npz"
            panel = load_panel(kept, fingerprint)
            if panel is None:
                test = simulate(
                    _long_enough(simulation, config, mode), config.n_test_robots, TEST_SEED
                )
                validation = simulate(simulation, config.n_validation_robots, VALIDATION_SEED)
                panel = _panel(config, mode, kind, losses, validation, test)
                save_panel(kept, panel, fingerprint)
            panels[f"{mode}/{robots}"] = panel
            report(f"{mode}/{robots}: done")
    return panels


def _long_enough(
    simulation: SimulationConfig, config: InvdynConfig, mode: NleMode
) -> SimulationConfig:
    """Return the simulation, lengthened so that a stream lasts as long as the models train."""
    sampling = Recipe(nle=mode).sampling()
    if not sampling.steps_per_window:
        return simulation
    windows = config.horizon[mode] * config.test_factor / sampling.steps_per_window
    return replace(simulation, support_seconds=windows * sampling.window / simulation.rate)


def _fingerprint(config: InvdynConfig, losses: dict[str, list[LearnedLoss]]) -> str:
    """Return what tells whether curves were measured with these settings and losses."""
    names = {name: [loss.sha256() for loss in rows] for name, rows in losses.items()}
    sizes = (config.n_validation_robots, config.n_test_robots, config.test_factor, config.horizon)
    grids = (SGD_GRID, ADAM_GRID)
    return hashlib.sha256(repr((names, sizes, grids)).encode()).hexdigest()


def _losses(
    config: InvdynConfig,
    mode: NleMode,
    kind: Population,
    recordings: Recordings,
    out: Path,
    report: Report,
) -> dict[str, list[LearnedLoss]]:
    """Meta-train (or load) every learned loss: by name, one per seed."""
    losses = {}
    for architecture in config.architectures:
        for use_prior in (True, False):
            name = "ml3_shaped" if use_prior else "ml3_unshaped"
            name += "_mlp" if architecture == "mlp" else ""
            recipe = Recipe(
                nle=mode,
                architecture=architecture,
                use_prior=use_prior,
                n_outer_steps=config.outer_steps[f"{mode}/{architecture}"],
                horizon=config.horizon[mode],
                n_tasks=config.n_tasks,
            )
            trainer = recipe.trainer(
                recordings, kind.units, config.robot, tuple(range(config.seeds))
            )
            make_loss = partial(_artefact, kind.units, config.robot)
            losses[name] = train_losses(trainer, make_loss, out / "losses" / mode / name)
            report(f"{mode}/{name}: meta-trained")
    return losses


def _artefact(
    units: Units, robot: str, trainer: MetaTrainer, index: int, provenance: dict[str, Any]
) -> LearnedLoss:
    return learned_loss(trainer, index, units, robot, provenance)


def _panel(
    config: InvdynConfig,
    mode: NleMode,
    kind: Population,
    losses: dict[str, list[LearnedLoss]],
    validation: Recordings,
    test: Recordings,
) -> Panel:
    """Tune the baselines on `validation`, then run every method on `test`."""
    recipe = Recipe(nle=mode)
    optimizee = recipe.optimizee(kind.units, config.robot)
    families = [InverseDynamicsFamily(optimizee, r, recipe.sampling()) for r in (validation, test)]
    horizon = config.horizon[mode]
    x = tuple(sorted({horizon, *checkpoints_until(horizon * config.test_factor)}))
    step_sizes = {}
    specs = {name: (rows[0].spec, [row.phi for row in rows]) for name, rows in losses.items()}
    for name, rule, grid in (("sgd_tuned", "sgd", SGD_GRID), ("adam_tuned", "adam", ADAM_GRID)):
        candidates = {lr: squared_error(kind.units, optimizee.target, rule, lr) for lr in grid}
        scores = {
            lr: _score(learning_curves(families[0], loss.spec, [loss.phi], (horizon,), seeds=(0,)))
            for lr, loss in candidates.items()
        }
        step_sizes[name] = min(scores, key=scores.__getitem__)
        specs[name] = (candidates[step_sizes[name]].spec, [{}])
    own = next(iter(losses.values()))[0].spec
    same = squared_error(kind.units, optimizee.target, own.inner_optimizer, own.inner_lr)
    specs[f"{own.inner_optimizer}_same_step"] = (same.spec, [{}])
    seeds = tuple(range(config.seeds))
    nmse = {
        name: learning_curves(families[1], spec, phis, x, seeds=seeds)
        for name, (spec, phis) in tqdm(specs.items(), desc=f"{mode}: meta-test", leave=False)
    }
    return Panel(x, horizon, nmse, step_sizes)


def _score(nmse: NDArray[np.float64]) -> float:
    """Return what a step size is chosen by: the mean log NMSE; infinite if a model diverged."""
    with np.errstate(divide="ignore"):
        return float(np.log(nmse.mean(-1)).mean())
