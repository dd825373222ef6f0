# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Meta-train one loss for the inverse dynamics of an arm; this made the losses of the package."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.data.metrics import resolved
from ml3_ros.errors import ConfigError
from ml3_ros.files import user_path
from ml3_ros.learners.inverse_dynamics.units import in_joint_units
from ml3_ros.robots.control.trajectories import ExcitationConfig
from ml3_ros.robots.registry import load_robot
from ml3_ros.tasks.inverse_dynamics.populations import population
from ml3_ros.tasks.inverse_dynamics.prior import teach_prior
from ml3_ros.tasks.inverse_dynamics.recipes import EXCITATIONS, Recipe, learned_loss
from ml3_ros.tasks.inverse_dynamics.simulated import simulate
from ml3_ros.tasks.training import revision, train_to_file

SIMULATION_SEED = 1  # robots of meta-training; tests and experiments draw theirs with others


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainConfig:
    """One loss to be meta-trained on random simulated robots.

    Attributes:
        robot: Name of the arm, or path of its URDF or MJCF.
        recipe: How; see `Recipe`.
        n_robots: Random robots to train on.
        seed: Of phi, of the models and of the batches.
    """

    robot: str = "sawyer"
    recipe: Recipe = field(default_factory=Recipe)
    n_robots: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_robots < 1:
            raise ConfigError(f"n_robots must be >= 1, got {self.n_robots}")


def train_loss(
    config: TrainConfig,
    out: str | Path,
    report: Callable[[str], None] = print,
    engine: Engine = AUTOGRAD,
) -> LearnedLoss:
    """Meta-train the loss that `config` describes and save it at `out`.

    A run that was killed goes on from `out` with the suffix ".checkpoint". Equal configurations
    give equal bytes on the same machine.
    """
    out = user_path(out)
    description = load_robot(config.robot)
    name = description.name
    kind = population(config.robot, config.recipe.nle)
    recordings = simulate(kind.train, config.n_robots, SIMULATION_SEED)
    prior = None
    if config.recipe.architecture == "prior":
        excitation = EXCITATIONS.get(config.robot, ExcitationConfig())
        prior = teach_prior(config.robot, kind.units, excitation, nle=config.recipe.nle)
    trainer = config.recipe.trainer(recordings, kind.units, name, (config.seed,), prior, engine)
    described = {**resolved(config), "robot": name}  # a path means something on one machine only
    provenance = {"config": described, "revision": revision()}

    def made() -> LearnedLoss:
        loss = learned_loss(trainer, 0, kind.units, name, provenance)
        return replace(loss, spec=in_joint_units(loss.spec, description.limits.units))

    return train_to_file(trainer, out, made, report)
