# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reaching task of an arm: what a policy needs to act, and what a loss was trained for."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ml3_ros.core.checks import (
    LARGEST,
    MAX_JOINTS,
    SMALLEST,
    check_list,
    check_name,
    check_number,
    check_numbers,
    check_whole,
    quoted,
)
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.errors import ConfigError, DataError, LossFileError, reason_of
from ml3_ros.learners.reaching.observations import OBSERVATIONS
from ml3_ros.learners.reaching.policy import PolicyNetwork

KEY = "arm_task"  # in the provenance of a loss
# they bound what a file can make us allocate
MAX_HORIZON, MAX_WIDTH, MAX_LAYERS = 10_000, 4096, 8
SHORTEST, LONGEST = 1e-6, 1e3  # period [s]
FARTHEST = 1e3  # angles [rad] and lengths [m]

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
        if not isinstance(self.observation, str) or self.observation not in OBSERVATIONS:
            known = ", ".join(OBSERVATIONS)
            raise ConfigError(f"no observation {quoted(self.observation)}: use one of {known}")
        check_list("joints", self.joints, check_name)
        if not 0 < len(self.joints) <= MAX_JOINTS:
            raise ConfigError(f"{len(self.joints)} joints: an arm has 1 to {MAX_JOINTS}")
        n, n_goals = len(self.joints), OBSERVATIONS[self.observation][0]
        object.__setattr__(self, "n_states", 2 * n)
        object.__setattr__(self, "n_actions", n)
        object.__setattr__(self, "n_goals", n_goals)
        check_numbers("limits", self.limits, SMALLEST, LARGEST, n)
        check_number("period", self.period, SHORTEST, LONGEST)
        check_whole("horizon", self.horizon, 1, MAX_HORIZON)
        if not isinstance(self.scales, list | tuple) or len(self.scales) != 2:
            raise ConfigError(f"scales are those of states and goals, got {quoted(self.scales)}")
        for scale, size in zip(self.scales, (2 * n, n_goals), strict=True):
            check_numbers("scales", scale, SMALLEST, LARGEST, size)
        # whole numbers may be larger than a tensor of them can hold
        object.__setattr__(self, "limits", tuple(map(float, self.limits)))
        scales = tuple(tuple(map(float, scale)) for scale in self.scales)
        object.__setattr__(self, "scales", scales)
        check_list("hidden", self.hidden, lambda name, x: check_whole(name, x, 1, MAX_WIDTH))
        if len(self.hidden) > MAX_LAYERS:
            raise ConfigError(f"hidden has {len(self.hidden)} layers, more than {MAX_LAYERS}")
        check_numbers("home", self.home, -FARTHEST, FARTHEST, n)
        check_number("spread", self.spread, 0.0, math.pi)
        check_numbers("reach", self.reach, 0.0, FARTHEST, 2)
        check_numbers("height", self.height, -FARTHEST, FARTHEST, 2)
        for name in ("reach", "height"):
            low, high = getattr(self, name)
            if low > high:
                raise ConfigError(f"{name} must be a range, but {low:g} is above {high:g}")

    def policy(self) -> PolicyNetwork:
        """Return the structure of the policies."""
        return PolicyNetwork(self.limits, self.hidden, [*self.scales[0], *self.scales[1]])

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
        return np.asarray(np.linalg.norm((hand - goal)[..., :n], axis=-1))

    def check_goal(self, pose: Array) -> None:
        """Reject a goal where the arm cannot, or did not learn to, reach.

        Args:
            pose: Position [m] and quaternion x, y, z, w in the frame of the base, (7,).

        Raises:
            DataError: It is out of reach.
        """
        radius, (low, high) = math.hypot(pose[0], pose[1]), self.reach
        if not low <= radius <= high:
            raise DataError(
                f"the goal is {radius:.3f} m from the arm's axis, out of reach: it is rejected; "
                f"choose one from {low:g} to {high:g} m away"
            )
        if not self.height[0] <= pose[2] <= self.height[1]:
            low, high = self.height
            raise DataError(
                f"the goal is {pose[2]:.3f} m above the base, out of reach: it is rejected; "
                f"choose one at a height from {low:g} to {high:g} m"
            )

    def check_start(self, q: Array, tolerance: float) -> None:
        """Reject a state in which no episode begins.

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
    if KEY not in loss.provenance:
        raise LossFileError(
            "the loss is not one for reaching with an arm: train one with `ml3 train --task "
            "reaching`"
        )
    try:
        task = ArmTask(**{k: _tuples(v) for k, v in loss.provenance[KEY].items()})
        with torch.device("meta"):  # shapes without memory: widths may not go together
            task.policy()
    except Exception as error:  # a description from anywhere raises anything
        raise LossFileError(
            f"the loss describes a task that is none ({reason_of(error)}): train it again"
        ) from error
    spec = loss.spec
    if spec.target.name != "action" or spec.target.labels != task.joints:
        raise LossFileError(
            f"the loss is on {spec.target.name} of {list(spec.target.labels)}, not the actions "
            f"of {list(task.joints)}: train it again"
        )
    seen = task.seen()
    loss.check_inputs(("action", *seen))
    wrong = [x.name for x in spec.context if len(x.scale) != seen[x.name]]
    if wrong:
        raise LossFileError(f"the loss needs other sizes of {', '.join(wrong)}: train it again")
    return task


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value
