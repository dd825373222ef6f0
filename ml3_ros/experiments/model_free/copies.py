# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Copies of a `GoalEnvironment` as stable-baselines3 takes them, each with a goal of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml3_ros.core.draws import randint
from ml3_ros.experiments.model_free.environment import GoalEnvironment

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv


@dataclass(frozen=True, slots=True)
class Goals:
    """Goals (N, n_goals) [m], and by how much the robot is turned at the begin (N,) [rad]."""

    places: Tensor
    turns: Tensor

    @classmethod
    def one(cls, goal: Tensor) -> Goals:
        """Return the goal (n_goals,) alone, without a turn."""
        return cls(goal.unsqueeze(0), torch.zeros(1))

    def begin(
        self, environment: GoalEnvironment, n: int, source: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draw where n episodes begin (n, n_states), turned, and their goals (n, n_goals)."""
        state = environment.start(source, n)
        if len(self.places) == 1:  # nothing else is drawn
            return environment.turn(state, self.turns), self.places.expand(n, -1)
        drawn = randint(source, 0, len(self.places), n)
        return environment.turn(state, self.turns[drawn]), self.places[drawn]


def goal_copies(environment: GoalEnvironment, goals: Goals, n: int, seed: int) -> VecEnv:
    """Return n copies of an environment; each draws its goal anew when an episode begins.

    Episodes end by their time limit only, and all at once.
    """
    from gymnasium import spaces
    from stable_baselines3.common.vec_env import VecEnv

    class GoalCopies(VecEnv):
        render_mode = None

        def __init__(self) -> None:
            seen = spaces.Box(-np.inf, np.inf, (environment.n_observations,), np.float32)
            super().__init__(n, seen, spaces.Box(-1.0, 1.0, (environment.n_actions,), np.float32))
            self._generator = torch.Generator().manual_seed(seed)
            self._goal = goals.places[:1].expand(n, -1)
            self._time = 0
            self._state = environment.start(torch.Generator().manual_seed(seed), n)
            self._action = torch.zeros(n, environment.n_actions)

        def reset(self) -> NDArray[np.float32]:
            self._time = 0
            self._state, self._goal = goals.begin(environment, n, self._generator)
            return self._seen()

        def step_async(self, actions: NDArray[np.float32]) -> None:
            self._action = torch.from_numpy(actions)

        def step_wait(self) -> tuple[Any, ...]:
            after = environment.step(self._state, self._action)
            reward = environment.reward(self._state, self._action, after, self._goal).numpy()
            self._state, self._time = after, self._time + 1
            seen, over = self._seen(), self._time == environment.horizon
            infos: list[dict[str, Any]] = [{} for _ in range(n)]
            if over:
                infos = [{"terminal_observation": x, "TimeLimit.truncated": True} for x in seen]
                seen = self.reset()
            return seen, reward, np.full(n, over), infos

        def _seen(self) -> NDArray[np.float32]:
            return environment.observe(self._state, self._goal).numpy()

        def close(self) -> None:
            pass

        def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
            return [getattr(self, attr_name)] * n

        def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
            setattr(self, attr_name, value)

        def env_method(self, method_name: str, *args: Any, indices: Any = None, **kw: Any) -> Any:
            raise NotImplementedError(f"copies have no method {method_name!r} of their own")

        def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
            return [False] * n

    return GoalCopies()
