# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Settings of the inverse-dynamics experiments, and the methods that they compare."""

from dataclasses import dataclass, field
from typing import Any

from ml3_ros.errors import ConfigError
from ml3_ros.experiments.rivals.maml import MamlConfig
from ml3_ros.experiments.rivals.pretrained import PretrainConfig
from ml3_ros.tasks.inverse_dynamics.recipes import UNBIASED, NleSetting, Recipe

SGD_GRID = (0.01, 0.02, 0.03, 0.05, 0.1)
ADAM_GRID = (0.003, 0.006, 0.01, 0.02, 0.03)
LIVE_SGD_GRID = (0.003, 0.01, 0.02, 0.03, 0.05)
LIVE_ADAM_GRID = (0.001, 0.003, 0.006, 0.01, 0.02)
DISTILLED_GRID = (0.0003, 0.001, 0.002, 0.003, 0.01)
STARTED_GRID = (0.0001, 0.0003, 0.001, 0.003)
TRAIN_SEED, VALIDATION_SEED, TEST_SEED = 1, 2, 3  # three pools that share no robot
TUNING_SEED = 1000  # of the starts that step sizes are tuned on: no meta-seed
CLIP = 3.0  # of gradients in plain descent at work: without, a meta-seed now and then diverges

RECIPES: dict[str, dict[str, Any]] = {
    "ml3_shaped": {"architecture": "structured", "use_prior": True},
    "ml3_unshaped": {"architecture": "structured", "use_prior": False},
    "ml3_shaped_mlp": {"architecture": "mlp", "use_prior": True},
    "ml3_unshaped_mlp": {"architecture": "mlp", "use_prior": False},
    "ml3_adaptive": {"architecture": "adaptive", "use_prior": True},
    "ml3_prior": {"architecture": "prior", "use_prior": True},
}
"""The learned losses, by the name of their method."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One setting of the experiment.

    Attributes:
        nle: What of F(q, v) is known.
        at_work: Whether the arms learn at their work, where joints move together; with F given.
        steps_per_window: On a stream, gradient steps per 0.08 s.
        learned: Learned losses to compare.
        outer_steps: Updates of phi, by architecture.
        marks: Numbers of gradient steps at which to measure, the last one the end of a run.
        trained_in: Name of an earlier part of the same `nle` whose losses and prior it uses;
            empty: it meta-trains its own.
    """

    nle: NleSetting
    at_work: bool = False
    steps_per_window: int = 1
    learned: tuple[str, ...] = ("ml3_shaped", "ml3_unshaped", "ml3_adaptive", "ml3_prior")
    outer_steps: dict[str, int] = field(
        default_factory=lambda: {"structured": 400, "mlp": 3000, "adaptive": 600, "prior": 300}
    )
    marks: tuple[int, ...] = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
    trained_in: str = ""

    def __post_init__(self) -> None:
        unknown = set(self.learned) - set(RECIPES)
        if unknown or not self.learned:
            raise ConfigError(f"learned: name some of {', '.join(RECIPES)}, got {self.learned}")
        if not self.marks or sorted(set(self.marks)) != list(self.marks) or self.marks[0] < 0:
            raise ConfigError(f"marks must be numbers of steps, increasing, got {self.marks}")
        if self.at_work and self.nle != "given":
            raise ConfigError(f'at_work needs nle="given", got {self.nle!r}')

    def recipe(self, method: str, n_tasks: int) -> Recipe:
        """Return how the loss of a method is meta-trained."""
        chosen = RECIPES[method]
        plain = chosen["architecture"] in UNBIASED
        return Recipe(
            nle=self.nle,
            steps_per_window=self.steps_per_window,
            n_outer_steps=self.outer_steps[str(chosen["architecture"])],
            n_tasks=n_tasks,
            clip_norm=CLIP if self.at_work and plain else None,
            **chosen,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class InvdynConfig:
    """Size of an experiment; learned losses and baselines see the same robots and batches.

    Each baseline chooses its step size anew for every number of steps, on validation robots of the
    kind that it is tested on, from a grid that is extended until the best lies inside; a learned
    loss has none to choose, its recipe is fixed.

    Attributes:
        robot: Name of the arm.
        parts: The settings, by name.
        seeds: Meta-seeds.
        n_inits: Random models per robot and meta-seed, the same for every method.
        n_tasks: Models trained at once under each loss.
        n_train_robots: Robots of meta-training.
        n_validation_robots: Robots that baselines are tuned on.
        n_test_robots: Robots of each kind that results are reported on.
        prior_steps: Training steps of the physics prior.
        distil_steps: Steps in which a model is distilled from the prior.
        pretraining: Of networks on all robots of meta-training at once.
        maml: Of starts that are meta-learned on them.
    """

    robot: str = "sawyer"
    parts: dict[str, Part]
    seeds: int = 5
    n_inits: int = 3
    n_tasks: int = 8
    n_train_robots: int = 32
    n_validation_robots: int = 8
    n_test_robots: int = 16
    prior_steps: int = 8000
    distil_steps: int = 2000
    pretraining: PretrainConfig = field(default_factory=PretrainConfig)
    maml: MamlConfig = field(default_factory=MamlConfig)

    def __post_init__(self) -> None:
        for name in (
            "seeds",
            "n_inits",
            "n_tasks",
            "n_train_robots",
            "n_validation_robots",
            "n_test_robots",
            "prior_steps",
            "distil_steps",
        ):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be >= 1, got {getattr(self, name)}")
        if not self.parts:
            raise ConfigError("parts: name at least one")
        names = list(self.parts)
        for i, part in enumerate(self.parts.values()):
            if part.trained_in and part.trained_in not in names[:i]:
                raise ConfigError(f"trained_in: there is no earlier part {part.trained_in!r}")

    def inits(self, seed: int) -> tuple[int, ...]:
        """Return the seeds of the random models of a meta-seed."""
        return tuple(range(seed * self.n_inits, (seed + 1) * self.n_inits))
