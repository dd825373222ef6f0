# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Policies to begin with, learned on the goals of meta-training: multi-goal policies, and MAML.

Each is trained on the task loss through the dynamics that a meta-training has learned. What goes
on from them at a new goal is Adam through the same dynamics, its step size tuned.
"""

from dataclasses import dataclass

from ml3_ros.core.inner_optimizers import Sgd
from ml3_ros.core.learner import Learner
from ml3_ros.core.types import Params
from ml3_ros.experiments.rivals.maml import MamlConfig
from ml3_ros.experiments.rivals.starts import kept_start, learned_start
from ml3_ros.experiments.runner.experiment import Arrays
from ml3_ros.learners.reaching.policy import ImaginingPolicy
from ml3_ros.tasks.reaching.family import ReachingFamily
from ml3_ros.tasks.reaching.recipes import HIDDEN, Setting

INNER = Sgd(0.03, clip_norm=1.0)  # what MAML's start is learned through
ADAM_GRID = (0.0003, 0.001, 0.003, 0.01, 0.02, 0.03)  # first step sizes to choose from


AT_ONCE = MamlConfig(n_outer_steps=600, n_tasks=16, unroll=0, outer_lr=3e-3)
FEW_STEPS = MamlConfig(n_outer_steps=60, n_tasks=8, unroll=5)


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """How a policy to begin with is learned.

    Attributes:
        observant: Whether it sees the way that is left, as learned losses do.
        begin: The start from which MAML goes on; "" for pretraining, from a random policy on.
    """

    observant: bool = False
    begin: str = ""


STARTS = {
    "pretrained_policy": Start(),
    "pretrained_observant": Start(observant=True),
    "maml_policy": Start(begin="pretrained_policy"),
}


def learned_policies(
    chosen: Setting,
    trained: ReachingFamily,
    seed: int,
    pretraining: MamlConfig,
    maml: MamlConfig,
) -> Arrays:
    """Return policies for all goals of a family at once, as `kept_start` does; one seed each.

    Args:
        chosen: World and policies.
        trained: The goals of meta-training, and the dynamics that were learned there.
        seed: Of random policies and episodes.
        pretraining: How policies for all goals are trained.
        maml: How one for few steps is.
    """
    found: dict[str, Params] = {}
    model = {k: p[None, None] for k, p in trained.model.items()}
    for name, start in STARTS.items():
        policy = ImaginingPolicy(
            chosen.world, HIDDEN, scales=chosen.scales, observant=start.observant
        )
        family = ReachingFamily(
            policy, trained.goals, offsets=trained.offsets, dynamics=trained.dynamics
        )
        family.model = trained.model
        learner = Learner(policy, family, INNER)
        how, begin = maml if start.begin else pretraining, found.get(start.begin)
        found[name] = learned_start(family, learner, (seed,), how, begin, model)
    return {k: p for name, start in found.items() for k, p in kept_start(name, start).items()}
