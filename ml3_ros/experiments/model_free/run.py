# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Model-free reinforcement learning (Fig. 4): stochastic policies under a learned loss, and PPO.

A loss is meta-trained on goals in one half of the plane by what policies get for their updates,
eq. (7) and (8), and then trains fresh policies, also for goals in the other half, of 1 to 4 hidden
layers. It sees no reward there. PPO sees the reward; its settings are tuned on validation goals.
Environment steps of meta-training are not part of the curves; they are reported beside them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.outer.evolution import Evolution
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.core.types import Params
from ml3_ros.data.metrics import resolved
from ml3_ros.experiments.model_free.config import (
    LOSSES,
    MAIN,
    VALIDATION_SEED,
    ModelFreeConfig,
    candidates,
)
from ml3_ros.experiments.model_free.copies import Goals
from ml3_ros.experiments.model_free.environment import GoalEnvironment
from ml3_ros.experiments.model_free.family import mean_return
from ml3_ros.experiments.model_free.policy import Gaussian, GaussianPolicy, GreedyPolicy
from ml3_ros.experiments.model_free.ppo import PpoSettings, ppo_curve
from ml3_ros.experiments.model_free.recipes import HIDDEN, N_GOALS, Setting, setting
from ml3_ros.experiments.runner.adaptation import adaptation_curves
from ml3_ros.experiments.runner.array_cache import cached, fingerprint
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.tasks.training import revision, train_losses

LAYERS = (1, 2, 3, 4)  # hidden layers of policies that the main loss trains
TEST_SEED, MODEL_SEED, EPISODE_SEED = 20_000, 30_000, 40_000
TEST_EPISODES = 8  # of each policy and checkpoint, from random starts


@dataclass(frozen=True)
class Evaluator:
    """Goals, and the starts from which policies are evaluated on them.

    Args:
        environment: Where.
        goals: (N, n_goals) [m].
        seed: Of the starts.
    """

    environment: GoalEnvironment
    goals: Tensor
    seed: int

    def starts(self) -> Tensor:
        """Return the states (N, TEST_EPISODES, n_states) in which episodes begin."""
        generator = torch.Generator().manual_seed(EPISODE_SEED + self.seed)
        return self.environment.start(generator, len(self.goals), TEST_EPISODES)

    def cost(self, policy: Gaussian, goals: slice = slice(None)) -> Callable[..., Tensor]:
        """Return theta -> minus the mean return (n,) of policies, one for each of the goals."""
        start = self.starts()[goals]
        return lambda theta: -mean_return(policy, theta, start, self.goals[goals])


def prepare(config: ModelFreeConfig, scratch: Path, report: Report) -> Arrays:
    """Tune PPO on validation goals: the lowest mean cost over log-spaced evaluations.

    Returns:
        "validation/ppo" (candidates,), its scores; "choice/ppo", an index into `candidates`.
    """
    chosen = setting(config.world)
    generator = torch.Generator().manual_seed(VALIDATION_SEED)
    goals = new_goals(chosen, config.validation_goals, generator)
    evaluator = Evaluator(chosen.make(config.threads), goals, VALIDATION_SEED)
    scores = []
    for i, settings in enumerate(tqdm(candidates(config), desc="PPO: tuning", leave=False)):
        curves = _ppo(config, evaluator, settings, VALIDATION_SEED, scratch / f"candidate_{i}")
        scores.append(float(curves.mean()))
    best = int(np.argmin(scores))
    report(f"PPO: {candidates(config)[best]}, mean cost {scores[best]:.3g} on validation goals")
    return {"validation/ppo": np.array(scores), "choice/ppo": np.array(best)}


def run_seed(
    config: ModelFreeConfig,
    seed: int,
    shared: Arrays,
    scratch: Path,
    engine: Engine = AUTOGRAD,
) -> Arrays:
    """Meta-train the losses and test all methods on this seed's goals.

    Returns:
        By method "cost/METHOD" (goals, x), minus the mean return; that of policies with other
        numbers of hidden layers as "layers/N", and of the target action of the main loss, without
        any training, as "wanted" (goals,); "loss/METHOD", a file. Of losses, x is `loss_x`.
    """
    chosen = setting(config.world)
    environment = chosen.make(config.threads)
    goals = new_goals(chosen, config.n_goals, torch.Generator().manual_seed(TEST_SEED + seed))
    evaluator = Evaluator(environment, goals, seed)
    arrays: Arrays = {"goals": goals.double().numpy()}
    for name in config.losses:
        loss = meta_train(config, chosen, environment, name, seed, scratch / name, engine)
        arrays[f"loss/{name}"] = np.frombuffer(loss.to_bytes(), dtype=np.uint8)
        arrays[f"cost/{name}"] = under_loss(config, chosen, evaluator, loss, HIDDEN)
        if name == MAIN:
            for n in LAYERS:
                hidden = HIDDEN[:1] * n
                if hidden == HIDDEN:
                    arrays[f"layers/{n}"] = arrays[f"cost/{name}"]
                else:
                    arrays[f"layers/{n}"] = under_loss(config, chosen, evaluator, loss, hidden)
            arrays["wanted"] = greedy_action_cost(chosen, evaluator, loss)
    settings = candidates(config)[int(shared["choice/ppo"])]
    arrays["cost/ppo"] = _ppo(config, evaluator, settings, seed, scratch)
    return arrays


def meta_training_goals(chosen: Setting, seed: int) -> Goals:
    """Draw the goals of a meta-training, and by how much the robot is turned for each."""
    generator = torch.Generator().manual_seed(seed)
    goals = chosen.goals(N_GOALS, generator, trained=True)
    return Goals(goals, chosen.turns(N_GOALS, generator))


def new_goals(chosen: Setting, n: int, generator: torch.Generator) -> Tensor:
    """Draw goals (n, 2): half of them where losses are meta-trained, half elsewhere."""
    halves = [chosen.goals(n // 2, generator, trained=trained) for trained in (True, False)]
    return torch.cat(halves)


def meta_train(
    config: ModelFreeConfig,
    chosen: Setting,
    environment: GoalEnvironment,
    name: str,
    seed: int,
    folder: Path,
    engine: Engine,
) -> LearnedLoss:
    """Meta-train the loss of a name with a seed; what is there already in `folder` is used."""
    learning = LOSSES[name]
    # both estimators get as many environment steps
    share = 2 if isinstance(learning.estimator, Evolution) else 1
    n_outer_steps = max(1, config.outer_steps // share)
    spec = chosen.spec(learning.architecture, environment)
    meta_training = replace(
        learning.meta_training(chosen.meta_training), n_outer_steps=n_outer_steps
    )
    goals = meta_training_goals(chosen, seed)
    trainer = MetaTrainer(
        chosen.family(chosen.policy(environment), goals.places, goals.turns),
        spec,
        meta_training,
        (seed,),
        engine=AUTOGRAD if engine.records else engine,  # a simulator cannot be recorded
        estimator=learning.estimator,
    )

    def make_loss(trainer: MetaTrainer, index: int, provenance: dict[str, Any]) -> LearnedLoss:
        about = {"task_family": f"{config.world}_free", "method": name, "seed": seed}
        about |= {"estimator": f"{learning.estimator}"}
        return LearnedLoss(spec=spec, phi=trainer.seed_phi(index), provenance=about | provenance)

    return train_losses(trainer, make_loss, folder)[0]


def under_loss(
    config: ModelFreeConfig,
    chosen: Setting,
    evaluator: Evaluator,
    loss: LearnedLoss,
    hidden: tuple[int, ...],
) -> NDArray[np.float64]:
    """Train a fresh policy for every goal with a learned loss; return its cost (goals, x)."""
    policy = chosen.policy(evaluator.environment, hidden)
    family = chosen.family(policy, evaluator.goals)
    updates = [x // family.steps_per_update for x in config.loss_x]  # that so many steps allow
    marks = sorted(set(updates))
    curves = adaptation_curves(
        family,
        len(evaluator.goals),
        loss.spec,
        loss.phi,
        marks,
        evaluator.cost(policy),
        MODEL_SEED + evaluator.seed,
    )
    return curves[:, [marks.index(update) for update in updates]]


def greedy_action_cost(
    chosen: Setting, evaluator: Evaluator, loss: LearnedLoss
) -> NDArray[np.float64]:
    """Return the cost (goals,) of greedy actions under the loss, without training a policy."""
    greedy = GreedyPolicy(evaluator.environment, loss.spec.network())
    phi = {k: p.unsqueeze(0) for k, p in loss.phi.items()}
    return evaluator.cost(greedy)(phi).double().numpy()


def _single(cost: Callable[..., Tensor], theta: Params) -> float:
    """Return the cost of one policy as a number."""
    return float(cost(theta))


def _costs(train: Callable[[], NDArray[np.float64]]) -> Arrays:
    return {"cost": train()}


def _ppo(
    config: ModelFreeConfig, evaluator: Evaluator, settings: PpoSettings, seed: int, scratch: Path
) -> NDArray[np.float64]:
    """Train a policy for every goal by PPO; return its cost (goals, x)."""
    policy = GaussianPolicy(evaluator.environment, HIDDEN)
    rows = []
    for i, goal in enumerate(tqdm(evaluator.goals, desc="PPO", leave=False)):
        cost = evaluator.cost(policy, slice(i, i + 1))
        about = [config.world, config.x, resolved(settings), goal.tolist(), evaluator.seed, seed]
        depends_on, path = fingerprint(*about), scratch / f"ppo_{i}.npz"
        measure, own = partial(_single, cost), seed * 1000 + i
        train = partial(ppo_curve, policy, goal, settings, config.x, measure, own)
        rows.append(cached(path, depends_on, revision(), partial(_costs, train))["cost"])
    return np.stack(rows)
