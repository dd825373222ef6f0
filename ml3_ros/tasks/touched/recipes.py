# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recipes for losses of touched arms: which model learns, under which weights, trained how."""

from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.core.linear_model import LinearModel
from ml3_ros.core.losses.spec import LEAST_SQUARES, InputSpec, LossSpec
from ml3_ros.core.networks import FunctionalModule
from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.errors import ConfigError
from ml3_ros.learners.inverse_dynamics.net import INERTIA_FORMS, InverseDynamicsNet
from ml3_ros.learners.inverse_dynamics.residual_net import ResidualNet
from ml3_ros.learners.inverse_dynamics.reweighted_fit import PASSES
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.robots.linear.arm import DISPLACEMENTS, PARAMETER_KINDS, LinearArm
from ml3_ros.tasks.touched.before import Before
from ml3_ros.tasks.touched.families import TARGET, RunSampling, TouchedFamily
from ml3_ros.tasks.touched.simulated import TouchedArms

Model = Literal["physical", "network_on_model", "network"]
WINDOWS = (0.1, 0.3, 1.0, 3.0)  # over which residuals are averaged [s]
PULL = 0.01  # of the linear model to the description, per sample, before it is learned
SHORTEST = 1.0  # stream that a linear model learns from [s]
PRIOR = 500  # samples that its pull is worth on a stream


@dataclass(frozen=True, kw_only=True, slots=True)
class Descent:
    """How networks descend on a loss: by Adam, whose step sizes are learned together with it.

    Attributes:
        step_size: What they begin at.
        knots: Numbers of steps between which they change; training ends at the last.
        unroll: Inner steps between updates of phi.
        outer_lr: Of the weights of residuals.
        outer_lr_steps: Of the step sizes.
    """

    step_size: float
    knots: tuple[float, ...]
    unroll: int
    outer_lr: float
    outer_lr_steps: float

    @property
    def n_steps(self) -> int:
        """Number of steps that a network makes."""
        return round(self.knots[-1])


DESCENTS: dict[Model, Descent] = {
    "network_on_model": Descent(
        step_size=3e-3,
        knots=(0.0, 20.0, 60.0, 200.0),
        unroll=8,
        outer_lr=1e-2,
        outer_lr_steps=5e-3,
    ),
    # one that was trained on other arms is soon at its best on 20 s of this one
    "network": Descent(
        step_size=1e-3,
        knots=(0.0, 5.0, 15.0, 40.0),
        unroll=10,
        outer_lr=5e-3,
        outer_lr_steps=2e-2,
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class TouchedRecipe:
    """One way to meta-train a loss for touched arms.

    Attributes:
        model: "physical", a linear model in closed form; "network_on_model", a network for what
            that leaves; or "network", without any model of the arm.
        shaped: Whether the task loss looks at torque without contacts.
        weighted: Whether residuals are weighted; if not, a network's step sizes alone are learned,
            on the squared error.
        n_outer_steps: Updates of phi.
        n_tasks: Models trained at once under each loss.
        rate: Samples per second of the recordings [Hz].
        stream: Whether a linear model learns at any time of a recording, from what has come so
            far, as on a stream; else from all of it.
    """

    model: Model = "physical"
    shaped: bool = True
    weighted: bool = True
    n_outer_steps: int = 150
    n_tasks: int = 6
    rate: float = 50.0
    stream: bool = False

    def __post_init__(self) -> None:
        if self.model == "physical" and not self.weighted:
            raise ConfigError("a linear model has no step sizes: learn weights, or take a network")
        if self.stream and self.model != "physical":
            raise ConfigError('stream is for model "physical"')

    def sampling(self) -> RunSampling:
        """Return how recordings become batches."""
        if self.model == "physical":
            shortest = round(SHORTEST * self.rate) if self.stream else 0
            return RunSampling(n_runs=0, stride=2, shortest=shortest)
        return RunSampling()

    def optimizee(self, units: Units, robot: str, linear: LinearArm) -> FunctionalModule:
        """Return the model that learns."""
        if self.model == "physical":
            return LinearModel(units.n_joints, tuple(linear.kinds.tolist()))
        if self.model == "network":
            return InverseDynamicsNet(units, inertia=INERTIA_FORMS.get(robot, "full"))
        return ResidualNet(units, len(DISPLACEMENTS))

    def loss_spec(self, units: Units, optimizee: FunctionalModule) -> LossSpec:
        """Return the loss that is learned, for models such as `optimizee`."""
        target = InputSpec(name=TARGET, unit="N m", scale=units.effort, labels=units.joint_names)
        rule = self._update_rule(optimizee)
        if not self.weighted:
            return LossSpec(architecture="squared_error", target=target, **rule)
        sampling = self.sampling()
        options: dict[str, Any] = {"spacing": sampling.stride / self.rate, "windows": WINDOWS}
        if self.model == "physical":
            options |= {"groups": len(PARAMETER_KINDS), "pull": PULL}
            if self.stream:
                options["prior"] = PRIOR
        else:
            options["run"] = sampling.length
        names = units.joint_names
        context = [InputSpec(name="v", unit="rad/s", scale=(1.0,) * len(names), labels=names)]
        if self.model == "network_on_model":
            trust = InputSpec(name="trust", unit="-", scale=(2.0,) * len(names), labels=names)
            context.append(trust)
        return LossSpec(
            architecture="weighted",
            target=target,
            context=tuple(context),
            options=options,
            **rule,
        )

    def _update_rule(self, optimizee: FunctionalModule) -> dict[str, Any]:
        if self.model == "physical":
            return {"inner_optimizer": LEAST_SQUARES}
        descent = DESCENTS[self.model]
        return {
            "inner_optimizer": "scheduled_adam",
            "inner_lr": descent.step_size,
            "roles": tuple(sorted(set(optimizee.roles().values()))),
            "knots": descent.knots,
        }

    def meta_training(self) -> MetaTrainConfig:
        """Return the configuration of Algorithm 1."""
        common: dict[str, Any] = {
            "n_outer_steps": self.n_outer_steps,
            "n_tasks": self.n_tasks,
            "weights": (("free" if self.shaped else "task", 1.0),),
        }
        if self.model == "physical":
            # a step's residuals are numbers to the next one, so each has to be good by itself
            return MetaTrainConfig(
                unroll=PASSES, horizon=PASSES, outer_lr=1e-2, outer_every_step=True, **common
            )
        descent = DESCENTS[self.model]
        return MetaTrainConfig(
            unroll=descent.unroll,
            horizon=descent.n_steps,
            restart="staggered",
            outer_lr=descent.outer_lr,
            outer_lr_steps=descent.outer_lr_steps,
            **common,
        )

    def trainer(
        self,
        family: TouchedFamily,
        units: Units,
        seeds: tuple[int, ...],
        engine: Engine = AUTOGRAD,
    ) -> MetaTrainer:
        """Return the trainer of one loss per seed."""
        spec = self.loss_spec(units, family.optimizee)
        return MetaTrainer(family, spec, self.meta_training(), seeds, engine=engine)


def units_of(arms: TouchedArms, before: Before, names: tuple[str, ...]) -> Units:
    """Return the scales of what models of some arms learn, from what they learn from."""
    rows = slice(0, arms.n_support)
    target = (arms.tau - before.torque)[:, rows]
    # a few hard contacts shall not decide what a usual torque is
    typical = target.square().mean(1).sqrt().median(0).values

    def numbers(x: Tensor) -> tuple[float, ...]:
        return tuple(float(f"{value:.6g}") for value in x.clamp_min(1e-6).tolist())

    return Units(
        joint_names=names,
        velocity=numbers(arms.v[:, rows].flatten(0, 1).std(0)),
        acceleration=numbers(arms.a[:, rows].flatten(0, 1).std(0)),
        effort=numbers(typical),
    )
