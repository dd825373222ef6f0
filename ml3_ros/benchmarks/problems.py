# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Benchmark problems: each as a task family for our engine and as modules for `higher`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ml3_ros.benchmarks.mountain_car import CarFamily, PlainDriver, distance
from ml3_ros.benchmarks.plain import PlainInverseDynamics, PlainLoss, PlainSinusoid, perceptron
from ml3_ros.core.losses.spec import InputSpec, LossSpec
from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.outer.family import TaskFamily
from ml3_ros.core.types import Batch, Extra
from ml3_ros.learners.inverse_dynamics.net import InverseDynamicsNet
from ml3_ros.learners.inverse_dynamics.sampling import SamplingConfig
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.tasks.inverse_dynamics.family import InverseDynamicsFamily
from ml3_ros.tasks.inverse_dynamics.recordings import Recordings
from ml3_ros.tasks.sine.frequency import FrequencyFamily, FrequencyTasks, Sinusoid
from ml3_ros.tasks.sine.regression import (
    META_TRAIN,
    Regressor,
    SineRegressionFamily,
    SineTasks,
)

FOREVER = 10**9  # outer steps: step sizes do not change while they are measured
N_JOINTS = 7


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One row of the table.

    Attributes:
        family, spec, config: What our trainer is given.
        model: Makes the optimizee as a plain module, called with a batch without leading
            dimensions.
        loss: Makes the loss as a plain module, called with prediction and batch.
        task_loss: (plain model, batch, extra) -> task loss ().
        many: Target for 64 seeds, as a ratio of seeds x iterations per CPU second.
    """

    family: TaskFamily
    spec: LossSpec
    config: MetaTrainConfig
    model: Callable[[], nn.Module]
    loss: Callable[[], nn.Module]
    task_loss: Callable[[Any, Batch, Extra], Tensor]
    many: float = 20.0


def _spec(
    target: str, size: int, context: tuple[str, ...], lr: float, **options: object
) -> LossSpec:
    def spec(name: str, n: int) -> InputSpec:
        return InputSpec(name=name, unit="", scale=(1.0,) * n)

    return LossSpec(
        architecture="mlp",
        target=spec(target, size),
        context=tuple(spec(name, size) for name in context),
        options=dict(options),
        inner_lr=lr,
    )


def _config(**settings: Any) -> MetaTrainConfig:
    """Return settings that all problems share, with others."""
    common = {"n_outer_steps": FOREVER, "unroll": 1, "log_task_loss": False}
    return MetaTrainConfig(**{**common, **settings})


def sine_regression() -> Problem:
    """One inner step of 1-100-10-1 on 100 points under 2-50-50-1, ReLU without biases."""
    tasks = SineTasks.draw(META_TRAIN, 1, torch.Generator().manual_seed(0))
    return Problem(
        family=SineRegressionFamily(Regressor((100, 10)), tasks),
        spec=_spec("y", 1, (), 1e-3, hidden=(50, 50), homogeneous=True),
        config=_config(n_tasks=1, horizon=1, outer_lr=1e-3),
        model=lambda: perceptron((1, 100, 10, 1), nn.ReLU),
        loss=lambda: PlainLoss("y", (), (2, 50, 50, 1), nn.ReLU, hidden_bias=False),
        task_loss=lambda model, batch, extra: nn.functional.mse_loss(model(batch), batch["y"]),
    )


def shaped_sine() -> Problem:
    """4 tasks, reset after 10 inner steps; an outer step after each; loss 3-10-10-10-1."""
    generator = torch.Generator().manual_seed(0)
    family = FrequencyFamily(Sinusoid(), FrequencyTasks.random(1000, generator))
    return Problem(
        family=family,
        spec=_spec("y", 1, ("x",), 1.0, hidden=(10, 10, 10)),
        config=_config(n_tasks=4, horizon=10, outer_lr=3e-3, weights=(("frequency", 1.0),)),
        model=PlainSinusoid,
        loss=lambda: PlainLoss("y", ("x",), (3, 10, 10, 10, 1)),
        task_loss=lambda model, batch, extra: (model.omega - extra["nu"]).square().mean(),
        many=40.0,
    )


def mountain_car(horizon: int = 35, width: int = 400) -> Problem:
    """Two rollouts of 35 steps, policy 2-200-1, loss 4-400-400-1."""
    return Problem(
        family=CarFamily(horizon),
        spec=_spec("goal", 2, (), 1e-3, hidden=(width, width)),
        config=_config(n_tasks=1, horizon=1, outer_lr=1e-3),
        model=lambda: PlainDriver(horizon),
        loss=lambda: PlainLoss("goal", (), (4, width, width, 1)),
        task_loss=lambda model, batch, extra: distance(model(batch)),
    )


def invdyn_sawyer() -> Problem:
    """One inner step of an inertia network 14-64-64-49 for 7 joints, 4 tasks of 32 samples."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:  # the engines do not care which robot it is
        return torch.randn(8, 400, *shape, generator=generator)

    recordings = Recordings(
        q=draw(N_JOINTS),
        v=draw(N_JOINTS),
        a=draw(N_JOINTS),
        tau=draw(N_JOINTS),
        nle=draw(N_JOINTS),
        n_support=300,
    )
    ones = (1.0,) * N_JOINTS
    names = tuple(f"j{i}" for i in range(N_JOINTS))
    units = Units(joint_names=names, velocity=ones, acceleration=ones, effort=ones)
    net = InverseDynamicsNet(units, nle="given")
    family = InverseDynamicsFamily(net, recordings, SamplingConfig(batch_size=32, query_size=64))

    def task_loss(model: nn.Module, batch: Batch, extra: Extra) -> Tensor:
        mean_square: Tensor = (model(batch) - batch["tau_inertial"]).square().mean(0)
        return (mean_square + 1e-8).log().mean().exp()

    return Problem(
        family=family,
        spec=_spec("tau_inertial", N_JOINTS, ("a",), 1e-2, hidden=(40, 40)),
        config=_config(n_tasks=4, horizon=100),
        model=PlainInverseDynamics,
        loss=lambda: PlainLoss("tau_inertial", ("a",), (3 * N_JOINTS, 40, 40, 1)),
        task_loss=task_loss,
    )


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "sine_regression": sine_regression,
    "shaped_sine": shaped_sine,
    "mountain_car": mountain_car,
    "invdyn_sawyer": invdyn_sawyer,
}
