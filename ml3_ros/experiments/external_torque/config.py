# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Settings of the experiment on external torques, and the models that it compares."""

from dataclasses import dataclass, field

from ml3_ros.errors import ConfigError
from ml3_ros.identification.live.fits import FitName
from ml3_ros.robots.pushes import TouchConfig

METHODS = (
    "nominal_observer",
    "least_squares_observer",
    "robust_observer",
    "learned_observer",
    "known_observer",
)
LEARNED: dict[str, FitName] = {  # by their fit
    "least_squares_observer": "least_squares",
    "robust_observer": "robust",
    "learned_observer": "learned",
}
GAINS = (20.0, 40.0, 80.0, 160.0)  # of observers [1/s]; 20 is late by 50 ms


@dataclass(frozen=True, kw_only=True, slots=True)
class ContactConfig:
    """Robots, touches and observers; all observers see the same joint states.

    Attributes:
        robot: Name of the arm.
        methods: What is compared, of METHODS.
        seeds: How many draws of robots, motions and touches.
        n_robots: Robots of a seed.
        seconds: Length of the motion, touched and learned from all the time [s].
        learn_seconds: Of these, not counted [s].
        gain: Of the observers [1/s], one of GAINS.
        touches: How people touch the arm.
        false_alarms: Share of free samples that may count as touched when delays are told [-].
    """

    robot: str = "sawyer"
    methods: tuple[str, ...] = METHODS
    seeds: int = 5
    n_robots: int = 8
    seconds: float = 60.0
    learn_seconds: float = 30.0
    gain: float = 80.0
    touches: TouchConfig = field(default_factory=TouchConfig)
    false_alarms: float = 0.01

    def __post_init__(self) -> None:
        """Reject what cannot be run (ConfigError)."""
        for name in ("seeds", "n_robots"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be >= 1, got {getattr(self, name)}")
        unknown = set(self.methods) - set(METHODS)
        if unknown or not self.methods:
            raise ConfigError(f"methods: name some of {', '.join(METHODS)}, got {self.methods}")
        if self.gain not in GAINS:
            raise ConfigError(f"gain must be one of {', '.join(f'{g:g}' for g in GAINS)} 1/s")
        if not 0.0 < self.learn_seconds < self.seconds:
            raise ConfigError("learn_seconds must be > 0 and below seconds")
        if not 0.0 < self.false_alarms < 1.0:
            raise ConfigError(f"false_alarms must be in (0, 1), got {self.false_alarms}")
