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
from ml3_ros.learners.inverse_dynamics.net import INERTIA_FORMS, InverseDynamicsNet
from ml3_ros.learners.inverse_dynamics.residual_net import ResidualNet
from ml3_ros.learners.inverse_dynamics.reweighted_fit import PASSES
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.tasks.touched.before import Before
from ml3_ros.tasks.touched.families import TARGET, RunSampling, TouchedFamily
from ml3_ros.tasks.touched.linear_arm import DISPLACEMENTS, PARAMETER_KINDS, LinearArm
from ml3_ros.tasks.touched.simulated import TouchedArms

Model = Literal["physical", "network_on_model", "network"]
WINDOWS = (0.1, 0.3, 1.0, 3.0)  # over which residuals are averaged [s]
PULL = 0.01  # of the linear model to the description, per sample, before it is learned
STEP_SIZE = 0.003  # of Adam


@dataclass(frozen=True, kw_only=True, slots=True)
class TouchedRecipe:
    """One way to meta-train a loss for touched arms.

    Attributes:
        model: "physical", a linear model in closed form; "network_on_model", a network for what
            that leaves; or "network", without any model of the arm.
        shaped: Whether the task loss looks at torque without contacts.
        n_outer_steps: Updates of phi.
        n_tasks: Models trained at once under each loss.
        rate: Samples per second of the recordings [Hz].
        horizon: Inner steps after which a network is reset.
    """

    model: Model = "physical"
    shaped: bool = True
    n_outer_steps: int = 150
    n_tasks: int = 6
    rate: float = 50.0
    horizon: int = 300

    def sampling(self) -> RunSampling:
        """Return how recordings become batches."""
        if self.model == "physical":
            return RunSampling(n_runs=0, stride=2)
        return RunSampling()

    def optimizee(self, units: Units, robot: str, linear: LinearArm) -> FunctionalModule:
        """Return the model that learns."""
        if self.model == "physical":
            return LinearModel(units.n_joints, tuple(linear.kinds.tolist()))
        if self.model == "network":
            return InverseDynamicsNet(units, inertia=INERTIA_FORMS.get(robot, "full"))
        return ResidualNet(units, len(DISPLACEMENTS))

    def loss_spec(self, units: Units) -> LossSpec:
        """Return the loss that is learned."""
        sampling = self.sampling()
        options: dict[str, Any] = {"spacing": sampling.stride / self.rate, "windows": WINDOWS}
        rule: dict[str, Any] = {"inner_optimizer": "adam", "inner_lr": STEP_SIZE}
        if self.model == "physical":
            options |= {"groups": len(PARAMETER_KINDS), "pull": PULL}
            rule = {"inner_optimizer": LEAST_SQUARES}
        else:
            options["run"] = sampling.length
        names = units.joint_names
        context = [InputSpec(name="v", unit="rad/s", scale=(1.0,) * len(names), labels=names)]
        if self.model == "network_on_model":
            trust = InputSpec(name="trust", unit="-", scale=(2.0,) * len(names), labels=names)
            context.append(trust)
        return LossSpec(
            architecture="weighted",
            target=InputSpec(name=TARGET, unit="N m", scale=units.effort, labels=names),
            context=tuple(context),
            options=options,
            **rule,
        )

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
        return MetaTrainConfig(
            unroll=8, horizon=self.horizon, restart="staggered", outer_lr=5e-3, **common
        )

    def trainer(
        self,
        family: TouchedFamily,
        units: Units,
        seeds: tuple[int, ...],
        engine: Engine = AUTOGRAD,
    ) -> MetaTrainer:
        """Return the trainer of one loss per seed."""
        return MetaTrainer(
            family, self.loss_spec(units), self.meta_training(), seeds, engine=engine
        )


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
