# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Learning from demonstrations (Fig. 6c, d): what an expert showed shapes a loss for new targets.

A loss is meta-trained on the objective of behavioural cloning, on four targets that an expert has
shown; then it trains a fresh policy for every new target, where there is no expert. Its rivals are
behavioural cloning itself: one policy, fitted to the same demonstrations, that sees the target;
the same where the policy sees what the learned loss does, the way that is left; and two that are
shown one demonstration of every new target, from which Adam goes on: the clone, and MAML.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.losses.spec import LossSpec
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.core.types import Params
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.demonstrations.behavioural_cloning import clone
from ml3_ros.experiments.demonstrations.started import (
    CLONED,
    FEW_STEPS,
    MAML,
    best_step_size,
    copied,
    imitated,
    maml_policy,
)
from ml3_ros.experiments.demonstrations.task import DemonstrationFamily, Demonstrations
from ml3_ros.experiments.model_based.run import SCORED
from ml3_ros.experiments.model_based.trials import under_loss
from ml3_ros.experiments.mountain_car.ilqr import ilqr
from ml3_ros.experiments.rivals.maml import MamlConfig
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.experiments.runner.selection import train_and_select
from ml3_ros.learners.reaching.policy import Policy
from ml3_ros.learners.reaching.world import World
from ml3_ros.tasks.reaching.family import distance
from ml3_ros.tasks.reaching.recipes import HIDDEN, SETTINGS, ReachingLoss, meta_training
from ml3_ros.tasks.training import provenance_of

SETTING = SETTINGS["reacher"]
CHECKPOINTS = (0, 1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)  # updates
CLONING_CHECKPOINTS = (50, 100, 300, 1000, 3000)  # steps of Adam
CLONING_RATES = (0.001, 0.003, 0.01)
CLONES = {"behavioural_cloning": False, "behavioural_cloning_observant": True}
LOSSES: dict[str, ReachingLoss] = {"ml3_shaped": "desired_action", "ml3_shaped_mlp": "trajectory"}
SHOWN = ((-0.9, 0.16), (-0.9, 0.09), (0.9, 0.09), (0.9, 0.16))  # targets: angle [rad], radius [m]
SECTOR = (0.9, (0.09, 0.16))  # new targets: largest angle [rad], radii [m]
FINAL, REST, EFFORT = 3.0, 0.1, 0.1  # weights of the expert: end, coming to rest, actions
COMPARED = 100  # updates after which methods are compared
REACHED = 0.02  # this close counts as there [m]
TEST_SEED, VALIDATION_SEED, EXPERT_SEED, POLICY_SEED = 20_000, 10_000, 30_000, 40_000
TEST_EPISODES = 8  # of each policy, from random starts


@dataclass(frozen=True, kw_only=True)
class ReacherDemosConfig:
    """Size of the experiment; all methods see the same demonstrations and targets."""

    seeds: int = 5
    n_shown: int = 6  # demonstrations of each target, from random starts
    n_targets: int = 10  # new ones
    outer_steps: int = 300
    maml: MamlConfig = FEW_STEPS

    def __post_init__(self) -> None:
        for name in ("seeds", "n_shown", "n_targets", "outer_steps"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be >= 1, got {getattr(self, name)}")


def prepare(config: ReacherDemosConfig, scratch: Path, report: Report) -> Arrays:
    """Let the expert show its targets, and tune behavioural cloning on targets of its own.

    Returns:
        "shown/NAME", the fields of `Demonstrations`, and by clone "validation/NAME" (rates,
        steps), distances [m], with "choice/NAME" (2,), indices into it; "step_size/NAME" of what
        is shown one demonstration of a new target.
    """
    shown = demonstrate(shown_targets(), config.n_shown, EXPERT_SEED)
    targets = validation_targets(config)
    arrays = {f"shown/{k}": getattr(shown, k).double().numpy() for k in shown.__slots__}
    for name in CLONES:
        scores = np.stack(
            [
                cloned(name, shown, targets, rate, CLONING_CHECKPOINTS, VALIDATION_SEED)[0].mean(0)
                for rate in tqdm(CLONING_RATES, desc=f"{name}: tuning", leave=False)
            ]
        )
        choice = np.unravel_index(scores.argmin(), scores.shape)
        rate, steps = CLONING_RATES[choice[0]], CLONING_CHECKPOINTS[choice[1]]
        report(f"{name}: Adam {rate:g}, {steps} steps, {scores.min():.3g} m")
        arrays |= {f"validation/{name}": scores, f"choice/{name}": np.array(choice)}
    expert = demonstrate(targets, 1, VALIDATION_SEED)
    for name, start in _starts(config, shown, arrays, VALIDATION_SEED).items():
        best = best_step_size(SETTING, expert, start, COMPARED, VALIDATION_SEED)
        report(f"{name}: Adam {best:g}")
        arrays[f"step_size/{name}"] = np.array(best)
    return arrays


def _starts(
    config: ReacherDemosConfig, shown: Demonstrations, chosen: Arrays, seed: int
) -> dict[str, Params]:
    """Return where policies begin that are shown a demonstration of a new target, (*shape)."""
    rate, steps = (int(i) for i in chosen["choice/behavioural_cloning"])
    (cloned_policy,) = clone(
        SETTING.policy(),
        shown,
        lr=CLONING_RATES[rate],
        checkpoints=(CLONING_CHECKPOINTS[steps],),
        measure=copied,
        generator=torch.Generator().manual_seed(POLICY_SEED + seed),
    )
    maml = maml_policy(SETTING, shown, cloned_policy, seed, config.maml)
    return {CLONED: cloned_policy, MAML: maml}


def shown_targets() -> Tensor:
    """Return the targets of meta-training (n, 2) [m]."""
    angle, radius = torch.tensor(SHOWN, dtype=torch.float64).unbind(-1)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=-1)


def demonstrate(goals: Tensor, n: int, seed: int) -> Demonstrations:
    """Return n episodes of an expert for each target: iLQR on the true dynamics."""
    world, generator = SETTING.world, torch.Generator().manual_seed(seed)
    goals = goals.double()
    plans = []
    progress = tqdm(total=n * len(goals), desc="expert", leave=False)
    for goal in goals:
        for start in world.start(generator, n).double():
            plans.append(_plan(world, start, goal))
            progress.update()
    progress.close()
    states, actions = (
        torch.tensor(np.stack(x)).float().unflatten(0, (len(goals), n)).flatten(1, 2)
        for x in ([p[0] for p in plans], [p[1] for p in plans])
    )
    return Demonstrations(goals.float(), states, actions)


def _plan(world: World, start: Tensor, goal: Tensor) -> tuple[NDArray[np.float64], ...]:
    """Return states (T, n) in which the expert acts, and its actions (T, m)."""

    def residual(state: Tensor) -> Tensor:
        error = (world.position(state) - goal) / SETTING.scales[1][0]
        return torch.cat([error, 0.5 * REST * state[..., 2:]], dim=-1)

    plan = ilqr(
        world,
        start.numpy(),
        residual,
        lambda state: FINAL * residual(state),
        effort=EFFORT,
        n_iterations=30,
    )[-1]
    return plan.states[:-1], plan.actions


def new_targets(n: int, generator: torch.Generator) -> Tensor:
    """Draw targets (n, 2) [m] among the shown ones."""
    widest, (low, high) = SECTOR
    angle = widest * (2.0 * torch.rand(n, generator=generator) - 1.0)
    radius = low + (high - low) * torch.rand(n, generator=generator)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=-1)


def validation_targets(config: ReacherDemosConfig) -> Tensor:
    """Return the targets (n, 2) [m] on which all methods are tuned."""
    return new_targets(config.n_targets, torch.Generator().manual_seed(VALIDATION_SEED))


def run_seed(
    config: ReacherDemosConfig,
    seed: int,
    shared: Arrays,
    scratch: Path,
    engine: Engine = AUTOGRAD,
) -> Arrays:
    """Meta-train the losses, clone the expert, and let all reach this seed's new targets.

    Returns:
        "targets" (n, 2); by method "distance/METHOD" (n, x), the mean distance at the end, and
        "path/METHOD" (n, x, T + 1, 2), one episode; "loss/METHOD", a file.
    """
    fields = {k: torch.from_numpy(shared[f"shown/{k}"]).float() for k in Demonstrations.__slots__}
    shown = Demonstrations(**fields)
    targets = new_targets(config.n_targets, torch.Generator().manual_seed(TEST_SEED + seed))
    arrays: Arrays = {"targets": targets.double().numpy()}
    for name, architecture in LOSSES.items():
        loss = _meta_train(shown, name, architecture, seed, config, engine)
        arrays[f"loss/{name}"] = np.frombuffer(loss.to_bytes(), dtype=np.uint8)
        test = under_loss(SETTING, targets, loss, CHECKPOINTS, seed)
        arrays |= {f"distance/{name}": test.final, f"path/{name}": test.paths}
    for name in CLONES:
        rate, steps = (int(i) for i in shared[f"choice/{name}"])
        marks = (CLONING_CHECKPOINTS[steps],)
        learning_rate = CLONING_RATES[rate]
        final, paths = cloned(name, shown, targets, learning_rate, marks, TEST_SEED + seed)
        arrays |= {f"distance/{name}": final, f"path/{name}": paths}
    expert = demonstrate(targets, 1, TEST_SEED + seed)
    for name, start in _starts(config, shown, shared, seed).items():
        step_size = float(shared[f"step_size/{name}"])
        test = imitated(SETTING, expert, start, step_size, CHECKPOINTS, seed)
        arrays |= {f"distance/{name}": test.final, f"path/{name}": test.paths}
    return arrays


def _meta_train(
    shown: Demonstrations,
    name: str,
    architecture: ReachingLoss,
    seed: int,
    config: ReacherDemosConfig,
    engine: Engine,
) -> LearnedLoss:
    """Return a loss, chosen on the targets that behavioural cloning is tuned on."""
    spec = SETTING.spec(architecture)
    family = DemonstrationFamily(SETTING.policy(), shown)
    learning = meta_training(config.outer_steps, architecture)
    trainer = MetaTrainer(family, spec, learning, (seed,), engine=engine)
    targets = validation_targets(config)

    def score(spec: LossSpec, phi: Params) -> float:
        loss = LearnedLoss(spec=spec, phi=phi, provenance={})
        found = under_loss(SETTING, targets, loss, SCORED, VALIDATION_SEED + seed).final
        return float(np.log(found).mean())

    selected = train_and_select(trainer, score, name)
    provenance = provenance_of(trainer, "reaching", method=name, outer_steps=selected.step)
    return LearnedLoss(spec=spec, phi=selected.phi, provenance=provenance)


def cloned(
    name: str,
    shown: Demonstrations,
    targets: Tensor,
    rate: float,
    checkpoints: tuple[int, ...],
    seed: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return distances (n, x) [m] and paths (n, x, T + 1, 2) of one policy that clones."""
    policy = Policy(SETTING.world, HIDDEN, scales=SETTING.scales, observant=CLONES[name])
    generator = torch.Generator().manual_seed(POLICY_SEED + seed)
    start = policy.world.start(generator, len(targets), TEST_EPISODES)
    goal = targets.unsqueeze(1).expand(-1, TEST_EPISODES, -1)

    def measure(theta: Params) -> tuple[Tensor, Tensor]:
        states, _ = policy.rollout(theta, start, goal)
        final = distance(policy.world, states, goal)[..., -1].mean(-1)
        return final, policy.world.position(states[:, 0])

    found = clone(
        policy, shown, lr=rate, checkpoints=checkpoints, measure=measure, generator=generator
    )
    final, paths = (torch.stack(x, dim=1).double().numpy() for x in zip(*found, strict=True))
    return np.where(np.isfinite(final), final, math.inf), paths
