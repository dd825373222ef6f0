"""Algorithm 1: learn the loss by differentiating through the update of the model it trains."""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ml3_ros.core.draws import Source
from ml3_ros.core.engine.engine import Engine, engine_in_use
from ml3_ros.core.learned_steps import STEP_SIZES
from ml3_ros.core.losses.spec import LossSpec
from ml3_ros.core.networks import FunctionalModule
from ml3_ros.core.outer import adam as outer_adam
from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.outer.evolution import Evolution, Unrolled
from ml3_ros.core.outer.gradient import STEP_WEIGHTS, Estimator, OuterGradient
from ml3_ros.core.outer.limit import LimitSteps, limit_steps, with_limit
from ml3_ros.core.types import Batch, Extra, Params, stack, with_lead
from ml3_ros.errors import ConfigError


class TaskFamily(Protocol):
    """A distribution of tasks. A task is an index into the family, so many make one tensor.

    A source of random numbers is one generator, or one for each seed, see `core.draws`: tasks are
    then those of all seeds, in order. Draw with `rand` and `randint` from there.
    """

    optimizee: FunctionalModule

    def sample(self, n: int, generator: Source) -> Tensor:
        """Draw n tasks (n,), int64."""

    def init(self, tasks: Tensor, generator: Source) -> Params:
        """Return a fresh random optimizee for each task, parameters (n, *shape)."""

    def support(self, tasks: Tensor, ages: Tensor, generator: Source) -> Batch:
        """Return what the inner step of age `ages` (n,) observes, each (n, B, k)."""

    def query(self, tasks: Tensor, ages: Tensor, generator: Source) -> tuple[Batch, Extra]:
        """Return what the task loss looks at, and the extra information: it exists here only."""

    def task_losses(self, theta: Params, batch: Batch, extra: Extra) -> dict[str, Tensor]:
        """Return the terms of eq. (9) by name, each (*lead,) and positive."""


@dataclass(frozen=True, slots=True)
class OuterStep:
    """What one update of phi did."""

    step: int  # outer steps made so far
    task_loss: Tensor  # (seeds,), mean over the tasks; log of it if the config says so
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
        engine: How steps are computed; no part of the run, its results are the same. None takes
            that of the process.
        estimator: How the gradient on phi is found.
    """

    def __init__(
        self,
        family: TaskFamily,
        spec: LossSpec,
        config: MetaTrainConfig,
        seeds: tuple[int, ...],
        constants: Params | None = None,
        engine: Engine | None = None,
        estimator: Unrolled | Evolution = Unrolled(),  # noqa: B008, a frozen value
    ) -> None:
        self.family, self.spec, self.config, self.seeds = family, spec, config, seeds
        self.engine = engine or engine_in_use()
        if config.limit_epochs and self.engine.device != "cpu":
            raise ConfigError(
                f"limit_epochs={config.limit_epochs}: its episodes are on the CPU, so device "
                f"{self.engine.device!r} cannot be used"
            )
        self.step_count = 0
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.constants = constants or {}
        gradient = OuterGradient(
            optimizee=family.optimizee,
            loss=spec.function(),
            inner_optimizer=spec.optimizer(family.optimizee),
            task_losses=family.task_losses,
            constants=self.constants,
            weights=config.weights,
            log_task_loss=config.log_task_loss,
            clip=config.outer_clip,
            segment=self.engine.segment,
        )
        fresh = [spec.init_phi(g, (1,)) for g in self.generators]
        given = spec.constants(fresh[0])
        if set(given) != set(self.constants):
            raise ConfigError(
                f"the loss {spec.architecture!r} needs the constants {sorted(given)}, got "
                f"{sorted(self.constants)}: give a trained prior"
            )
        learned = stack([{k: p for k, p in f.items() if k not in given} for f in fresh])
        self.phi = self._on_device(learned)
        self.estimator = estimator
        self._estimator: Estimator = estimator.estimator(gradient, learned)
        self._limit_steps: LimitSteps | None = None
        limited = (family, spec.network(), gradient)
        if config.limit_weight:
            self._estimator = with_limit(self._estimator, *limited, config.limit_weight)
        if config.limit_epochs:
            epochs, parts = config.limit_epochs, config.limit_mini_batches
            self._limit_steps = limit_steps(*limited, epochs, parts)
        self._compute = self.engine.prepare(self._estimator)
        self.outer_state = outer_adam.init(self.phi)
        self.limit_state: Params = outer_adam.init(self.phi) if self._limit_steps else {}
        n = config.n_tasks
        self._lead = (len(seeds), n)
        self.tasks, self.theta = self._fresh()
        self.inner_state = self._estimator.init(self.theta, self._lead)
        self.ages = torch.zeros(self._lead, dtype=torch.int64)
        # reset at `horizon`; staggered models are due at different times from the start
        offset = torch.arange(n) * config.horizon // n
        self.resets_in = config.horizon - (offset if config.restart == "staggered" else 0 * offset)
        self.resets_in = self.resets_in.expand(self._lead).clone()

    @property
    def done(self) -> bool:
        """Whether all outer steps have been made."""
        return self.step_count >= self.config.n_outer_steps

    def step(self) -> OuterStep:
        """Make K inner steps of every model and one update of phi."""
        config = self.config
        batches = [self._support(self.ages + k) for k in range(config.unroll)]
        last = self.ages + config.unroll - 1
        query = self.family.query(self.tasks.flatten(), last.flatten(), self.generators)
        batch, extra = (with_lead(x, self._lead) for x in query)
        step_weights = self._step_weights()
        schedule = self._estimator.draw(self.generators, config.n_tasks)
        if step_weights is not None:
            schedule[STEP_WEIGHTS] = step_weights
        values, grads, self.theta, self.inner_state = self._compute(
            self.theta, self.inner_state, self.phi, batch, extra, schedule, *batches
        )
        self._update_phi(grads, self.outer_state, config.outer_lr)
        if self._limit_steps:
            for grads in self._limit_steps.gradients(self.phi, batch, extra, self.generators):
                self._update_phi(grads, self.limit_state, config.limit_lr)
        self.ages += config.unroll
        self.resets_in -= config.unroll
        self._reset(values["diverged"].cpu() | (self.resets_in <= 0))
        self.step_count += 1
        return OuterStep(self.step_count, values["task_loss"], values["n_diverged"])

    def seed_phi(self, index: int) -> Params:
        """Return the parameters of the loss of seed number `index`."""
        return {k: p[index, 0].detach().clone() for k, p in self.phi.items()} | self.constants

    def _support(self, ages: Tensor) -> Batch:
        """Return what every model observes at its age."""
        batch = self.family.support(self.tasks.flatten(), ages.flatten(), self.generators)
        return with_lead(batch, self._lead)

    def _step_weights(self) -> Tensor | None:
        """Return how much the task loss after each unrolled step counts, (K, seeds, tasks)."""
        if not self.config.outer_every_step:
            return None
        step = torch.arange(self.config.unroll).reshape(-1, 1, 1)
        age = self.ages + step if self.config.outer_early else torch.zeros_like(self.ages + step)
        weights = 1.0 / (1.0 + age)
        return weights / weights.sum(0)

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

    def _reset(self, mask: Tensor) -> None:
        """Give the marked models (seeds, tasks) a new task and fresh parameters."""
        if mask.all():  # the usual case, and much cheaper than one by one
            self.tasks, self.theta = self._fresh()
            self.inner_state = self._estimator.init(self.theta, self._lead)
            self.ages.zero_()
            self.resets_in.fill_(self.config.horizon)
            return
        for s, row in enumerate(mask.tolist()):
            if any(row):
                self._reset_some(s, mask[s].nonzero().squeeze(-1))

    def _reset_some(self, s: int, slots: Tensor) -> None:
        """Reset the models in `slots` of seed number s."""
        generator = self.generators[s]
        self.tasks[s, slots] = self.family.sample(len(slots), generator)
        theta = self._on_device(self.family.init(self.tasks[s, slots], generator))
        state = self._on_device(self._estimator.init(theta, (len(slots),)))
        for old, new in ((self.theta, theta), (self.inner_state, state)):
            for k in old:
                old[k][s, slots] = new[k]
        self.ages[s, slots] = 0
        self.resets_in[s, slots] = self.config.horizon

    def _fresh(self) -> tuple[Tensor, Params]:
        """Return a new task for every model, (seeds, tasks), and a fresh optimizee for it."""
        tasks = self.family.sample(math.prod(self._lead), self.generators)
        theta = with_lead(self.family.init(tasks, self.generators), self._lead)
        return tasks.view(self._lead), self._on_device(theta)

    def _on_device(self, params: Params) -> Params:
        if self.engine.device == "cpu":
            return params
        return {k: p.to(self.engine.device) for k, p in params.items()}
