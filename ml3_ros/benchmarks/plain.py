# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Benchmark models and losses as plain PyTorch modules, for a loop with `higher`."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from ml3_ros.core.types import Batch


class OnX(nn.Sequential):
    """Layers on batch["x"]."""

    def forward(self, batch: Batch) -> Tensor:
        """Return the prediction (B, k)."""
        prediction = batch["x"]
        for layer in self:
            prediction = layer(prediction)
        return prediction


def layers(
    sizes: tuple[int, ...],
    activation: type[nn.Module],
    *,
    hidden_bias: bool = True,
    output_bias: bool = True,
) -> list[nn.Module]:
    """Return linear layers with activations between them."""
    last = len(sizes) - 2
    modules: list[nn.Module] = []
    for i, (n_in, n_out) in enumerate(pairwise(sizes)):
        modules.append(nn.Linear(n_in, n_out, bias=output_bias if i == last else hidden_bias))
        modules += [activation()] if i < last else []
    return modules


def perceptron(sizes: tuple[int, ...], activation: type[nn.Module]) -> nn.Module:
    """Return y = MLP(x)."""
    return OnX(*layers(sizes, activation))


class PlainSinusoid(nn.Module):
    """y = sin(omega x)."""

    def __init__(self) -> None:
        super().__init__()
        self.omega = nn.Parameter(torch.zeros(1))

    def reset_parameters(self) -> None:
        """Draw a first guess."""
        nn.init.uniform_(self.omega, -5.0, 5.0)

    def forward(self, batch: Batch) -> Tensor:
        """Return the prediction (B, 1)."""
        return torch.sin(self.omega * batch["x"])


class PlainInverseDynamics(nn.Module):
    """tau = M_theta(q) a, M_theta a free 7 x 7 matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(*layers((14, 64, 64, 49), nn.Tanh))

    def forward(self, batch: Batch) -> Tensor:
        """Return torques (B, 7)."""
        q = batch["q"]
        inertia = self.net(torch.cat([q.sin(), q.cos()], -1)).unflatten(-1, (7, 7))
        torque: Tensor = inertia @ batch["a"].unsqueeze(-1)
        return torque.squeeze(-1)


class PlainLoss(nn.Module):
    """softplus(MLP([target, prediction, context])), averaged."""

    def __init__(
        self,
        target: str,
        context: tuple[str, ...],
        sizes: tuple[int, ...],
        activation: type[nn.Module] = nn.ELU,
        *,
        hidden_bias: bool = True,
    ) -> None:
        super().__init__()
        self.target, self.context = target, context
        net = layers(sizes, activation, hidden_bias=hidden_bias, output_bias=False)
        self.net = nn.Sequential(*net)

    def forward(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Return the loss () of a prediction (B, k)."""
        inputs = [batch[self.target], prediction, *(batch[name] for name in self.context)]
        return nn.functional.softplus(self.net(torch.cat(inputs, -1))).mean()
