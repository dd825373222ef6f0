# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""MountainCar (section IV-B.3): a car too weak for the hill has to drive away from its goal first.

Settings are those of the authors' code (github.com/facebookresearch/LearningToLearn), with bounds
whose gradient goes straight through.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ml3_ros.core.draws import Source
from ml3_ros.core.losses.spec import InputSpec, LossSpec
from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.types import Batch, Extra, Params
from ml3_ros.experiments.mountain_car.curiosity import Coverage
from ml3_ros.learners.reaching.policy import Policy
from ml3_ros.tasks.reaching.recipes import ReachingLoss
from ml3_ros.tasks.reaching.worlds import bounded

GOAL = (0.5, 1.0375)  # position [m] and velocity [m/s] on the top of the hill
WAY_POINT = (-0.947, -0.0055)  # on the other slope, where the run-up begins
RUN_UP = 15  # states that should be at the way point
SCALES = (
    0.3,
    0.15,
)  # of a run-up; at 1 m/s driving away looks like coming back
HIDDEN = (64, 64)  # of policies


@dataclass(frozen=True, kw_only=True)
class MountainCar:
    """A car in a valley: state (x, v) [m, m/s], action a force [N]; see `worlds.World`.

    v' = v + (g m cos(3 x) + u / m - k v) dt, with |u| <= 0.25, |v| <= 1.5 and x in [-1.2, 0.5].

    Args:
        mass: [kg].
        gravity: [m/s^2], negative downhill.
        friction: k [1/s].
    """

    mass: float = 0.2
    gravity: float = -9.8
    friction: float = 0.3
    period: float = 0.1
    horizon: int = 35
    n_states: int = 2
    n_actions: int = 1
    n_goals: int = 2
    limits: tuple[float, ...] = (0.25,)
    inputs: tuple[InputSpec, ...] = (InputSpec(name="state", unit="m, m/s", scale=SCALES),)

    def step(self, state: Tensor, action: Tensor) -> Tensor:
        """See `World`."""
        x, v = state.split(1, -1)
        force = bounded(action, -self.limits[0], self.limits[0])
        slope = self.gravity * self.mass * (3.0 * x).cos()
        v = v + self.period * (slope + force / self.mass - self.friction * v)
        v = bounded(v, -1.5, 1.5)
        return torch.cat([bounded(x + self.period * v, -1.2, 0.5), v], dim=-1)

    def position(self, state: Tensor) -> Tensor:
        """See `World`: the goal has a velocity too."""
        return state

    def start(self, source: Source, *lead: int) -> Tensor:
        """See `World`: always at rest in the valley."""
        return torch.tensor([-0.55, 0.0]).expand(*lead, 2)

    def observe(self, state: Tensor, goal: Tensor) -> Batch:
        """See `World`: there is one valley and one goal, so the state is all that differs."""
        return {"state": state}


def car_policy() -> Policy:
    """Return the optimizee; its fresh actions are as different as the library's usual weights."""
    return Policy(MountainCar(), HIDDEN, scales=(SCALES, (1.0, 1.0)), output_scale=1.0)


def loss_spec(architecture: ReachingLoss) -> LossSpec:
    """Return a loss on state and action; its gradient is clipped, for early ones are huge."""
    world = MountainCar()
    options = {"reach": 0.95} if architecture == "desired_action" else {}
    return LossSpec(
        architecture=architecture,
        target=InputSpec(name="action", unit="N", scale=world.limits),
        context=world.inputs,
        options=options,  # beyond the limits a policy saturates, and no gradient comes back
        inner_lr=0.3,
        clip_norm=3.0,
    )


def meta_training(n_outer_steps: int) -> MetaTrainConfig:
    """Return how losses are meta-trained: random policies of all ages."""
    return MetaTrainConfig(
        n_outer_steps=n_outer_steps,
        n_tasks=8,
        unroll=5,
        horizon=50,
        restart="staggered",
        outer_lr=3e-3,
        outer_every_step=True,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Knowledge:
    """What the task loss at meta-training knows, beside the goal; policies never see it.

    Attributes:
        way_point: Where the run-up begins, for the first states.
        late: How many states at the end of an episode count; 0 counts all of them.
        coverage: A reward for states unlike each other.
    """

    way_point: bool = False
    late: int = 0
    coverage: Coverage | None = None


class MountainCarFamily:
    """Random policies for the one start and goal.

    Args:
        policy: The network to be trained, in a `MountainCar`.
        knowledge: Of the task loss at meta-training.
    """

    def __init__(self, policy: Policy, knowledge: Knowledge | None = None) -> None:
        self.optimizee, self.knowledge = policy, knowledge or Knowledge()

    def sample(self, n: int, generator: Source) -> Tensor:
        """Return the one task, n times."""
        return torch.zeros(n, dtype=torch.int64)

    def init(self, tasks: Tensor, generator: Source) -> Params:
        """Return fresh policies."""
        return self.optimizee.init(generator, (len(tasks),))

    def support(self, tasks: Tensor, ages: Tensor, generator: Source) -> Batch:
        """Return start and goal of one episode, each (n, 1, 2)."""
        goal = torch.tensor(GOAL).expand(len(tasks), 1, 2)
        return {"start": self.optimizee.world.start(generator, len(tasks), 1), "goal": goal}

    def query(self, tasks: Tensor, ages: Tensor, generator: Source) -> tuple[Batch, Extra]:
        """Return the same; the extra information is where each state should be (n, 1, T, 2)."""
        batch, horizon = self.support(tasks, ages, generator), self.optimizee.world.horizon
        target = torch.tensor(GOAL).expand(len(tasks), 1, horizon, 2).clone()
        if self.knowledge.way_point:
            target[..., :RUN_UP, :] = torch.tensor(WAY_POINT)
        return batch, {"target": target}

    def task_losses(self, theta: Params, batch: Batch, extra: Extra) -> dict[str, Tensor]:
        """Return "task" (*lead,): the mean distance of the states to where they should be.

        Where coverage is rewarded, the share of an episode that repeats itself is added.
        """
        known = self.knowledge
        states = self.optimizee.rollout(theta, batch["start"], batch["goal"])[0][..., 1:, :]
        far = (states - extra["target"]).norm(dim=-1)[..., -known.late :]
        task = far.mean((-2, -1))
        if known.coverage is not None:
            task = task + known.coverage.repetition(states).mean(-1)
        return {"task": task}
