# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Trainer of model-based losses: Algorithm 1, on dynamics that are learned meanwhile."""

import torch

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.core.losses.spec import LossSpec
from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.outer.trainer import MetaTrainer, OuterStep
from ml3_ros.errors import ConfigError
from ml3_ros.tasks.reaching.dynamics import Dynamics, DynamicsTrainer
from ml3_ros.tasks.reaching.family import ReachingFamily
from ml3_ros.tasks.reaching.recipes import Setting

N_GOALS = 64  # that a loss is meta-trained on
FIRST_POLICIES, FIRST_STEPS = 100, 1500  # random ones; steps of Adam before meta-training begins
REFIT_EVERY, REFIT_STEPS = 25, 200  # outer steps; of Adam


def reaching_family(chosen: Setting, generator: torch.Generator) -> ReachingFamily:
    """Return the goals of one meta-training, and dynamics that have seen nothing yet."""
    goals = chosen.goals(N_GOALS, generator, trained=True)
    offsets = chosen.offsets(N_GOALS, generator)
    dynamics = Dynamics(chosen.world, chosen.scales[0])
    return ReachingFamily(chosen.policy(), goals, offsets=offsets, dynamics=dynamics)


def random_practice(family: ReachingFamily, generator: torch.Generator) -> DynamicsTrainer:
    """Return dynamics that were learned from what random policies do, with much noise.

    Raises:
        ConfigError: The family unrolls the true dynamics.
    """
    if family.dynamics is None:
        raise ConfigError("this family has no dynamics to learn: give it some")
    learner = DynamicsTrainer(family.dynamics, generator)
    tasks = family.sample(FIRST_POLICIES, generator)
    theta = family.init(tasks, generator)
    learner.practise(family.optimizee, theta, family.support(tasks, tasks, generator), noise=1.0)
    learner.fit(FIRST_STEPS)
    family.model = learner.params
    return learner


class ModelBasedTrainer:
    """Meta-trains one loss; it acts through the policies' episodes in the world alone.

    The dynamics are refreshed with episodes of the policies that are being trained, so they are
    good where policies of today go. They are extra information: no loss ever sees them.

    Args:
        setting: World and goals.
        spec: The loss to learn.
        config: How.
        seed: Of everything that is random.
        engine: As for `MetaTrainer`.
    """

    def __init__(
        self,
        setting: Setting,
        spec: LossSpec,
        config: MetaTrainConfig,
        seed: int,
        engine: Engine = AUTOGRAD,
    ) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.family = reaching_family(setting, generator)
        self.learner = random_practice(self.family, generator)
        self.trainer = MetaTrainer(self.family, spec, config, (seed,), engine=engine)

    @property
    def done(self) -> bool:
        """Whether all outer steps have been made."""
        return self.trainer.done

    def step(self) -> OuterStep:
        """Make one outer step, after an update of the dynamics where that is due."""
        if self.trainer.step_count % REFIT_EVERY == REFIT_EVERY - 1:
            theta = {k: p[0] for k, p in self.trainer.models.theta.items()}
            tasks = self.trainer.models.tasks[0]
            batch = self.family.support(tasks, tasks, self.learner.generator)
            self.learner.practise(self.family.optimizee, theta, batch)
            self.learner.fit(REFIT_STEPS)
            self.family.model = self.learner.params
        return self.trainer.step()
