# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Settings of the tracking experiment, and the feedforwards that it compares."""

from dataclasses import dataclass, field
from typing import Literal

from ml3_ros.errors import ConfigError
from ml3_ros.robots.control.gains import GainConfig

SGD_GRID = (0.01, 0.02, 0.03, 0.05, 0.1, 0.2)
ADAM_GRID = (0.0003, 0.001, 0.003, 0.006, 0.01, 0.02)
CLIP_NORM = 1.0  # of SGD's gradient, as beside a real arm


@dataclass(frozen=True, kw_only=True, slots=True)
class Method:
    """One feedforward.

    Attributes:
        nominal: Whether torques of the arm as described are fed forward, so that what is learned
            is their error.
        kind: What learns: nothing, a network or least squares on the regressor.
        loss: Of a network: the name of a shipped loss without the robot's, or "sgd" or "adam" on
            the squared error.
        memory: Time that a network's batches go back [s]; 0: to the first sample. Under least
            squares samples fade with half of it as time constant, so that their mean age is equal.
    """

    nominal: bool = False
    kind: Literal["nothing", "network", "least_squares"] = "nothing"
    loss: str = ""
    memory: float = 0.0

    @property
    def grid(self) -> tuple[float, ...]:
        """Step sizes to choose from; empty where there is nothing to choose."""
        return {"sgd": SGD_GRID, "adam": ADAM_GRID}.get(self.loss, ())


MEMORY = 5.0  # of methods that forget [s]


def _networks(nominal: bool = False, memory: float = 0.0, **losses: str) -> dict[str, Method]:
    return {
        name: Method(kind="network", loss=loss, nominal=nominal, memory=memory)
        for name, loss in losses.items()
    }


METHODS: dict[str, Method] = {
    "feedback_only": Method(),
    "rigid_body": Method(nominal=True),
    **_networks(
        ml3_shaped="ml3_shaped",
        ml3_adaptive="ml3_adaptive",
        ml3_prior="ml3_prior",
        sgd_tuned="sgd",
        adam_tuned="adam",
    ),
    **_networks(
        nominal=True,
        ml3_shaped_residual="ml3_shaped",
        ml3_adaptive_residual="ml3_adaptive",
        sgd_tuned_residual="sgd",
        adam_tuned_residual="adam",
    ),
    **_networks(
        memory=MEMORY,
        ml3_shaped_forgetting="ml3_shaped",
        ml3_prior_forgetting="ml3_prior",
        adam_tuned_forgetting="adam",
    ),
    "least_squares_friction": Method(kind="least_squares"),
    "least_squares_forgetting": Method(kind="least_squares", memory=MEMORY),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackingConfig:
    """Robots, motions and methods; all methods meet the same robots, motions and noise.

    Attributes:
        robot: Name of the arm; its learned losses come with the package.
        methods: What is compared, of METHODS.
        seeds: How many draws of robots and motions.
        n_robots: Robots of a seed.
        n_validation_robots: Other robots, on which step sizes are chosen.
        marks: Seconds of adaptation after which a model is tested, increasing [s].
        test_seconds: Length of the test motion [s].
        settle_seconds: Of these, not counted: the feedforward is faded in [s].
        period: Of the motion during which the payload changes [s].
        added_payload: By which it grows [kg].
        after_seconds: How long the arm moves on with it [s].
        recovered: Error over that before, below which it counts as recovered [-].
        steps_per_window: Gradient steps per 8 samples, 0.08 s.
        gains: Of the feedback.
    """

    robot: str = "sawyer"
    methods: tuple[str, ...] = tuple(METHODS)
    seeds: int = 5
    n_robots: int = 2
    n_validation_robots: int = 3
    marks: tuple[float, ...] = (0.0, 2.0, 5.0, 10.0, 30.0)
    test_seconds: float = 20.0
    settle_seconds: float = 5.0
    period: float = 2.5
    added_payload: float = 2.0
    after_seconds: float = 30.0
    recovered: float = 1.2
    steps_per_window: int = 4
    gains: GainConfig = field(default_factory=GainConfig)

    def __post_init__(self) -> None:
        """Reject what cannot be run (ConfigError)."""
        for name in ("seeds", "n_robots", "n_validation_robots", "steps_per_window"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be >= 1, got {getattr(self, name)}")
        unknown = set(self.methods) - set(METHODS)
        if unknown or not self.methods:
            raise ConfigError(f"methods: name some of {', '.join(METHODS)}, got {self.methods}")
        if list(self.marks) != sorted(set(self.marks)) or not self.marks or self.marks[0] != 0.0:
            raise ConfigError(f"marks must be seconds, increasing from 0, got {self.marks}")
        if not self.marks[-1] >= 2.0 * self.period > 0.0:
            raise ConfigError(
                f"the last mark must be two periods or more, > 0 s, got {self.marks[-1]}"
            )
        if not 0.0 <= self.settle_seconds < self.test_seconds:
            raise ConfigError("settle_seconds must be >= 0 and below test_seconds")
        if not (self.added_payload > 0.0 and self.after_seconds > self.period):
            raise ConfigError("added_payload must be > 0, after_seconds longer than a period")
        if not self.recovered >= 1.0:
            raise ConfigError(f"recovered must be >= 1, got {self.recovered}")

    @property
    def tuned(self) -> tuple[str, ...]:
        """The methods whose step size is chosen."""
        return tuple(name for name in self.methods if METHODS[name].grid)
