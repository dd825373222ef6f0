"""How an arm is asked to reach: what a policy needs to act on it, and a loss was trained for."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ml3_ros.core.learned_loss import LearnedLoss
from ml3_ros.errors import ConfigError, DataError, LossFileError
from ml3_ros.tasks.reaching.observations import OBSERVATIONS
from ml3_ros.tasks.reaching.policy import Policy

KEY = "arm_task"  # in the provenance of a loss
MAX_HORIZON, MAX_WIDTH = 10_000, 4096  # bound what a file can make us allocate

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmTask:
    """Episodes of an arm with n joints, and the policies that act in them.

    It stands for the world of a `Policy` as far as that can be known without a model.

    Attributes:
        joints: Names, in the order of every joint array.
        observation: What the loss sees, see `observations.OBSERVATIONS`.
        limits: Largest torque of a policy, on top of gravity, (n,) [N m].
        period: Between actions [s].
        horizon: Actions in an episode.
        scales: By what a policy divides states (2 n,) and goals (n_goals,).
        hidden: Widths of a policy's hidden layers.
        home: Where episodes start (n,) [rad].
        spread: Half width of the range of starts around `home` [rad].
        reach: Smallest and largest distance of goals from the base's vertical axis [m].
        height: Lowest and highest goal above the base [m].
    """

    joints: tuple[str, ...]
    observation: str
    limits: tuple[float, ...]
    period: float
    horizon: int
    scales: tuple[tuple[float, ...], tuple[float, ...]]
    hidden: tuple[int, ...]
    home: tuple[float, ...]
    spread: float
    reach: tuple[float, float]
    height: tuple[float, float]
    n_states: int = field(init=False)
    n_actions: int = field(init=False)
    n_goals: int = field(init=False)

    def __post_init__(self) -> None:
        if self.observation not in OBSERVATIONS:
            known = ", ".join(OBSERVATIONS)
            raise ConfigError(f"no observation {self.observation!r}: use one of {known}")
        n, n_goals = len(self.joints), OBSERVATIONS[self.observation][0]
        object.__setattr__(self, "n_states", 2 * n)
        object.__setattr__(self, "n_actions", n)
        object.__setattr__(self, "n_goals", n_goals)
        sizes = (len(self.limits), len(self.home), len(self.scales[0]), len(self.scales[1]))
        if not n or sizes != (n, n, 2 * n, n_goals):
            raise ConfigError(f"limits, home and scales have {sizes} numbers for {n} joints")
        positive = (*self.limits, self.period, *self.scales[0], *self.scales[1])
        if not all(0.0 < x < math.inf for x in positive):
            raise ConfigError("limits, period and scales must be > 0 and finite")
        if not all(map(math.isfinite, self.home)) or not 0.0 <= self.spread <= math.pi:
            raise ConfigError("home must be finite, and spread from 0 to pi")
        if not 1 <= self.horizon <= MAX_HORIZON or not all(
            1 <= width <= MAX_WIDTH for width in self.hidden
        ):
            raise ConfigError(f"horizon is {self.horizon}, hidden {self.hidden}: out of range")

    def policy(self) -> Policy:
        """Return the structure of the policies."""
        return Policy(self, self.hidden, scales=self.scales)

    def seen(self) -> dict[str, int]:
        """Return the names and sizes of what a loss sees."""
        state, goal = torch.zeros(self.n_states), torch.zeros(self.n_goals)
        observe = OBSERVATIONS[self.observation][1]
        return {name: len(x) for name, x in observe(state, goal, goal).items()}

    @property
    def n_positions(self) -> int:
        """Elements of hand and goal that are a position; what follows is an orientation."""
        return min(self.n_goals, 3)

    @property
    def duration(self) -> float:
        """Seconds of an episode."""
        return self.horizon * self.period

    def distance(self, hand: Array, goal: Array) -> Array:
        """Return how far hands (..., n_goals) are from a goal (n_goals,) [m]."""
        n = self.n_positions
        return np.linalg.norm((hand - goal)[..., :n], axis=-1)

    def check_goal(self, pose: Array) -> None:
        """Refuse a goal where the arm cannot, or did not learn to, reach.

        Args:
            pose: Position [m] and quaternion x, y, z, w in the frame of the base, (7,).

        Raises:
            DataError: It is out of reach.
        """
        radius, (low, high) = math.hypot(pose[0], pose[1]), self.reach
        if not low <= radius <= high:
            raise DataError(
                f"the goal is {radius:.3f} m from the arm's axis, out of reach: it is refused; "
                f"choose one from {low:g} to {high:g} m away"
            )
        if not self.height[0] <= pose[2] <= self.height[1]:
            low, high = self.height
            raise DataError(
                f"the goal is {pose[2]:.3f} m above the base, out of reach: it is refused; choose "
                f"one at a height from {low:g} to {high:g} m"
            )

    def check_start(self, q: Array, tolerance: float) -> None:
        """Refuse to begin an episode elsewhere than episodes begin.

        Raises:
            DataError: Some joint is further than `tolerance` [rad] from the range of starts.
        """
        away = np.abs(q - np.array(self.home)) - self.spread
        if not away.max() <= tolerance:
            i = int(np.argmax(away))
            raise DataError(
                f"after its reset {self.joints[i]} is at {q[i]:.3f} rad, but episodes begin at "
                f"{self.home[i]:.3f} rad within {self.spread:g} rad: let the reset service bring "
                "the arm there"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return what `from_loss` reads."""
        return {k: v for k, v in asdict(self).items() if k not in _DERIVED}


_DERIVED = ("n_states", "n_actions", "n_goals")


def task_of(loss: LearnedLoss) -> ArmTask:
    """Return the task that a loss was trained for.

    Raises:
        LossFileError: The loss is for something else.
    """
    try:
        fields = {k: _tuples(v) for k, v in loss.provenance[KEY].items()}
        task = ArmTask(**fields)
    except KeyError:
        raise LossFileError(
            "the loss is not one for reaching with an arm: train one with `ml3 train --task "
            "reaching`"
        ) from None
    except (TypeError, ValueError, AttributeError) as error:
        raise LossFileError(f"the loss describes a task that is none ({error})") from None
    spec = loss.spec
    if spec.target.name != "action" or spec.target.labels != task.joints:
        raise LossFileError(
            f"the loss judges {spec.target.name} of {list(spec.target.labels)}, not the actions "
            f"of {list(task.joints)}: train it again"
        )
    seen = task.seen()
    loss.check_inputs(("action", *seen))
    wrong = [x.name for x in spec.context if len(x.scale) != seen[x.name]]
    if wrong:
        raise LossFileError(f"the loss wants other sizes of {', '.join(wrong)}: train it again")
    return task


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value
