# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Settings of the experiment on touched arms that track, and the feedforwards that it compares."""

from dataclasses import dataclass, field

from ml3_ros.errors import ConfigError
from ml3_ros.identification.live.payload import PayloadChangeConfig
from ml3_ros.identification.live.physical_model import PhysicalModelConfig
from ml3_ros.robots.pushes import TouchConfig

MEMORY = 5.0  # of methods that forget [s]
PHYSICAL = {
    "least_squares_live": PhysicalModelConfig(fit="least_squares", memory=MEMORY),
    "robust_live": PhysicalModelConfig(
        fit="robust", update_period=0.25, payload=PayloadChangeConfig()
    ),
    "learned_live": PhysicalModelConfig(
        fit="learned", update_period=0.25, payload=PayloadChangeConfig()
    ),
}
KNOWN = "arm_known"  # the arm as it is but for the added payload: a bound
METHODS = ("feedback_only", KNOWN, "adam_tuned_forgetting", *PHYSICAL)


@dataclass(frozen=True, kw_only=True, slots=True)
class TouchTrackingConfig:
    """One run: the arm learns in peace, is touched, takes up a payload, puts it down.

    Attributes:
        robot: Name of the arm; its units come with the package's losses.
        methods: What is fed forward, of METHODS.
        seeds: How many draws of robots, motions and touches.
        n_robots: Robots of a seed.
        period: Of the motion, which repeats itself [s].
        peace: How long nobody touches the arm at first [s].
        touched: How long people then do [s].
        loaded: How long the payload then stays [s].
        unloaded: How long the arm goes on without it [s].
        added_payload: Its mass [kg].
        touches: How people touch the arm; pauses are long enough to see it recover.
        adam_step: Step size of Adam [-], that of the tracking experiment, tuned on other robots.
    """

    robot: str = "sawyer"
    methods: tuple[str, ...] = METHODS
    seeds: int = 40
    n_robots: int = 1
    period: float = 2.5
    peace: float = 20.0
    touched: float = 32.0
    loaded: float = 15.0
    unloaded: float = 10.0
    added_payload: float = 2.0
    touches: TouchConfig = field(
        default_factory=lambda: TouchConfig(
            force=(10.0, 40.0), seconds=(0.5, 3.0), pause=(5.0, 6.0)
        )
    )
    adam_step: float = 0.006

    def __post_init__(self) -> None:
        """Reject what cannot be run (ConfigError)."""
        for name in ("seeds", "n_robots"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be >= 1, got {getattr(self, name)}")
        unknown = set(self.methods) - set(METHODS)
        if unknown or "feedback_only" not in self.methods:
            raise ConfigError(
                f"methods: name feedback_only and some of {', '.join(METHODS)}, got {self.methods}"
            )
        for name in ("peace", "loaded", "unloaded"):
            if not getattr(self, name) >= 3.0 * self.period > 0.0:
                raise ConfigError(f"{name} must be three periods or more, > 0 s")
        if not self.touches.pause[0] >= 1.0 + self.period:
            raise ConfigError("touches.pause must be a second and a period or more")
        if not self.touched >= self.touches.pause[1] + self.touches.seconds[1]:
            raise ConfigError("touched must be long enough for one touch")
        if not (self.added_payload > 0.0 and self.adam_step > 0.0):
            raise ConfigError("added_payload and adam_step must be > 0")

    @property
    def changes(self) -> tuple[float, float, float]:
        """Times at which the payload is taken up, is put down, and the run ends [s]."""
        up = self.peace + self.touched
        return up, up + self.loaded, up + self.loaded + self.unloaded
