# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Configuration of the experiment on changes of payload: sizes, families, moments."""

from dataclasses import dataclass

from ml3_ros.errors import ConfigError
from ml3_ros.tasks.payload.simulated import LoadedConfig
from ml3_ros.tasks.touched.contacts import KINDS, Kind

TRAIN_POOL, VALIDATION_POOL, TEST_POOL = 31, 32, 33  # three pools that share no arm
UNCHANGED = 0.0  # time since the change of an arm that has not changed


@dataclass(frozen=True, kw_only=True, slots=True)
class PayloadExperimentConfig:
    """Size of the experiment; all methods see the same rows of the same arms.

    Rivals choose their numbers on validation arms of the family that they are tested on: once for
    all times and for arms that do not change, and once more for every time by itself, which tells
    them when the change was. A learned loss has no choice: one file serves all.

    Attributes:
        robot: Name of the arm.
        families: What touches it; "none" is a stream without contacts.
        times: Since the change [s].
        seeds: Meta-seeds.
        n_train: Arms of meta-training, per family.
        n_validation: Arms on which rivals are tuned, per family; with fewer, some of them look
            much weaker than they are.
        n_test: Arms on which results are reported, per family.
        n_outer_steps: Updates of phi.
        n_tasks: Arms and moments in each of them.
        data: Folder with recordings of a real UR10e without and with a load, see docs/payload.md;
            empty: they are left out.
    """

    robot: str = "sawyer"
    families: tuple[Kind, ...] = ("none", "pushing", "leading", "tool", "cable")
    times: tuple[float, ...] = (1.0, 2.0, 5.0, 10.0)
    seeds: int = 5
    n_train: int = 32
    n_validation: int = 24
    n_test: int = 40
    n_outer_steps: int = 1600
    n_tasks: int = 16
    data: str = ""

    def __post_init__(self) -> None:
        for name in ("seeds", "n_train", "n_validation", "n_test", "n_outer_steps", "n_tasks"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be >= 1, got {getattr(self, name)}")
        if not self.families or set(self.families) - set(KINDS):
            raise ConfigError(f"families: name some of {', '.join(KINDS)}, got {self.families}")
        longest = LoadedConfig().stretch_seconds
        rising = all(a < b for a, b in zip((0.0, *self.times), self.times, strict=False))
        if not self.times or not rising or self.times[-1] > longest:
            raise ConfigError(f"times: give rising ones in (0, {longest:g}] s, got {self.times}")

    @property
    def moments(self) -> tuple[float, ...]:
        """Times since the change at which methods are evaluated [s], UNCHANGED the first."""
        return (UNCHANGED, *self.times)
