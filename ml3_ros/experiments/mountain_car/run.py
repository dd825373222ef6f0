# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""MountainCar (Fig. 6a, b): a loss that was shaped by a way point explores, and keeps the goal.

Losses are meta-trained with the way point in the task loss and without it, with a reward for
exploring in its place, and on the end of episodes alone; then they train fresh policies that see
none of that and no model. iLQR knows the dynamics, and plans from the same start.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.core.types import Params
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.mountain_car.curiosity import Coverage
from ml3_ros.experiments.mountain_car.ilqr import Trajectory, ilqr
from ml3_ros.experiments.mountain_car.task import (
    GOAL,
    Knowledge,
    MountainCar,
    MountainCarFamily,
    car_policy,
    loss_spec,
    meta_training,
)
from ml3_ros.experiments.runner.adaptation import adaptation_curves
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.tasks.reaching.recipes import ReachingLoss
from ml3_ros.tasks.training import provenance_of, run_to_end

CHECKPOINTS = (*range(21), 30, 50, 70, 100, 200, 500)  # updates, or iterations of iLQR
KEPT = 20  # updates after which a policy that found the goal must still reach it
SOLVED = 0.05  # this close to the goal counts as there [m]
SHAPED, UNSHAPED = Knowledge(way_point=True), Knowledge()
CURIOUS = Knowledge(coverage=Coverage(scale=(0.3, 0.3)))
LATE = Knowledge(late=10)
LOSSES: dict[str, tuple[ReachingLoss, Knowledge]] = {
    "ml3_shaped": ("desired_action", SHAPED),
    "ml3_unshaped": ("desired_action", UNSHAPED),
    "ml3_shaped_mlp": ("trajectory", SHAPED),
    "ml3_unshaped_mlp": ("trajectory", UNSHAPED),
    "ml3_curious": ("desired_action", CURIOUS),
    "ml3_late": ("desired_action", LATE),
}
GREEDY = (1.0, 1.0, 1e-3)  # weights of distance on the way, at the end, and effort: the task loss
GRID = (
    (0.1, 1.0, 1e-3),
    (0.1, 10.0, 1e-3),
    (0.01, 10.0, 1e-3),
    (0.0, 10.0, 1e-3),
    (0.0, 100.0, 1e-2),
)
"""What tuned iLQR chooses from besides."""
MODEL_SEED = 30_000


@dataclass(frozen=True, kw_only=True)
class MountainCarConfig:
    """Size of the experiment."""

    seeds: int = 10
    n_inits: int = 10  # policies that every loss trains
    outer_steps: int = 250

    def __post_init__(self) -> None:
        for name in ("seeds", "n_inits", "outer_steps"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be >= 1, got {getattr(self, name)}")


def prepare(config: MountainCarConfig, scratch: Path, report: Report) -> Arrays:
    """Plan with iLQR on the task loss without the way point, and with weights tuned for it.

    Returns:
        "distance/METHOD" (1, x) to the goal, "path/METHOD" (x, T + 1), and "weights/ilqr_tuned".
    """
    plans = {
        weights: _plan(weights) for weights in tqdm((GREEDY, *GRID), desc="iLQR", leave=False)
    }
    arrays: Arrays = {}
    # who comes first to stay, wins; the distance decides between those who do not come
    tuned = min(plans, key=lambda weights: (_arrival(plans[weights]), _final(plans[weights][-1])))
    for name, weights in (("ilqr", GREEDY), ("ilqr_tuned", tuned)):
        kept = [plans[weights][min(x, len(plans[weights]) - 1)] for x in CHECKPOINTS]
        arrays[f"distance/{name}"] = np.array([[_final(plan) for plan in kept]])
        arrays[f"path/{name}"] = np.stack([plan.states[:, 0] for plan in kept])
        report(
            f"{name}: weights {weights}, {arrays[f'distance/{name}'][0, -1]:.2g} m from the goal"
        )
    arrays["weights/ilqr_tuned"] = np.array(tuned)
    return arrays


def _plan(weights: tuple[float, float, float]) -> list[Trajectory]:
    running, final, effort = weights
    goal = torch.tensor(GOAL, dtype=torch.float64)
    world = MountainCar()
    start = world.start(torch.Generator(), 1)[0].double().numpy()
    return ilqr(
        world,
        start,
        lambda state: running**0.5 * (state - goal),
        lambda state: final**0.5 * (state - goal),
        effort=effort,
        n_iterations=CHECKPOINTS[-1],
    )


def _final(plan: Trajectory) -> float:
    return float(abs(plan.states[-1, 0] - GOAL[0]))


def _arrival(plans: list[Trajectory]) -> float:
    """Return the iteration from which on the goal is reached; infinity if never."""
    missed = np.flatnonzero([_final(plan) > SOLVED for plan in plans])
    last = int(missed[-1]) if len(missed) else -1
    return float(last + 1) if last + 1 < len(plans) else float("inf")


def run_seed(
    config: MountainCarConfig,
    seed: int,
    shared: Arrays,
    scratch: Path,
    engine: Engine = AUTOGRAD,
) -> Arrays:
    """Meta-train every loss and let it train fresh policies.

    Returns:
        "distance/METHOD" (inits, x) of the car from the goal when an episode ends [m], "path/
        METHOD" (x, T + 1), positions in an episode of the first policy; "loss/METHOD", a file.
    """
    arrays: Arrays = {}
    for name, (architecture, knowledge) in LOSSES.items():
        spec = loss_spec(architecture)
        family = MountainCarFamily(car_policy(), knowledge)
        learning = meta_training(config.outer_steps)
        trainer = MetaTrainer(family, spec, learning, (seed,), engine=engine)
        run_to_end(trainer, scratch / f"{name}.safetensors", name)
        provenance = provenance_of(trainer, "mountain_car", method=name)
        loss = LearnedLoss(spec=spec, phi=trainer.seed_phi(0), provenance=provenance)
        arrays[f"loss/{name}"] = np.frombuffer(loss.to_bytes(), dtype=np.uint8)
        distance, paths = train_policies(loss, config.n_inits, seed)
        arrays |= {f"distance/{name}": distance, f"path/{name}": paths}
    return arrays


def train_policies(
    loss: LearnedLoss, n: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Train n fresh policies; return distances (n, x) and the first one's paths (x, T + 1)."""
    family = MountainCarFamily(car_policy())
    paths = []

    def measure(theta: Params) -> Tensor:
        batch = family.support(
            torch.zeros(n, dtype=torch.int64), torch.zeros(n), torch.Generator()
        )
        states, _ = family.optimizee.rollout(theta, batch["start"], batch["goal"])
        paths.append(states[0, 0, :, 0].double().numpy())
        return (states[:, 0, -1, 0] - GOAL[0]).abs()

    curves = adaptation_curves(
        family, n, loss.spec, loss.phi, CHECKPOINTS, measure, MODEL_SEED + seed
    )
    return curves, np.stack(paths)
