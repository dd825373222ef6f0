# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Meta learning via learned loss for robot arms: a learning core, robots, and ROS 2 nodes.

The names below are the public ones. They are imported when first used, so that a node which needs
no torch does not load it.
"""

from importlib import import_module
from typing import Any

__version__ = "0.2.0"

_PUBLIC = {
    # core: Algorithms 1 and 2, loss files
    "LearnedLoss": "ml3_ros.core.losses.learned_loss",
    "LossSpec": "ml3_ros.core.losses.spec",
    "MetaTrainConfig": "ml3_ros.core.outer.config",
    "MetaTrainer": "ml3_ros.core.outer.trainer",
    "adapt": "ml3_ros.core.inner_loop",
    "shipped_loss": "ml3_ros.zoo",
    # online adaptation of a model of inverse dynamics
    "AccelerationFilter": "ml3_ros.data.filters",
    "InverseDynamicsNet": "ml3_ros.learners.inverse_dynamics.net",
    "OnlineConfig": "ml3_ros.learners.inverse_dynamics.online",
    "OnlineLearner": "ml3_ros.learners.inverse_dynamics.online",
    "SamplingConfig": "ml3_ros.learners.inverse_dynamics.sampling",
    "Units": "ml3_ros.learners.inverse_dynamics.units",
    "squared_error": "ml3_ros.learners.inverse_dynamics.squared_error",
    # meta-training for an arm, and simulated recordings of it
    "InverseDynamicsFamily": "ml3_ros.tasks.inverse_dynamics.family",
    "Recipe": "ml3_ros.tasks.inverse_dynamics.recipes",
    "Recordings": "ml3_ros.tasks.inverse_dynamics.recordings",
    "SimulationConfig": "ml3_ros.tasks.inverse_dynamics.simulated",
    "TrainConfig": "ml3_ros.tasks.inverse_dynamics.train",
    "load_robot": "ml3_ros.robots.registry",
    "simulate": "ml3_ros.tasks.inverse_dynamics.simulated",
    "train_loss": "ml3_ros.tasks.inverse_dynamics.train",
    # arms that are touched while they learn
    "Before": "ml3_ros.tasks.touched.before",
    "ContactConfig": "ml3_ros.tasks.touched.contacts",
    "LinearArm": "ml3_ros.robots.linear.arm",
    "LinearModel": "ml3_ros.core.linear_model",
    "PinocchioModel": "ml3_ros.robots.pinocchio_model",
    "TouchedArms": "ml3_ros.tasks.touched.simulated",
    "TouchedConfig": "ml3_ros.tasks.touched.simulated",
    "TouchedFamily": "ml3_ros.tasks.touched.families",
    "TouchedRecipe": "ml3_ros.tasks.touched.recipes",
    "reweighted_fit": "ml3_ros.learners.inverse_dynamics.reweighted_fit",
    "simulate_touched": "ml3_ros.tasks.touched.simulated",
    # recordings of a real arm
    "IdentifyConfig": "ml3_ros.identification.run",
    "JointRecording": "ml3_ros.data.recording",
    "NetworkConfig": "ml3_ros.identification.networks.config",
    "identify": "ml3_ros.identification.run",
    "load_arm": "ml3_ros.identification.recorded.sources",
    "read_joint_states": "ml3_ros.data.bags.reader",
    "read_recording": "ml3_ros.identification.recorded.sources",
    "save_identification": "ml3_ros.reports.identification.output",
    "write_joint_states": "ml3_ros.data.bags.writer",
}

__all__ = ["__version__", *sorted(_PUBLIC)]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
