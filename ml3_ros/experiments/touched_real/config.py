# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Configuration of the experiment on recordings of real arms that something touches."""

from dataclasses import dataclass
from typing import Literal, get_args

from ml3_ros.errors import ConfigError
from ml3_ros.experiments.touched_real.recordings import ARMS

Added = Literal["none", "pushing", "leading", "spikes"]
Hand = Literal["hand", "hand_after", "hand_alone"]
Family = Added | Hand
ADDED: tuple[Added, ...] = get_args(Added)
HAND: tuple[Hand, ...] = get_args(Hand)
NO_MOTION: Hand = "hand_alone"  # from which no model can be learned


@dataclass(frozen=True, kw_only=True, slots=True)
class TouchedRealConfig:
    """Recordings, what touches them, and how they are cut; all methods see the same samples.

    Attributes:
        data: Folder with the recordings, see docs/arms.md.
        recordings: Of ARMS.
        families: What is added: simulated contacts by kind, or what a person has pushed a real
            UR10e with, of the same arm's recordings alone: added to its motion ("hand"), as it
            was recorded after that motion ("hand_after"), or with nothing else ("hand_alone").
        seeds: Draws of what is added.
        support_seconds: That are learned from [s], or `share` of a shorter recording.
        share: Largest share of a recording that is learned from [-].
        stretches: Of each recording that are learned from, evenly spread.
        n_validation: Simulated arms on which rivals are tuned, per family.
    """

    data: str = ""
    recordings: tuple[str, ...] = tuple(ARMS)
    families: tuple[Family, ...] = (*ADDED, *HAND)
    seeds: int = 5
    support_seconds: float = 20.0
    share: float = 0.65
    stretches: int = 4
    n_validation: int = 6

    def __post_init__(self) -> None:
        for name in ("seeds", "stretches", "n_validation"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be >= 1, got {getattr(self, name)}")
        for name, known in (("recordings", tuple(ARMS)), ("families", (*ADDED, *HAND))):
            given = getattr(self, name)
            if not given or set(given) - set(known):
                raise ConfigError(f"{name}: name some of {', '.join(known)}, got {given}")
        if not (self.support_seconds >= 1.0 and 0.0 < self.share < 1.0):
            raise ConfigError("support_seconds must be >= 1, share in (0, 1)")
