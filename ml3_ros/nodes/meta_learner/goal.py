# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Goal of meta_train, resolved to a training; one that cannot be trained is rejected here."""

from __future__ import annotations

import os
from pathlib import Path

from ml3_msgs.action import MetaTrain
from ml3_ros.core.checks import check_name, quoted
from ml3_ros.errors import ConfigError
from ml3_ros.nodes.kit import loss_files
from ml3_ros.nodes.meta_learner.parameters import MetaLearnerParameters
from ml3_ros.tasks.inverse_dynamics.recipes import TASK_FAMILY, Recipe
from ml3_ros.tasks.inverse_dynamics.stream_training import Training

CHOICES = {"nle": ("given", "learned"), "architecture": ("mlp", "structured")}
LONGEST_NAME = 200  # bytes: what files add to a name has room within the 255 of a file system


def training_of(goal: MetaTrain.Goal, parameters: MetaLearnerParameters, losses: Path) -> Training:
    """Return the training that a goal stands for.

    Args:
        goal: As it was sent.
        parameters: Of the node.
        losses: Folder in which the loss will be saved.

    Raises:
        ConfigError: A field of the goal is outside what it may be, or the stream that is recorded
            would be too short for it.
        LossFileError: Its name is no file name.
    """
    check_file_name(goal.name)
    loss_files.inside(losses, goal.name)
    if goal.task != TASK_FAMILY:
        raise ConfigError(f"there is no task {quoted(goal.task)}: use '{TASK_FAMILY}'")
    for field, choices in CHOICES.items():
        value = getattr(goal, field)
        if value not in choices:
            raise ConfigError(f"{field} must be one of {', '.join(choices)}, got {quoted(value)}")
    if goal.seed < 0:
        raise ConfigError(f"seed must be >= 0, got {goal.seed}")
    if parameters.record_seconds < parameters.segment_seconds:
        raise ConfigError(
            f"a task is {parameters.segment_seconds:g} s long, but only "
            f"{parameters.record_seconds:g} s are recorded: raise record_seconds, or lower "
            "segment_seconds"
        )
    return Training(
        recipe=Recipe(
            nle=goal.nle,
            architecture=goal.architecture,
            use_prior=goal.use_prior,
            n_outer_steps=goal.iterations or parameters.iterations,
        ),
        robot=parameters.robot,
        joint_names=parameters.joints,
        seed=goal.seed,
        segment_seconds=parameters.segment_seconds,
    )


def needs_prior(goal: MetaTrain.Goal) -> bool:
    """Return whether a training uses only samples whose inertia prior is known."""
    return bool(goal.use_prior or goal.nle == "given")


def check_file_name(name: str) -> None:
    """Reject a name under which no file can be saved (ConfigError)."""
    check_name("name", name)
    if Path(name).name != name or len(name.encode()) > LONGEST_NAME:
        raise ConfigError(
            f"name {quoted(name)} is no file name: leave out folders, and take at most "
            f"{LONGEST_NAME} bytes"
        )


def make_folder(folder: Path) -> None:
    """Make a folder that is to be written in (ConfigError where that is not possible)."""
    reason = "not allowed"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK | os.X_OK):
            return
    except OSError as error:
        reason = error.strerror or str(error)
    raise ConfigError(f"{folder} cannot be written ({reason}): choose another `out`")
