# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""PPO (Schulman et al. 2017) by stable-baselines3, on one goal or many of an environment."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml3_ros.core.types import Params
from ml3_ros.errors import needs
from ml3_ros.experiments.model_free.copies import Goals, goal_copies
from ml3_ros.experiments.model_free.policy import GaussianPolicy

if TYPE_CHECKING:
    from stable_baselines3 import PPO


@dataclass(frozen=True, kw_only=True, slots=True)
class PpoSettings:
    """What is tuned; names are those of stable-baselines3, but for the two that count parts."""

    learning_rate: float = 3e-4
    n_envs: int = 4
    episodes: int = 2  # of each environment between updates
    n_epochs: int = 10
    n_mini_batches: int = 8  # of an epoch
    gamma: float = 0.99
    gae_lambda: float = 0.95
    clip_range: float = 0.2
    log_std_init: float = -1.0
    decays: bool = False  # the learning rate, along a line to zero


Weights = dict[str, Tensor]
"""Of policy and value, and the standard deviation, by their names in stable-baselines3."""


def ppo_curve(
    policy: GaussianPolicy,
    goal: Tensor,
    settings: PpoSettings,
    checkpoints: Sequence[int],
    measure: Callable[[Params], float],
    seed: int,
    start: Weights | None = None,
) -> NDArray[np.float64]:
    """Train a policy on one goal (n_goals,); return measurements (checkpoints,).

    See `trained`.
    """
    return trained(policy, Goals.one(goal), settings, checkpoints, measure, seed, start)[0]


def trained(
    policy: GaussianPolicy,
    goals: Goals,
    settings: PpoSettings,
    checkpoints: Sequence[int],
    measure: Callable[[Params], float | NDArray[np.float64]],
    seed: int,
    start: Weights | None = None,
) -> tuple[NDArray[np.float64], Weights]:
    """Train a policy by PPO and measure it on the way; measuring costs no environment steps.

    Args:
        policy: The network, and where it acts; its log_std is not used, PPO learns its own.
        goals: One of them is drawn for each episode.
        settings: Of PPO.
        checkpoints: Increasing numbers of environment steps. PPO is measured as it is after so
            many, that is, after the last update before them.
        measure: Parameters of `policy` (1, *shape) -> what is to be known, a number or (k,).
        seed: Of everything that is random.
        start: Of an earlier training; None starts anew.

    Returns:
        Measurements (checkpoints,) or (checkpoints, k), infinity from where PPO has diverged; and
        the weights after the last update.

    Raises:
        ConfigError: stable-baselines3 is not installed.
    """
    found: dict[int, float | NDArray[np.float64]] = {}
    with _own_randomness():
        model, callback = _model(policy, goals, settings, seed)
        if start is not None:
            model.policy.load_state_dict(start)

        def evaluate(until: float) -> None:
            """Measure today's policy for the checkpoints that come before the next update."""
            due = [i for i, c in enumerate(checkpoints) if model.num_timesteps <= c < until]
            if due:
                found.update(dict.fromkeys(due, measure(_mean_network(model))))

        per_update = model.n_steps * model.n_envs
        on_start = callback(lambda: evaluate(model.num_timesteps + per_update))
        # it raises ValueError when its network returns NaN
        with contextlib.suppress(ValueError):
            model.learn(checkpoints[-1], callback=on_start)
            evaluate(np.inf)
    values = np.full((len(checkpoints), *np.shape(next(iter(found.values()), 0.0))), np.inf)
    for i, value in found.items():
        values[i] = value
    weights = {k: p.detach().clone() for k, p in model.policy.state_dict().items()}
    return np.where(np.isfinite(values), values, np.inf), weights


@contextlib.contextmanager
def _own_randomness() -> Iterator[None]:
    """Leave global generators as they are: stable-baselines3 seeds and uses them."""
    kept = np.random.get_state(), random.getstate()  # noqa: NPY002
    with torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            np.random.set_state(kept[0])  # noqa: NPY002
            random.setstate(kept[1])


def _model(
    policy: GaussianPolicy, goals: Goals, settings: PpoSettings, seed: int
) -> tuple[PPO, Callable[[Callable[[], None]], Any]]:
    """Return PPO, and what makes a callback that runs before episodes are collected."""
    with needs("stable-baselines3", "rl", "PPO"):
        from stable_baselines3 import PPO
        from stable_baselines3.common.callbacks import BaseCallback

    class OnStart(BaseCallback):
        def __init__(self, call: Callable[[], None]) -> None:
            super().__init__()
            self._call = call

        def _on_rollout_start(self) -> None:
            self._call()

        def _on_step(self) -> bool:
            return True

    hidden = list(policy.net.sizes[1:-1])
    environment = policy.environment
    per_update = settings.n_envs * settings.episodes * environment.horizon
    model = PPO(
        "MlpPolicy",
        goal_copies(environment, goals, settings.n_envs, seed),
        learning_rate=_schedule(settings),
        n_steps=settings.episodes * environment.horizon,
        batch_size=per_update // settings.n_mini_batches,
        n_epochs=settings.n_epochs,
        gamma=settings.gamma,
        gae_lambda=settings.gae_lambda,
        clip_range=settings.clip_range,
        policy_kwargs={
            "net_arch": {"pi": hidden, "vf": hidden},
            "activation_fn": nn.Tanh,
            "log_std_init": settings.log_std_init,
        },
        seed=seed,
        device="cpu",
    )
    return model, OnStart


def _schedule(settings: PpoSettings) -> float | Callable[[float], float]:
    """Return the learning rate, or what gives it where a share of the training is left."""
    rate = settings.learning_rate
    return (lambda left: rate * left) if settings.decays else rate


def _mean_network(model: PPO) -> Params:
    """Return the network of the mean as parameters of a `GaussianPolicy`, each (1, *shape)."""
    modules = (*model.policy.mlp_extractor.policy_net, model.policy.action_net)
    theta = {}
    for i, layer in enumerate(m for m in modules if isinstance(m, nn.Linear)):
        theta[f"net.weight_{i}"] = layer.weight.detach().T.unsqueeze(0)
        theta[f"net.bias_{i}"] = layer.bias.detach().unsqueeze(0)
    return theta
