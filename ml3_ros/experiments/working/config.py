# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Settings of the experiment with working arms, and the learned losses that it compares."""

from dataclasses import dataclass, field
from typing import Any, Literal

from ml3_ros.errors import ConfigError
from ml3_ros.experiments.rivals.bayesian_last_layer import LastLayerConfig
from ml3_ros.experiments.rivals.maml import MamlConfig
from ml3_ros.experiments.rivals.pretrained import PretrainConfig
from ml3_ros.tasks.inverse_dynamics.recipes import Recipe

Start = Literal["random", "pretrained", "pretrained_inertia"]

TRAIN_SEED, VALIDATION_SEED, TEST_SEED = 1, 2, 3  # three pools that share no robot
TUNING_SEED = 1000  # of the networks that step sizes are tuned on: no meta-seed
CLIP = 3.0  # of gradients in plain descent: without, a meta-seed now and then diverges


@dataclass(frozen=True, kw_only=True, slots=True)
class Learned:
    """A learned loss of the experiment.

    Attributes:
        recipe: Of meta-training; what it leaves out is the recipe's default.
        query: Motion that the task loss of meta-training looks at.
        start: What the models begin with, in meta-training and after.
    """

    recipe: dict[str, Any]
    query: Literal["own_motion", "new_motion"] = "own_motion"
    start: Start = "random"


_PLAIN = {"architecture": "structured", "clip_norm": CLIP}
_STEPS = {"architecture": "structured", "learned_steps": True}
_PULL = {"architecture": "inertia_pull", "learned_steps": True}
LEARNED: dict[str, Learned] = {
    "ml3_shaped": Learned(recipe=_PLAIN),
    "ml3_unshaped": Learned(recipe={**_PLAIN, "use_prior": False}),
    "ml3_free_torque": Learned(recipe={**_PLAIN, "use_prior": False}, query="new_motion"),
    "ml3_pull_shaped": Learned(recipe=_PULL),
    "ml3_pull_unshaped": Learned(recipe={**_PULL, "use_prior": False}),
    "adam_learned_steps": Learned(recipe={"architecture": "steps", "use_prior": False}),
    "ml3_from_pretrained": Learned(recipe=_STEPS, start="pretrained"),
    "ml3_from_pretrained_inertia": Learned(recipe=_STEPS, start="pretrained_inertia"),
}
"""The learned losses by the name of their method.

Shaped: the task loss is the distance to M(q). `ml3_free_torque` has the same knowledge by another
door: its task loss looks at the torques of free motion.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkingExperimentConfig:
    """Size of the experiment; every method sees the same robots, samples and random networks.

    Attributes:
        marks: By robot, numbers of gradient steps at which to measure.
        seeds: Meta-seeds.
        outer_steps: Updates of phi: of plain descent, and with learned step sizes.
        n_tasks: Models trained at once under each loss.
        n_train_robots: Robots of meta-training.
        n_validation_robots: Robots that step sizes and ridges are tuned on.
        n_test_robots: Robots that results are reported on.
        pretraining: Of networks that others begin with.
        maml: Of meta-learned starts.
        last_layer: Of ALPaCA.
    """

    marks: dict[str, tuple[int, ...]] = field(
        default_factory=lambda: {
            "sawyer": (0, 10, 20, 50, 100, 200),
            "reacher": (0, 10, 20, 50, 100),
        }
    )
    seeds: int = 5
    outer_steps: dict[str, int] = field(default_factory=lambda: {"plain": 200, "steps": 100})
    n_tasks: int = 4
    n_train_robots: int = 24
    n_validation_robots: int = 8
    n_test_robots: int = 40
    pretraining: PretrainConfig = field(default_factory=PretrainConfig)
    maml: MamlConfig = field(default_factory=MamlConfig)
    last_layer: LastLayerConfig = field(default_factory=LastLayerConfig)

    def __post_init__(self) -> None:
        sizes = ("seeds", "n_tasks", "n_train_robots", "n_validation_robots", "n_test_robots")
        for name in sizes:
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be >= 1, got {getattr(self, name)}")
        if not self.marks:
            raise ConfigError("marks: name at least one robot")
        for robot, marks in self.marks.items():
            if not marks or sorted(set(marks)) != list(marks) or marks[0] < 0:
                raise ConfigError(
                    f"marks of {robot} must be numbers of steps, increasing, got {marks}"
                )

    def recipe(self, method: str) -> Recipe:
        """Return how the loss of a method is meta-trained."""
        chosen = LEARNED[method].recipe
        plain = "clip_norm" in chosen
        return Recipe(
            nle="given",
            n_outer_steps=self.outer_steps["plain" if plain else "steps"],
            n_tasks=self.n_tasks,
            **chosen,
        )
