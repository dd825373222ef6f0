# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Algorithm 1: learn the loss by differentiating through the update of the model it trains."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.core.engine.meta_gradients import meta_gradient_of
from ml3_ros.core.learned_steps import STEP_SIZES
from ml3_ros.core.losses.scaled import LossWithConstants
from ml3_ros.core.losses.spec import LossSpec
from ml3_ros.core.outer import adam as outer_adam
from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.outer.estimator import STEP_WEIGHTS, Estimate, Estimator, Window
from ml3_ros.core.outer.evolution import Evolution, Unrolled
from ml3_ros.core.outer.family import TaskFamily
from ml3_ros.core.outer.fixed_point import FixedPointSteps, fixed_point_steps, with_fixed_point
from ml3_ros.core.outer.gradient import OuterGradient
from ml3_ros.core.outer.objective import OuterObjective
from ml3_ros.core.outer.population import Population
from ml3_ros.core.types import Params, stack
from ml3_ros.errors import ConfigError


@dataclass(frozen=True, slots=True)
class OuterStep:
    """What one update of phi did."""

    step: int  # outer steps made so far
    task_loss: Tensor  # (seeds,), mean over the tasks; with log_task_loss of logs: `task_loss_of`
    diverged: Tensor  # (seeds,), models reset because they diverged


class MetaTrainer:
    """Meta-trains one loss per seed, all seeds as one batch.

    phi is (seeds, 1, *shape), theta is (seeds, tasks, *shape). Each seed has its own generator, so
    a seed gives the same run alone and in company (up to rounding).

    Args:
        family: Where the tasks come from.
        spec: The loss to learn.
        config: How to learn it.
        seeds: One integer per loss.
        constants: The part of phi that is given, not learned; all seeds share it.
        engine: How steps are computed; no part of the run, its results are the same.
        estimator: How the gradient on phi is found.
    """

    def __init__(
        self,
        family: TaskFamily,
        spec: LossSpec,
        config: MetaTrainConfig,
        seeds: tuple[int, ...],
        constants: Params | None = None,
        engine: Engine = AUTOGRAD,
        estimator: Unrolled | Evolution = Unrolled(),  # noqa: B008, a frozen value
    ) -> None:
        self.family, self.spec, self.config, self.seeds = family, spec, config, seeds
        self.engine, self.estimator = engine, estimator
        self.constants = constants or {}
        self.step_count = 0
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        phi = self._fresh_phi()
        self._estimator, self._fixed_point_steps = self._gradients(phi)
        self._estimate: Callable[[Params, Window], Estimate] = self.engine.prepare(
            self._estimator.estimate
        )
        self.phi = self._to_device(phi)
        self.outer_state = outer_adam.init(self.phi)
        self.fixed_point_state = outer_adam.init(self.phi) if self._fixed_point_steps else {}
        self.models = Population(family, config, self.generators, self._estimator, self._to_device)

    @property
    def done(self) -> bool:
        """Whether all outer steps have been made."""
        return self.step_count >= self.config.n_outer_steps

    def step(self) -> OuterStep:
        """Make one iteration of Algorithm 1: K inner steps of every model, one update of phi."""
        models, config = self.models, self.config

        # each model observes its task: K batches to learn from, one for the task loss
        batches = tuple(models.support(ahead) for ahead in range(config.unroll))
        query, extra = models.query(config.unroll - 1)
        schedule = self._estimator.draw(self.generators, config.n_tasks) | self._step_weights()
        window = Window(models.theta, models.inner_state, query, extra, schedule, batches)

        # theta' = K updates of theta under M_phi, and grad_phi L_T(theta')
        estimate = self._estimate(self.phi, window)

        # phi descends
        self._update_phi(estimate.grads, self.outer_state, config.outer_lr)
        if self._fixed_point_steps:
            gradients = self._fixed_point_steps.gradients(self.phi, query, extra, self.generators)
            for grads in gradients:
                self._update_phi(grads, self.fixed_point_state, config.limit_lr)

        # models go on from theta'; old and diverged ones start anew on another task
        models.advance(estimate.theta, estimate.inner_state, config.unroll)
        diverged = estimate.diverged.cpu()
        models.reset(diverged)
        self.step_count += 1
        return OuterStep(self.step_count, estimate.task_loss, diverged.sum(-1))

    def seed_phi(self, index: int) -> Params:
        """Return the parameters of the loss of seed number `index`."""
        return {k: p[index, 0].detach().clone() for k, p in self.phi.items()} | self.constants

    def _fresh_phi(self) -> Params:
        """Return what is learned, as it begins.

        Raises:
            ConfigError: The constants are not those that the loss needs.
        """
        fresh = [self.spec.init_phi(g, (1,)) for g in self.generators]
        given = self.spec.constants(fresh[0])
        if set(given) != set(self.constants):
            raise ConfigError(
                f"the loss {self.spec.architecture!r} needs the constants {sorted(given)}, got "
                f"{sorted(self.constants)}: give a trained prior"
            )
        return stack([{k: p for k, p in phi.items() if k not in given} for phi in fresh])

    def _gradients(self, phi: Params) -> tuple[Estimator, FixedPointSteps | None]:
        """Return what finds the gradient of a step, and of further steps on the fixed point."""
        config, family, constants = self.config, self.family, self.constants
        learner = self.spec.learner(family.optimizee)
        objective = OuterObjective(
            task_losses=family.task_losses,
            weights=config.weights,
            log_task_loss=config.log_task_loss,
            clip=config.outer_clip,
        )
        gradient = OuterGradient(
            learner=replace(learner, loss=LossWithConstants(learner.loss, constants)),
            objective=objective,
            differentiate=meta_gradient_of(self.engine),
        )
        estimator = self.estimator.estimator(gradient, phi)
        fixed_point = (family, self.spec.network(), objective, constants)
        if config.limit_weight:
            estimator = with_fixed_point(estimator, *fixed_point, config.limit_weight)
        if not config.limit_epochs:
            return estimator, None
        if self.engine.device != "cpu":
            raise ConfigError(
                f"limit_epochs={config.limit_epochs}: its episodes are on the CPU, so device "
                f"{self.engine.device!r} cannot be used"
            )
        epochs, mini_batches = config.limit_epochs, config.limit_mini_batches
        return estimator, fixed_point_steps(*fixed_point, epochs, mini_batches)

    def _step_weights(self) -> Params:
        """Return how much the task loss after each step counts (K, seeds, tasks), if all do."""
        if not self.config.outer_every_step:
            return {}
        ages = self.models.ages
        step = torch.arange(self.config.unroll).reshape(-1, 1, 1)
        age = ages + step if self.config.outer_early else torch.zeros_like(ages + step)
        weights = 1.0 / (1.0 + age)
        return {STEP_WEIGHTS: weights / weights.sum(0)}

    def _update_phi(self, grads: Params, state: Params, lr: float) -> None:
        """One Adam step, in place."""
        config = self.config
        late = max(0.0, 2.0 * self.step_count / config.n_outer_steps - 1.0)
        share = 1.0 + late * (config.outer_lr_final - 1.0)
        learned_steps = [k for k in self.phi if k == STEP_SIZES]
        network = [k for k in self.phi if k != STEP_SIZES]
        for names, rate in ((network, lr), (learned_steps, config.outer_lr_steps)):
            if names:
                outer_adam.step(self.phi, grads, state, names, share * rate)

    def _to_device(self, params: Params) -> Params:
        if self.engine.device == "cpu":
            return params
        return {k: p.to(self.engine.device) for k, p in params.items()}
