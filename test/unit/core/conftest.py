# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A small regression problem, batched over tasks, that all tests of the learning core share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from ml3_ros.core.checkpoints import restore_trainer, trainer_to_bytes
from ml3_ros.core.draws import Source, rand, randint
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.losses.spec import InputSpec, LossSpec
from ml3_ros.core.networks import FunctionalModule, Mlp
from ml3_ros.core.types import Batch, Extra, Params
from ml3_ros.errors import DataError


class Regressor(FunctionalModule):
    """y = Mlp(x), with one hidden layer: second derivatives matter."""

    def __init__(self, n_in: int = 2, n_out: int = 2, hidden: int = 4) -> None:
        super().__init__()
        self.net = Mlp((n_in, hidden, n_out))

    def init(self, generator: Source, lead: tuple[int, ...] = ()) -> Params:
        return {f"net.{k}": p for k, p in self.net.init(generator, lead).items()}

    def roles(self) -> dict[str, str]:
        return {f"net.{k}": role for k, role in self.net.roles().items()}

    def call(self, params: Params, batch: Batch) -> Tensor:
        return self.net.call({k.removeprefix("net."): p for k, p in params.items()}, batch["x"])


@dataclass
class SineFamily:
    """Fit (A sin x0, A x1): a task is a row of amplitudes A."""

    optimizee: Regressor
    amplitudes: Tensor

    def sample(self, n: int, generator: Source) -> Tensor:
        return randint(generator, 0, len(self.amplitudes), n)

    def init(self, tasks: Tensor, generator: Source) -> Params:
        return self.optimizee.init(generator, (len(tasks),))

    def support(self, tasks: Tensor, ages: Tensor, generator: Source) -> Batch:
        assert ages.shape == tasks.shape
        x = 4.0 * rand(generator, len(tasks), 8, 2) - 2.0
        y = torch.stack((x[..., 0].sin(), x[..., 1]), -1) * self.amplitudes[tasks, None, None]
        return {"x": x, "y": y}

    def query(self, tasks: Tensor, ages: Tensor, generator: Source) -> tuple[Batch, Extra]:
        return self.support(tasks, ages, generator), {}

    def task_losses(self, theta: Params, batch: Batch, extra: Extra) -> dict[str, Tensor]:
        error = self.optimizee.call(theta, batch) - batch["y"]
        return {"task": error.square().mean((-2, -1))}


@pytest.fixture
def float64():
    """Everything made in the test is float64."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def regressor():
    return Regressor()


@pytest.fixture
def family(regressor):
    return SineFamily(regressor, torch.tensor([0.5, 1.0, 1.5, 2.0]))


def _spec(architecture: str, **rest: Any) -> LossSpec:
    options = {} if architecture == "squared_error" else {"hidden": (4,)}
    return LossSpec(
        architecture=architecture,
        target=InputSpec(name="y", unit="N m", scale=(2.0, 0.5), labels=("j0", "j1")),
        context=(InputSpec(name="x", unit="rad", scale=(1.0, 3.0), labels=("j0", "j1")),),
        **{"options": options, "inner_lr": 0.1, **rest},
    )


@pytest.fixture
def make_spec():
    """Describe a small loss on the family's batches, by the name of its architecture."""
    return _spec


@pytest.fixture
def random_phi():
    """Draw parameters of a loss that are neither zero nor the squared error."""

    def draw(
        spec: LossSpec, seed: int = 0, lead: tuple[int, ...] = (), size: float = 0.5
    ) -> Params:
        generator = torch.Generator().manual_seed(seed)
        fresh = spec.init_phi(generator, lead)
        noise = {k: torch.randn(p.shape, generator=generator) for k, p in fresh.items()}
        return {k: p + size * noise[k] for k, p in fresh.items()}

    return draw


@pytest.fixture
def loss(make_spec, random_phi):
    """A structured loss that somebody trained."""
    spec = make_spec("structured")
    provenance = {"task_family": "inverse_dynamics", "seed": 3, "metrics": [0.5]}
    return LearnedLoss(spec=spec, phi=random_phi(spec), provenance=provenance)


@pytest.fixture
def goes_on():
    """Return a check: a trainer goes on from a checkpoint, and one of another run rejects it."""

    def check(make, other):
        first, second = make(), make()
        first.step()
        restore_trainer(second, trainer_to_bytes(first))
        first.step(), second.step()
        assert all(torch.equal(p, second.phi[k]) for k, p in first.phi.items())
        with pytest.raises(DataError, match="another run"):
            restore_trainer(other, trainer_to_bytes(first))

    return check
