# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Configuration of the experiment on one loss for several arms."""

from __future__ import annotations

from dataclasses import dataclass

from ml3_ros.errors import ConfigError
from ml3_ros.experiments.touched.config import TouchedExperimentConfig
from ml3_ros.tasks.touched.contacts import KINDS, Kind


@dataclass(frozen=True, kw_only=True, slots=True)
class TouchedArmsConfig:
    """Size of the experiment; each arm has random arms of its own for training, tuning and tests.

    Attributes:
        robots: Arms that a loss is meta-trained on, alone and in turn; any number of joints.
        unseen: Arms that no loss but their own is meta-trained on.
        families: What touches them; "none" is a clean recording.
        seeds: Meta-seeds.
        n_train: Random arms of meta-training, per family.
        n_validation: Random arms on which rivals are tuned, per family.
        n_test: Random arms on which results are reported, per family.
        outer_steps: Updates of phi of a loss for one arm.
        outer_steps_together: Of the loss for all of `robots`.
    """

    robots: tuple[str, ...] = ("sawyer", "ur10", "reacher")
    unseen: tuple[str, ...] = ("panda",)
    families: tuple[Kind, ...] = KINDS
    seeds: int = 5
    n_train: int = 16
    n_validation: int = 6
    n_test: int = 40
    outer_steps: int = 100
    outer_steps_together: int = 200

    def __post_init__(self) -> None:
        if len(self.robots) < 2:
            raise ConfigError(f"robots: name at least two, got {self.robots}")
        if len(set(self.tested)) != len(self.tested):
            raise ConfigError(f"robots and unseen: name each arm once, got {self.tested}")
        if self.outer_steps_together < len(self.robots):
            raise ConfigError(f"outer_steps_together must be >= {len(self.robots)}, one an arm")
        self.of("sawyer", self.outer_steps)  # rejects what is left of wrong values

    @property
    def tested(self) -> tuple[str, ...]:
        """All arms that losses are evaluated on."""
        return (*self.robots, *self.unseen)

    def of(self, robot: str, outer_steps: int) -> TouchedExperimentConfig:
        """Return the configuration of one arm and one length of training."""
        return TouchedExperimentConfig(
            robot=robot,
            families=self.families,
            seeds=self.seeds,
            n_train=self.n_train,
            n_validation=self.n_validation,
            n_test=self.n_test,
            outer_steps={"physical": outer_steps},
        )
