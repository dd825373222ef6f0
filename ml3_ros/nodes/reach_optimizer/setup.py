# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Setup of reach_optimizer before its first episode: the loss and the plan of the run."""

from __future__ import annotations

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.errors import ConfigError, MessageError
from ml3_ros.learners.reaching.arm_task import ArmTask, task_of
from ml3_ros.learners.reaching.policy_learner import LossLearner, PolicyLearner, RandomSearch
from ml3_ros.learners.reaching.run import ReachRun
from ml3_ros.nodes.reach_optimizer.parameters import ReachOptimizerParameters
from ml3_ros.zoo import shipped, shipped_loss

LEARNED, BASELINE = "ml3_reach", "random_search"


class GoalError(MessageError):
    """A goal must not be used."""

    kind = "rejected goals"


def load_task(parameters: ReachOptimizerParameters) -> tuple[LearnedLoss, ArmTask]:
    """Return the loss that the parameters name, and the task that it was trained for.

    Raises:
        LossFileError: The file is missing, damaged, or of something else than reaching.
        ConfigError: The parameters name other joints.
    """
    name = parameters.loss_file
    loss = LearnedLoss.load(shipped().get(name, name)) if name else _shipped(parameters.robot)
    task = task_of(loss)
    if parameters.joints and parameters.joints != task.joints:
        raise ConfigError(
            f"the loss for reaching was trained for the joints {list(task.joints)}, but `joints` "
            f"is {list(parameters.joints)}: use a loss of this robot"
        )
    return loss, task


def make_run(task: ArmTask, loss: LearnedLoss, parameters: ReachOptimizerParameters) -> ReachRun:
    """Return a fresh plan with the methods that are asked for."""
    learners: dict[str, PolicyLearner] = {LEARNED: LossLearner(task, loss, LEARNED)}
    if parameters.baseline:
        learners[BASELINE] = RandomSearch(task)
    return ReachRun(
        task, learners, updates=parameters.updates, n_goals=parameters.goals, seed=parameters.seed
    )


def _shipped(robot: str) -> LearnedLoss:
    return shipped_loss(f"{robot}_{LEARNED}")
