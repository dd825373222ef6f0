# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Rivals of a model-free learned loss: meta-trained on the same goals, for a share of its steps.

Goal-conditioned PPO acts on a new goal at once, or goes on with PPO there; MAML makes the gradient
steps that its start and step sizes were learned for; RL squared remembers. The learned loss trains
fresh policies, of any depth. All meet the same new goals, and a robot with weaker motors.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.data.metrics import resolved
from ml3_ros.experiments.free_rivals.config import (
    FINE_TUNING,
    GOAL_PPO,
    MAML,
    META_LEARNING,
    PRETRAINING,
    RL2,
    FreeRivalsConfig,
)
from ml3_ros.experiments.free_rivals.goal_world import WeakMotors
from ml3_ros.experiments.free_rivals.methods import (
    MetaTraining,
    fine_tuned,
    goal_ppo,
    meta_learned,
)
from ml3_ros.experiments.model_free.config import MAIN, VALIDATION_SEED
from ml3_ros.experiments.model_free.ppo import Weights
from ml3_ros.experiments.model_free.recipes import HIDDEN, setting
from ml3_ros.experiments.model_free.run import (
    LAYERS,
    TEST_SEED,
    Evaluator,
    greedy_action_cost,
    meta_train,
    meta_training_goals,
    new_goals,
    under_loss,
)
from ml3_ros.experiments.runner.array_cache import cached, fingerprint
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.tasks.training import revision

Array = NDArray[np.float64]
FINE = f"{GOAL_PPO}_fine"  # its settings on a new goal
GRIDS = {GOAL_PPO: PRETRAINING, FINE: FINE_TUNING, MAML: META_LEARNING, RL2: META_LEARNING}


def prepare(config: FreeRivalsConfig, scratch: Path, report: Report) -> Arrays:
    """Tune each rival on validation goals: the lowest mean cost of all evaluations.

    Returns:
        By entry of `GRIDS` "validation/NAME" (candidates,), its scores, and "choice/NAME", an
        index into them.
    """
    chosen = setting(config.world)
    goals = new_goals(
        chosen, config.validation_goals, torch.Generator().manual_seed(VALIDATION_SEED)
    )
    given = _given(config, VALIDATION_SEED + 1, config.tuning_steps)
    evaluator = Evaluator(given.environment, goals, VALIDATION_SEED)
    shared: Arrays = {}

    def choose(name: str, cost: Callable[[int], Array], start: Any = None) -> None:
        scores = []
        for i, candidate in enumerate(GRIDS[name]):
            about = fingerprint(config.of_part(), name, resolved(candidate), start)
            compute = partial(_named, "cost", cost, i)
            found = cached(scratch / f"{name}_{i}.npz", about, revision(), compute)
            scores.append(float(found["cost"].mean()))
        best = int(np.argmin(scores))
        shared[f"validation/{name}"], shared[f"choice/{name}"] = np.array(scores), np.array(best)
        report(f"{name}: {GRIDS[name][best]}, mean cost {min(scores):.3g} on validation goals")

    starts: dict[int, Weights] = {}
    choose(GOAL_PPO, lambda i: _last_cost(goal_ppo(given, PRETRAINING[i], evaluator), starts, i))
    best = int(shared[f"choice/{GOAL_PPO}"])
    settings = PRETRAINING[best]
    # of a run that was killed the weights are not kept
    weights = starts.get(best) or goal_ppo(given, settings, evaluator)[1]
    choose(
        FINE,
        lambda i: fine_tuned(config, FINE_TUNING[i], weights, evaluator, given.seed),
        start=resolved(settings),
    )
    for name in config.meta_learned:
        choose(name, partial(_met, given, name, evaluator))
    return shared


def _met(given: MetaTraining, name: str, evaluator: Evaluator, i: int) -> Array:
    return meta_learned(given, name, META_LEARNING[i])(evaluator)


def _last_cost(found: tuple[Array, Weights], starts: dict[int, Weights], i: int) -> Array:
    """Return the costs (goals,) after all training; put the weights among `starts`."""
    starts[i] = found[1]
    return found[0][:, -1]


def _named(name: str, cost: Callable[[int], Array], i: int) -> Arrays:
    return {name: cost(i)}


def run_seed(
    config: FreeRivalsConfig,
    seed: int,
    shared: Arrays,
    scratch: Path,
    engine: Engine = AUTOGRAD,
) -> Arrays:
    """Meta-train the loss and its rivals, and let them meet this seed's goals.

    Returns:
        By method "cost/METHOD" (goals, x), minus the mean return, "motors/METHOD" where motors are
        weaker, and "minutes/METHOD" of meta-training; "pretraining" (goals, pretraining_x) of
        goal-conditioned PPO; "layers/N" of policies of other depths under the loss; "wanted"
        and "motors_wanted" (goals,) of its target action; and "loss/METHOD", a file.
    """
    chosen = setting(config.world)
    given = _given(config, seed, 0)
    steps = round(config.share * config.meta_training_steps(given.environment))
    given = _given(config, seed, steps)
    goals = new_goals(chosen, config.n_goals, torch.Generator().manual_seed(TEST_SEED + seed))
    evaluators = {"cost": Evaluator(given.environment, goals, seed)}
    if config.loss:
        weak = WeakMotors(given.environment, config.strength)
        evaluators["motors"] = Evaluator(weak, goals, seed)
    arrays: Arrays = {"goals": goals.double().numpy()}

    def keep(name: str, compute: Callable[[], Arrays]) -> None:
        choices = {k: v for k, v in shared.items() if k.startswith(f"choice/{name}")}
        about = fingerprint(config.of_part(), seed, name, choices)
        arrays.update(cached(scratch / f"{name}.npz", about, revision(), compute))

    keep(GOAL_PPO, lambda: _goal_ppo(given, shared, evaluators))
    if config.loss:
        keep(MAIN, lambda: _learned_loss(config, seed, evaluators, scratch / MAIN, engine))
    for name in config.meta_learned:
        keep(name, partial(_meta_learned, given, name, shared, evaluators))
    return arrays


def _given(config: FreeRivalsConfig, seed: int, steps: int) -> MetaTraining:
    chosen = setting(config.world)
    goals = meta_training_goals(chosen, seed)
    return MetaTraining(config, chosen.make(config.threads), goals, steps, seed)


def _goal_ppo(given: MetaTraining, shared: Arrays, evaluators: dict[str, Evaluator]) -> Arrays:
    began = time.monotonic()
    settings = PRETRAINING[int(shared[f"choice/{GOAL_PPO}"])]
    curve, weights = goal_ppo(given, settings, evaluators["cost"])
    arrays: Arrays = {"pretraining": curve, f"minutes/{GOAL_PPO}": _minutes(began)}
    fine = FINE_TUNING[int(shared[f"choice/{FINE}"])]
    for kind, evaluator in evaluators.items():
        costs = fine_tuned(given.config, fine, weights, evaluator, given.seed)
        arrays[f"{kind}/{GOAL_PPO}"] = costs
    return arrays


def _meta_learned(
    given: MetaTraining, name: str, shared: Arrays, evaluators: dict[str, Evaluator]
) -> Arrays:
    began = time.monotonic()
    costs = meta_learned(given, name, META_LEARNING[int(shared[f"choice/{name}"])])
    arrays: Arrays = {f"minutes/{name}": _minutes(began)}
    return arrays | {f"{kind}/{name}": costs(evaluator) for kind, evaluator in evaluators.items()}


def _learned_loss(
    config: FreeRivalsConfig,
    seed: int,
    evaluators: dict[str, Evaluator],
    folder: Path,
    engine: Engine,
) -> Arrays:
    chosen, base, began = setting(config.world), config.base(), time.monotonic()
    here = evaluators["cost"]
    loss = meta_train(base, chosen, here.environment, MAIN, seed, folder, engine)
    arrays: Arrays = {
        f"loss/{MAIN}": np.frombuffer(loss.to_bytes(), dtype=np.uint8),
        f"minutes/{MAIN}": _minutes(began),
        "wanted": greedy_action_cost(chosen, here, loss),
        "motors_wanted": greedy_action_cost(chosen, evaluators["motors"], loss),
    }
    for kind, evaluator in evaluators.items():
        arrays[f"{kind}/{MAIN}"] = under_loss(base, chosen, evaluator, loss, HIDDEN)
    for n in LAYERS:
        hidden = HIDDEN[:1] * n
        arrays[f"layers/{n}"] = (
            arrays[f"cost/{MAIN}"]
            if hidden == HIDDEN
            else under_loss(base, chosen, here, loss, hidden)
        )
    return arrays


def _minutes(began: float) -> Array:
    return np.array((time.monotonic() - began) / 60.0)
