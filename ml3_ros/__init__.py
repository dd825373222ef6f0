"""Meta learning via learned loss for robot arms: a learning core, robots, and ROS 2 nodes.

The names below are the public ones. They are imported when first used, so that a node which needs
no torch does not load it.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "LearnedLoss": "ml3_ros.core.losses.learned_loss",
    "LossSpec": "ml3_ros.core.losses.spec",
    "MetaTrainConfig": "ml3_ros.core.outer.config",
    "MetaTrainer": "ml3_ros.core.outer.trainer",
    "adapt": "ml3_ros.core.inner_loop",
    "InverseDynamicsFamily": "ml3_ros.tasks.inverse_dynamics.family",
    "InverseDynamicsNet": "ml3_ros.learners.inverse_dynamics.net",
    "OnlineConfig": "ml3_ros.learners.inverse_dynamics.online",
    "OnlineLearner": "ml3_ros.learners.inverse_dynamics.online",
    "Recipe": "ml3_ros.tasks.inverse_dynamics.recipes",
    "Recordings": "ml3_ros.tasks.inverse_dynamics.recordings",
    "SimulationConfig": "ml3_ros.tasks.inverse_dynamics.simulated",
    "Units": "ml3_ros.learners.inverse_dynamics.units",
    "load_robot": "ml3_ros.robots.registry",
    "shipped_loss": "ml3_ros.zoo",
    "simulate": "ml3_ros.tasks.inverse_dynamics.simulated",
    "squared_error": "ml3_ros.learners.inverse_dynamics.squared_error",
}

__all__ = ["__version__", *sorted(_PUBLIC)]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
