# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Meta-train one loss for models of touched arms; this made those of the package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.core.linear_model import LinearModel
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.outer.alternating import AlternatingTrainer, Trainer
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.data.metrics import resolved
from ml3_ros.errors import ConfigError
from ml3_ros.files import user_path
from ml3_ros.learners.inverse_dynamics.units import Units, in_joint_units
from ml3_ros.robots.linear.arm import LinearArm
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.tasks.touched.before import Before
from ml3_ros.tasks.touched.contacts import KINDS, ContactConfig, Kind
from ml3_ros.tasks.touched.families import TouchedFamily
from ml3_ros.tasks.touched.recipes import TouchedRecipe, units_of
from ml3_ros.tasks.touched.simulated import TouchedArms, TouchedConfig, simulate_touched
from ml3_ros.tasks.training import provenance_of, train_to_file
from ml3_ros.zoo import shipped_loss

SIMULATION_SEED = 100  # arms of meta-training; experiments draw theirs with others
TASK_FAMILY = "touched_arms"
PHYSICAL_LOSS = "touched_arm"  # the shipped loss of physical models


@dataclass(frozen=True, kw_only=True, slots=True)
class TouchedTraining:
    """One loss to be meta-trained on random simulated arms that are touched.

    Attributes:
        robot: Name of the arm, or path of its URDF or MJCF; the loss serves arms of any number of
            joints.
        others: Further arms that it is trained on, in turn with the first; for linear models.
        recipe: How; see `TouchedRecipe`. Networks on a model stand on fits under the package's
            loss of physical models.
        families: What touches the arms.
        n_arms: Random arms of each family.
        memory: Whether the linear model has presliding columns.
        seed: Of phi and of the batches.
    """

    robot: str = "sawyer"
    others: tuple[str, ...] = ()
    recipe: TouchedRecipe = field(default_factory=lambda: TouchedRecipe(stream=True))
    families: tuple[Kind, ...] = KINDS
    n_arms: int = 16
    memory: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.recipe.model == "network":
            raise ConfigError('recipe.model must be "physical" or "network_on_model"')
        if self.others and self.recipe.model != "physical":
            raise ConfigError(
                "others: the shape of a network is that of its arm; leave them out, or take "
                'recipe.model="physical"'
            )
        if not self.families or set(self.families) - set(KINDS):
            raise ConfigError(f"families: name some of {', '.join(KINDS)}, got {self.families}")
        if self.n_arms < 1:
            raise ConfigError(f"n_arms must be >= 1, got {self.n_arms}")


def train_touched(
    config: TouchedTraining,
    out: str | Path,
    report: Callable[[str], None] = print,
    engine: Engine = AUTOGRAD,
) -> LearnedLoss:
    """Meta-train the loss that `config` describes and save it at `out`.

    A run that was killed goes on from `out` with the suffix ".checkpoint". Equal configurations
    give equal bytes on the same machine.
    """
    out = user_path(out)
    prepared = [_Prepared.of(config, robot) for robot in (config.robot, *config.others)]
    parts = [each.trainer(config, engine) for each in prepared]
    trainer: Trainer = AlternatingTrainer(parts) if config.others else parts[0]
    # a path means something on one machine only
    described = resolved(config) | {"robot": prepared[0].name}
    if config.others:
        described["others"] = [each.name for each in prepared[1:]]
    else:
        del described["others"]  # files from before there were any stay as they are
    units = prepared[0].units.to_dict()
    provenance = provenance_of(trainer, TASK_FAMILY, config=described, units=units)

    def made() -> LearnedLoss:
        spec = in_joint_units(trainer.spec, prepared[0].positions)
        return LearnedLoss(spec=spec, phi=trainer.seed_phi(0), provenance=provenance)

    return train_to_file(trainer, out, made, report)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """The tasks of one arm, and the units of what its models learn."""

    name: str
    family: TouchedFamily
    units: Units
    positions: tuple[str, ...]  # "rad" or "m"

    @staticmethod
    def of(config: TouchedTraining, robot: str) -> _Prepared:
        """Simulate the arms of meta-training that are like `robot`."""
        description = load_robot(robot)
        arms = TouchedArms.joined([_arms(config, robot, kind) for kind in config.families])
        linear = LinearArm(PinocchioModel(description), memory=config.memory)
        before = _before(config, arms, linear)
        units = units_of(arms, before, description.names)
        optimizee = config.recipe.optimizee(units, robot, linear)
        family = TouchedFamily(optimizee, arms, before, config.recipe.sampling())
        return _Prepared(description.name, family, units, description.limits.units)

    def trainer(self, config: TouchedTraining, engine: Engine) -> MetaTrainer:
        """Return the trainer of the loss on these tasks."""
        return config.recipe.trainer(self.family, self.units, (config.seed,), engine)


def _before(config: TouchedTraining, arms: TouchedArms, linear: LinearArm) -> Before:
    """Return what is known before a model learns: the description, or a fit of each recording."""
    described = Before.described(arms)
    if config.recipe.model == "physical":
        return described
    base = shipped_loss(PHYSICAL_LOSS)
    names = tuple(f"joint_{i}" for i in range(linear.n_joints))
    spec = base.spec.of_size(linear.n_joints)
    spec = replace(
        spec, target=replace(spec.target, scale=units_of(arms, described, names).effort)
    )
    structure = LinearModel(linear.n_joints, tuple(linear.kinds.tolist()))
    stride = replace(config.recipe, model="physical").sampling().stride
    return Before.fitted(arms, spec, base.phi, structure, stride)


def _arms(config: TouchedTraining, robot: str, kind: Kind) -> TouchedArms:
    simulated = TouchedConfig(robot=robot, contacts=ContactConfig(kind=kind), memory=config.memory)
    return simulate_touched(simulated, config.n_arms, SIMULATION_SEED + KINDS.index(kind))
