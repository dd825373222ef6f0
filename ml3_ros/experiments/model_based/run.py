# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Model-based reinforcement learning (Fig. 3): policies that reach goals under a learned loss.

A loss is meta-trained through learned dynamics, on goals in one half plane, and then trains fresh
policies in the world without any model, also for goals in the other half. Its rivals minimise the
task loss itself: through learned dynamics, and through the true ones. Some of them begin with
policies that were learned on the goals of meta-training.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.core.inner_optimizers import Adam, Sgd
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.losses.spec import LossSpec
from ml3_ros.core.types import Params
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.model_based.started import (
    ADAM_GRID,
    AT_ONCE,
    FEW_STEPS,
    STARTS,
    learned_policies,
)
from ml3_ros.experiments.model_based.trainer import (
    ModelBasedTrainer,
    random_practice,
    reaching_family,
)
from ml3_ros.experiments.model_based.trials import Observer, ReachingTest, rival, under_loss
from ml3_ros.experiments.rivals.bracketed import bracketed
from ml3_ros.experiments.rivals.maml import MamlConfig
from ml3_ros.experiments.rivals.starts import stored_start
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.experiments.runner.selection import train_and_select
from ml3_ros.tasks.reaching.dynamics import Dynamics
from ml3_ros.tasks.reaching.greedy import GreedyPolicy
from ml3_ros.tasks.reaching.recipes import ReachingLoss, Setting, meta_training, setting
from ml3_ros.tasks.training import provenance_of

HORIZON = 100  # updates after which the task loss is compared; also those of meta-training
CHECKPOINTS = (0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 200, 500, 1000)  # updates
RIVAL_CHECKPOINTS = tuple(x for x in CHECKPOINTS if x <= 2 * HORIZON)
MAIN = "ml3_desired_action"
LOSSES: dict[str, ReachingLoss] = {MAIN: "desired_action", "ml3_mlp": "trajectory"}
GRID: dict[str, tuple[Sgd | Adam, ...]] = {
    "sgd": (
        *(Sgd(lr) for lr in (0.003, 0.01, 0.03)),
        *(Sgd(lr, clip_norm=1.0) for lr in (0.03, 0.1, 0.3)),
    ),
    "adam": tuple(Adam(lr) for lr in (0.001, 0.003, 0.01, 0.02, 0.03, 0.1)),
}
"""What rivals choose from."""
RIVALS = {  # through which dynamics, by which rule
    f"{rule}_{model}": (model, rule) for model in ("learned_model", "true_model") for rule in GRID
}
VALIDATION_SEED, TEST_SEED = 10_000, 20_000
N_VALIDATION = 8  # goals where meta-training was, other than its own, that choose a loss
SCORED = (5, 10, 20, 50, 100)  # updates after which their distances count, in the log


@dataclass(frozen=True, kw_only=True)
class ModelBasedConfig:
    """Size of the experiment; all methods see the same goals, starts and initial policies."""

    world: str = "point_mass"
    seeds: int = 10
    n_goals: int = 10  # the first half where meta-training was, the others elsewhere
    outer_steps: int = 300
    updates: int = CHECKPOINTS[-1]  # of a policy under a learned loss
    every: int = 1  # rivals choose among every so many-th step size of GRID
    pretraining: MamlConfig = AT_ONCE
    maml: MamlConfig = FEW_STEPS

    def __post_init__(self) -> None:
        setting(self.world)
        if min(self.seeds, self.outer_steps, self.every) < 1:
            raise ConfigError("seeds, outer_steps and every must be >= 1")
        if self.updates < HORIZON:
            raise ConfigError(f"updates must be >= {HORIZON}, where methods are compared")
        if self.n_goals < 2 or self.n_goals % 2:
            raise ConfigError(f"n_goals must be even and >= 2, got {self.n_goals}")


def candidates(config: ModelBasedConfig, rule: str) -> tuple[Sgd | Adam, ...]:
    """Return what rivals that update by `rule` choose from."""
    return GRID[rule][:: config.every]


def prepare(config: ModelBasedConfig, scratch: Path, report: Report) -> Arrays:
    """Choose rule and step size of each rival on validation goals.

    Returns:
        "choice/RIVAL", an index into its `candidates`, and "validation/RIVAL", all scores [m];
        "step_size/START" of what begins with a learned policy.
    """
    chosen = setting(config.world)
    generator = torch.Generator().manual_seed(VALIDATION_SEED)
    family = reaching_family(chosen, generator)
    learner = random_practice(family, generator)
    goals = test_goals(chosen, config.n_goals, generator)
    arrays: Arrays = {}
    for name, (source, rule) in RIVALS.items():
        model = (learner.dynamics, learner.params) if source == "learned_model" else None
        scores = []
        for candidate in tqdm(candidates(config, rule), desc=f"{name}: tuning", leave=False):
            test = rival(chosen, goals, candidate, model, (HORIZON,), VALIDATION_SEED)
            scores.append(test.final.mean())
        best = int(np.argmin(scores))
        arrays |= {f"validation/{name}": np.array(scores), f"choice/{name}": np.array(best)}
        report(f"{name}: {candidates(config, rule)[best]}, {min(scores):.3g} m")
    policies = learned_policies(chosen, family, VALIDATION_SEED, config.pretraining, config.maml)
    dynamics = (learner.dynamics, learner.params)
    for name in STARTS:

        def score(step_size: float, name: str = name) -> NDArray[np.float64]:
            test = _started(chosen, name, policies, goals, step_size, dynamics, (HORIZON,))
            return np.asarray(np.log(test.final.mean()))

        step_size = float(bracketed(score, ADAM_GRID[:: config.every]))
        arrays[f"step_size/{name}"] = np.array(step_size)
        report(f"{name}: Adam {step_size:g}")
    return arrays


def run_seed(
    config: ModelBasedConfig,
    seed: int,
    shared: Arrays,
    scratch: Path,
    engine: Engine = AUTOGRAD,
) -> Arrays:
    """Meta-train the losses and test all methods on this seed's goals and policies.

    Returns:
        "goals" (goals, 2); by method "distance/METHOD" (goals, x), the mean final distance, and
        "path/METHOD" (goals, x, T + 1, 2), one episode; "loss/METHOD", a file.
    """
    chosen = setting(config.world)
    goals = test_goals(chosen, config.n_goals, torch.Generator().manual_seed(TEST_SEED + seed))
    arrays: Arrays = {"goals": goals.double().numpy()}
    marks, rival_marks = (
        tuple(x for x in marks if x <= config.updates)
        for marks in (CHECKPOINTS, RIVAL_CHECKPOINTS)
    )
    tests = {}
    for name, architecture in LOSSES.items():
        loss, trainer = _meta_train(chosen, name, architecture, seed, config.outer_steps, engine)
        arrays[f"loss/{name}"] = np.frombuffer(loss.to_bytes(), dtype=np.uint8)
        tests[name] = under_loss(chosen, goals, loss, marks, seed)
        if name == MAIN:
            learned = (trainer.learner.dynamics, trainer.learner.params)
            policies = learned_policies(
                chosen, trainer.family, seed, config.pretraining, config.maml
            )
    for name, (source, rule) in RIVALS.items():
        model = learned if source == "learned_model" else None
        chosen_rule = candidates(config, rule)[int(shared[f"choice/{name}"])]
        tests[name] = rival(chosen, goals, chosen_rule, model, rival_marks, seed)
    for name in STARTS:
        step_size = float(shared[f"step_size/{name}"])
        tests[name] = _started(
            chosen, name, policies, goals, step_size, learned, rival_marks, seed
        )
    for name, test in tests.items():
        arrays |= {f"distance/{name}": test.final, f"path/{name}": test.paths}
    return arrays


def _started(
    chosen: Setting,
    name: str,
    policies: Arrays,
    goals: Tensor,
    step_size: float,
    model: tuple[Dynamics, Params],
    checkpoints: tuple[int, ...],
    seed: int = VALIDATION_SEED,
) -> ReachingTest:
    """Let Adam go on from a learned policy, through learned dynamics."""
    return rival(
        chosen,
        goals,
        Adam(step_size),
        model,
        checkpoints,
        seed,
        start=stored_start(policies, name, 0),
        observant=STARTS[name].observant,
    )


def test_goals(chosen: Setting, n: int, generator: torch.Generator) -> Tensor:
    """Draw goals (n, 2): half of them where losses are meta-trained, half elsewhere."""
    halves = [chosen.goals(n // 2, generator, trained=trained) for trained in (True, False)]
    return torch.cat(halves)


def _meta_train(
    chosen: Setting,
    name: str,
    architecture: ReachingLoss,
    seed: int,
    n_outer_steps: int,
    engine: Engine,
) -> tuple[LearnedLoss, ModelBasedTrainer]:
    spec = chosen.spec(architecture)
    learning = meta_training(n_outer_steps, architecture)
    trainer = ModelBasedTrainer(chosen, spec, learning, seed, engine)
    generator = torch.Generator().manual_seed(VALIDATION_SEED + seed)
    goals = chosen.goals(N_VALIDATION, generator, trained=True)
    offsets = chosen.offsets(N_VALIDATION, generator)

    def score(spec: LossSpec, phi: Params) -> float:
        loss = LearnedLoss(spec=spec, phi=phi, provenance={})
        found = under_loss(chosen, goals, loss, SCORED, VALIDATION_SEED + seed, offsets).final
        return float(np.log(found).mean())

    selected = train_and_select(trainer.trainer, score, name, trainer.step)
    provenance = provenance_of(trainer.trainer, "reaching", method=name, outer_steps=selected.step)
    return LearnedLoss(spec=spec, phi=selected.phi, provenance=provenance), trainer


def greedy_distance(config: ModelBasedConfig, seed: int, arrays: Arrays) -> NDArray[np.float64]:
    """Return how far from its goals (goals,) [m] the greedy policy of a seed's main loss ends."""
    loss = LearnedLoss.from_bytes(arrays[f"loss/{MAIN}"].tobytes())
    policy = GreedyPolicy(setting(config.world).world, loss.spec.network())
    observer = Observer(policy, torch.from_numpy(arrays["goals"]).float(), seed)
    return observer({k: p.unsqueeze(0) for k, p in loss.phi.items()}).double().numpy()
