# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Configuration of the experiment on touched arms: sizes, pools of arms, and tuning grids."""

from dataclasses import dataclass, field

from ml3_ros.errors import ConfigError
from ml3_ros.tasks.touched.contacts import KINDS, Kind
from ml3_ros.tasks.touched.recipes import Model

TRAIN_POOL, VALIDATION_POOL, TEST_POOL = 11, 12, 13  # three pools that share no arm
PULLS = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)  # strengths of a ridge, per sample
FITS_AT_ONCE = 6  # that a loss of linear models is trained on
NETWORKS_AT_ONCE = 16  # likewise: so many that most kinds of contacts are among them
STEP_SIZES = (3e-4, 1e-3, 3e-3)  # of Adam; a grid goes on until the best is inside
WIDTHS = (1.0, 1.5, 2.0, 3.0)  # of weights of residuals, likewise
HALVES = (3, 8, 16)  # of their windows [samples], up to that of a whole run
PRETRAINING_STEPS = 2000  # of the network that others begin as
DECAYS = (0.0, 1.0, 10.0)  # of a network's weights, likewise
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of a network's prediction that may be kept


@dataclass(frozen=True, kw_only=True, slots=True)
class TouchedExperimentConfig:
    """Size of the experiment; all methods see the same arms, samples and first networks.

    Rivals choose their recipe, ridge, step size and time to stop on validation arms of the family
    that they are tested on. A learned loss has no choice: one file serves all families.

    Attributes:
        robot: Name of the arm.
        families: What touches it; "none" is a clean recording.
        models: Which models learn.
        seeds: Meta-seeds.
        n_train: Arms of meta-training, per family.
        n_validation: Arms on which rivals are tuned, per family.
        n_test: Arms on which results are reported, per family.
        outer_steps: Updates of phi, by model.
        left_out: Models whose loss is also meta-trained without each family that touches.
        unshaped_seeds: Seeds whose loss is also meta-trained on measured torque.
        marks: Numbers of gradient steps at which networks are evaluated, by model.
    """

    robot: str = "sawyer"
    families: tuple[Kind, ...] = KINDS
    models: tuple[Model, ...] = ("physical",)
    seeds: int = 5
    n_train: int = 16
    n_validation: int = 6
    n_test: int = 40
    outer_steps: dict[str, int] = field(
        default_factory=lambda: {"physical": 100, "network_on_model": 400, "network": 200}
    )
    left_out: tuple[Model, ...] = ()
    unshaped_seeds: int = 5
    marks: dict[str, tuple[int, ...]] = field(
        default_factory=lambda: {
            "network_on_model": (0, 25, 50, 100, 200),
            "network": (0, 12, 25, 50, 100),
        }
    )

    def __post_init__(self) -> None:
        for name in ("seeds", "n_train", "n_validation", "n_test"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be >= 1, got {getattr(self, name)}")
        if not self.families or set(self.families) - set(KINDS):
            raise ConfigError(f"families: name some of {', '.join(KINDS)}, got {self.families}")
        if not self.models:
            raise ConfigError("models: name at least one")
        for marks in self.marks.values():
            if not marks or sorted(set(marks)) != list(marks) or marks[0] < 0:
                raise ConfigError(f"marks must be numbers of steps, increasing, got {marks}")

    def trained_without(self, model: Model) -> tuple[Kind, ...]:
        """Return the families that a loss of `model` is also trained without."""
        touching = tuple(kind for kind in self.families if kind != "none")
        return touching if model in self.left_out and len(touching) > 1 else ()
