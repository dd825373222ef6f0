# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Settings of the experiment on meta-reinforcement learning: its worlds and methods by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from ml3_ros.errors import ConfigError
from ml3_ros.experiments.metarl.sign_maze import SignMazeWorld
from ml3_ros.metarl.methods.classical import Classical
from ml3_ros.metarl.methods.curiosity import Curiosity
from ml3_ros.metarl.methods.dream import Dream
from ml3_ros.metarl.methods.grbal import Grbal
from ml3_ros.metarl.methods.maml import Maml
from ml3_ros.metarl.methods.method import Method
from ml3_ros.metarl.methods.ml3 import Ml3
from ml3_ros.metarl.methods.multitask import MultiTask
from ml3_ros.metarl.methods.pearl import Pearl
from ml3_ros.metarl.methods.policies import CONTEXTUAL, RANDOMISED, RL2, SNAIL
from ml3_ros.metarl.methods.rebal import Rebal
from ml3_ros.metarl.worlds.arms import KINDS
from ml3_ros.metarl.worlds.calibration import CalibrationWorld
from ml3_ros.metarl.worlds.dynamics import DynamicsWorld
from ml3_ros.metarl.worlds.exploration import ExplorationWorld
from ml3_ros.metarl.worlds.point import PointWorld
from ml3_ros.metarl.worlds.world import World

WORLDS: Mapping[str, Callable[[], World]] = {
    "point": PointWorld,
    "point_sparse": partial(PointWorld, sparse=True),
    "sign_maze": SignMazeWorld,
    **{
        f"{kind}_{name}": partial(world, kind)
        for kind in KINDS
        for name, world in (
            ("dynamics", DynamicsWorld),
            ("changing", partial(DynamicsWorld, changes=True)),
            ("calibration", CalibrationWorld),
            ("exploration", ExplorationWorld),
        )
    },
}
METHODS: Mapping[str, Method] = {
    "contextual": CONTEXTUAL,
    "randomised": RANDOMISED,
    "multitask": MultiTask(),
    "maml_rl": Maml(),
    "ml3": Ml3(),
    "rl2": RL2,
    "snail": SNAIL,
    "curiosity": Curiosity(),
    "dream": Dream(),
    "pearl": Pearl(),
    "grbal": Grbal(),
    "rebal": Rebal(),
    "classical": Classical(),
}
PUBLISHED = ("point", "point_sparse", "sign_maze")  # worlds of published comparisons
ORACLE = "contextual"
UNTRAINED = "classical"  # it takes no step of meta-training
LEFT_OUT = {  # methods by world: classical ones know arms alone, others act continuously
    **dict.fromkeys(PUBLISHED, (UNTRAINED,)),
    "sign_maze": (UNTRAINED, "pearl", "grbal", "rebal"),
}
WITHOUT_MEMORY = ("randomised", "multitask", "maml_rl", "ml3")  # gradients alone can teach them


@dataclass(frozen=True, kw_only=True)
class MetaRlConfig:
    """Size of the experiment; every method meta-trains on as many steps of the same worlds.

    Attributes:
        worlds: Names of `WORLDS`.
        methods: Names of `METHODS`.
        seeds: Of meta-training.
        steps: Environment steps of each meta-training.
        learning_rates: That every method chooses from, by its reward on tasks of meta-training.
        n_trials: Trials between updates.
        n_tasks: New tasks at meta-test, and as many outside of the range of meta-training.
    """

    worlds: tuple[str, ...] = tuple(WORLDS)
    methods: tuple[str, ...] = tuple(METHODS)
    seeds: int = 5
    steps: int = 1_000_000
    learning_rates: tuple[float, ...] = (5e-4, 1e-3, 2e-3)
    n_trials: int = 16
    n_tasks: int = 64

    def __post_init__(self) -> None:
        """Reject what cannot be run (ConfigError)."""
        for name in ("seeds", "steps", "n_trials", "n_tasks"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be >= 1, got {getattr(self, name)}")
        for name, known in (("worlds", WORLDS), ("methods", METHODS)):
            chosen = getattr(self, name)
            if not chosen or not set(chosen) <= set(known):
                raise ConfigError(f"{name} must be some of {', '.join(known)}, got {chosen}")
        if not self.learning_rates or not all(lr > 0.0 for lr in self.learning_rates):
            raise ConfigError("learning_rates must be numbers > 0")

    def rows(self, world: str) -> tuple[str, ...]:
        """Return the methods that are compared in a world."""
        return tuple(m for m in self.methods if m not in LEFT_OUT.get(world, ()))
