# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recipes for meta-training losses for reaching with an arm; no online process imports them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.losses.spec import InputSpec, LossSpec
from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.errors import ConfigError
from ml3_ros.learners.reaching.arm_task import KEY, ArmTask
from ml3_ros.learners.reaching.goals import GoalRanges
from ml3_ros.learners.reaching.policy import Policy
from ml3_ros.learners.reaching.world import World
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.torch_arm import TorchArm
from ml3_ros.tasks.reaching.arm_world import ArmWorld, PoseFamily
from ml3_ros.tasks.reaching.family import ReachingFamily
from ml3_ros.tasks.reaching.recipes import HIDDEN, setting
from ml3_ros.tasks.reaching.worlds import TwoLink

INNER_LR, CLIP_NORM = 0.1, 1.0  # of gradient descent on the loss, which scales its steps itself
Goals = Callable[[int, torch.Generator], torch.Tensor]
"""(n, generator) -> goals (n, n_goals)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmSetting:
    """An arm with its goals.

    Attributes:
        task: What a policy needs on the arm.
        world: The arm, so that autograd sees through it.
        perturbation: What is different in it from its description.
        goals: Draws goals.
        family: Of tasks; it has the task loss.
        loss_options: Options of the loss's architecture.
    """

    task: ArmTask
    world: World
    perturbation: Perturbation
    goals: Goals
    family: type[ReachingFamily] = ReachingFamily
    loss_options: Mapping[str, Any] = field(default_factory=dict)

    def spec(self) -> LossSpec:
        """Return the loss to learn."""
        task = self.task
        return LossSpec(
            architecture="desired_action",
            target=InputSpec(name="action", unit="N m", scale=task.limits, labels=task.joints),
            context=self.world.inputs,
            options=dict(self.loss_options),
            inner_lr=INNER_LR,
            clip_norm=CLIP_NORM,
        )


def reacher() -> ArmSetting:
    """Return the two-joint arm of the package, with goals in the half plane before it."""
    chosen = setting("reacher")
    # half the steps of the integrator are enough, and halve the time of meta-training
    world = TwoLink(substeps=2)
    task = ArmTask(
        joints=("joint0", "joint1"),
        observation="planar",
        limits=world.limits,
        period=world.period,
        horizon=world.horizon,
        scales=chosen.scales,
        hidden=HIDDEN,
        home=world.home,
        spread=world.spread,
        reach=chosen.radii,
        height=(-0.1, 0.1),
    )

    def goals(n: int, generator: torch.Generator) -> torch.Tensor:
        return chosen.goals(n, generator, trained=True)

    damped = Perturbation(viscous=world.damping)
    return ArmSetting(task=task, world=world, perturbation=damped, goals=goals)


# Of torques on top of gravity, a tenth of the arm's limits; and of a viscous friction at which a
# joint has 1 rad/s under its largest torque. None is published for the real arm.
SAWYER_TORQUES = (8.0, 8.0, 4.0, 4.0, 0.9, 0.9, 0.9)
SAWYER_FRICTION = SAWYER_TORQUES
SAWYER_GOALS = GoalRanges(
    radius=(0.38, 0.6),
    angle=(-0.3, 1.0),
    height=(0.1, 0.4),
    orientation=(0.8166, 0.5768, 0.0, 0.0),  # at home, where the hand points down
    turn=(-0.4, 0.4),
)


def sawyer() -> ArmSetting:
    """Return Sawyer, which compensates gravity by itself; goals are poses with the hand down."""
    description = load_robot("sawyer")
    home = tuple(description.home.tolist())
    world = ArmWorld(
        arm=TorchArm(description, SAWYER_FRICTION, 0.05),
        limits=SAWYER_TORQUES,
        home=home,
        spread=0.02,  # as a robot's own position control leaves it; 0.1 rad are 5 cm at the hand
        horizon=40,
    )
    n = world.n_actions
    task = ArmTask(
        joints=description.names,
        observation="posed",
        limits=world.limits,
        period=world.period,
        horizon=world.horizon,
        scales=((2.0,) * n + (1.0,) * n, (0.5,) * 3 + (1.0,) * 4),
        hidden=HIDDEN,
        home=home,
        spread=world.spread,
        reach=(0.35, 0.65),
        height=(0.05, 0.45),
    )

    def goals(n: int, generator: torch.Generator) -> torch.Tensor:
        seed = int(torch.randint(2**31, (), generator=generator))
        return torch.tensor(SAWYER_GOALS.draw(n, seed)).float()

    rubbed = Perturbation(viscous=SAWYER_FRICTION)
    return ArmSetting(
        task=task,
        world=world,
        perturbation=rubbed,
        goals=goals,
        family=PoseFamily,
        loss_options={"hidden": (128, 128)},
    )


ARMS: dict[str, Callable[[], ArmSetting]] = {"reacher": reacher, "sawyer": sawyer}


@dataclass(frozen=True, kw_only=True, slots=True)
class ReachRecipe:
    """How one loss is meta-trained.

    Attributes:
        robot: Name of the arm.
        n_outer_steps: Updates of the loss.
        n_goals: Goals that it sees.
        n_tasks: Policies in training at once, each for a goal of its own.
        unroll: Their updates per update of the loss.
        horizon: Their updates before they are replaced by fresh ones.
        outer_lr: Step size of Adam on the loss.
        seed: Of everything that is random.
    """

    robot: str = "reacher"
    n_outer_steps: int = 800
    n_goals: int = 64
    n_tasks: int = 8
    unroll: int = 3
    horizon: int = 20
    outer_lr: float = 3e-3
    seed: int = 0

    def __post_init__(self) -> None:
        if self.robot not in ARMS:
            raise ConfigError(f"no arm {self.robot!r} to reach with: use one of {', '.join(ARMS)}")
        if self.n_goals < 1:
            raise ConfigError(f"n_goals must be >= 1, got {self.n_goals}")

    def setting(self) -> ArmSetting:
        """Return the arm."""
        return ARMS[self.robot]()

    def trainer(self, engine: Engine = AUTOGRAD) -> MetaTrainer:
        """Return the meta-training: policies see one episode an update, as on the arm."""
        arm = self.setting()
        generator = torch.Generator().manual_seed(self.seed)
        policy = Policy(arm.world, arm.task.hidden, scales=arm.task.scales)
        goals = arm.goals(self.n_goals, generator)
        config = MetaTrainConfig(
            n_outer_steps=self.n_outer_steps,
            n_tasks=self.n_tasks,
            unroll=self.unroll,
            horizon=self.horizon,
            restart="staggered",
            outer_lr=self.outer_lr,
            outer_every_step=True,
        )
        family = arm.family(policy, goals, n_episodes=1)
        return MetaTrainer(family, arm.spec(), config, (self.seed,), engine=engine)

    def loss(self, trainer: MetaTrainer, provenance: dict[str, Any]) -> LearnedLoss:
        """Return what has been learned, with the task that it is for."""
        described = {
            "task_family": "reaching",
            "robot": self.robot,
            "outer_steps": trainer.step_count,
            KEY: self.setting().task.to_dict(),
        }
        return LearnedLoss(
            spec=trainer.spec, phi=trainer.seed_phi(0), provenance={**described, **provenance}
        )
