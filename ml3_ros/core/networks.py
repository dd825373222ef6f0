# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Networks as pure functions of their parameters, for one model or for a whole batch of models."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from ml3_ros.core.checks import is_whole, quoted
from ml3_ros.core.draws import Source, n_seeds, rand
from ml3_ros.core.types import Batch, Params, scoped
from ml3_ros.errors import ConfigError

MAX_LAYERS = 16
MAX_WEIGHTS = 2**24  # both bound what a description from outside can make us allocate
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "elu": nn.functional.elu,
    "relu": torch.relu,
}


class Structure(nn.Module):
    """A module that lends its structure: its parameters come in as an argument."""

    def init(self, generator: Source, lead: tuple[int, ...] = ()) -> Params:
        """Return fresh random parameters, each with the leading dimensions `lead`."""
        raise NotImplementedError

    def declare(self, like: Params) -> None:
        """Register parameters of the shapes in `like` (names without dots)."""
        for name, value in like.items():
            self.register_parameter(name, nn.Parameter(value))


class FunctionalModule(Structure):
    """A network as a pure function of its parameters and inputs; optimizees are such networks.

    `call(params, *inputs)` neither reads nor changes the module's own parameters, and accepts
    parameters with leading dimensions (one model per task and seed). `forward` uses the module's
    own parameters, so that any other tool for `nn.Module` works on it too.
    """

    def call(self, params: Params, *inputs: Any) -> Tensor:
        """Evaluate the module with `params`."""
        raise NotImplementedError

    def forward(self, *inputs: Any) -> Tensor:
        """Evaluate the module with its own parameters."""
        return self.call(dict(self.named_parameters()), *inputs)

    def experience(self, params: Params, batch: Batch) -> Batch:
        """Return what an inner step observes; more than `batch` where the model acts for itself.

        No gradient flows through it.
        """
        return batch

    def mini_batches(self, batch: Batch) -> tuple[Batch, ...]:
        """Return what was observed in parts: an inner step makes one update on each."""
        return (batch,)

    def roles(self) -> dict[str, str]:
        """Return what each parameter is, by name, in words that fit other depths and widths too.

        Step sizes are learned for a role, for instance "hidden.weight", not for a tensor.
        """
        raise NotImplementedError

    def fan_in(self) -> dict[str, int]:
        """Return how many inputs a weight has, by name, where that is the width of a layer.

        Adam needs smaller steps for the weights behind a wider layer.
        """
        return {}


@dataclass(frozen=True, slots=True)
class BoundModel:
    """A module with its parameters: a model as a loss sees it, which returns its predictions."""

    optimizee: FunctionalModule
    theta: Params  # each (*lead, *shape)

    def __call__(self, batch: Batch) -> Tensor:
        """Return the prediction (*lead, B, k)."""
        return self.optimizee.call(self.theta, batch)


class Mlp(FunctionalModule):
    """Multi-layer perceptron; weights are (in, out), uniform in +-1/sqrt(in) as torch's default.

    Args:
        sizes: Width of the input, of each hidden layer and of the output.
        activation: Nonlinearity between layers: "tanh", "elu" or "relu".
        output_scale: Factor on the output layer's initial weights; small ones start the model
            near zero, which helps every learner; 0 starts exactly there.
        output_bias: Whether the last layer has a bias. The value of a loss has none: its
            gradient with respect to the predictions would be zero.
    """

    def __init__(
        self,
        sizes: tuple[int, ...],
        *,
        activation: str = "tanh",
        output_scale: float = 1.0,
        output_bias: bool = True,
    ) -> None:
        super().__init__()
        whole = len(sizes) <= MAX_LAYERS and all(is_whole(n) and n >= 1 for n in sizes)
        if not whole or sum(a * b for a, b in pairwise(sizes)) > MAX_WEIGHTS:
            raise ConfigError(
                f"layer sizes {quoted(sizes)}: use at most {MAX_LAYERS}, whole numbers >= 1, with "
                f"at most {MAX_WEIGHTS} weights in all"
            )
        if not isinstance(activation, str) or activation not in ACTIVATIONS:
            raise ConfigError(
                f"no activation {quoted(activation)}: use one of {', '.join(ACTIVATIONS)}"
            )
        self.sizes = sizes
        self.activation = ACTIVATIONS[activation]
        self.output_scale = output_scale
        self.output_bias = output_bias
        self.n_layers = len(sizes) - 1
        self._layout = self._describe()
        self._sizes = [math.prod(shape) for _, shape, _ in self._layout]
        self.declare(self.init(torch.Generator().manual_seed(0)))

    def _describe(self) -> list[tuple[str, tuple[int, ...], float]]:
        """Return name, shape and initial bound of every parameter, in the order of drawing."""
        layout: list[tuple[str, tuple[int, ...], float]] = []
        for i, (n_in, n_out) in enumerate(pairwise(self.sizes)):
            last = i == self.n_layers - 1
            bound = (self.output_scale if last else 1.0) / math.sqrt(n_in)
            layout.append((f"weight_{i}", (n_in, n_out), bound))
            if not last or self.output_bias:
                layout.append((f"bias_{i}", (n_out,), bound))
        return layout

    def init(self, generator: Source, lead: tuple[int, ...] = ()) -> Params:
        """Return fresh parameters `weight_i` (*lead, in, out) and `bias_i` (*lead, out)."""
        # one draw for all: this runs at every restart of every model
        seeds = n_seeds(generator)
        each = math.prod(lead) // seeds
        flat = rand(generator, seeds, each * sum(self._sizes)).mul_(2.0).sub_(1.0)
        pieces = flat.split_with_sizes([each * size for size in self._sizes], 1)
        return {
            name: piece.mul_(bound).reshape(*lead, *shape)
            for piece, (name, shape, bound) in zip(pieces, self._layout, strict=True)
        }

    def roles(self) -> dict[str, str]:
        """Return "input", "hidden" or "output" of the layer, with ".weight" or ".bias"."""
        last = self.n_layers - 1
        layers = ["hidden"] * self.n_layers
        layers[0] = "input"
        layers[last] = "output"  # also where it is the only one
        names = (name for name, _ in self.named_parameters())
        return {name: f"{layers[int(name.split('_')[1])]}.{name.split('_')[0]}" for name in names}

    def fan_in(self) -> dict[str, int]:
        """Return the inputs of the weights behind the first layer."""
        return {f"weight_{i}": self.sizes[i] for i in range(1, self.n_layers)}

    def call(self, params: Params, x: Tensor) -> Tensor:
        """Map x (*lead, B, in) to (*lead, B, out)."""
        for i in range(self.n_layers):
            x = linear(x, params[f"weight_{i}"], params.get(f"bias_{i}"))
            if i < self.n_layers - 1:
                x = self.activation(x)
        return x


class PerceptronModel(FunctionalModule):
    """An optimizee around one perceptron `net`: a subclass says what goes into it and comes out.

    Its parameters are those of `net`, with that name before theirs.
    """

    net: Mlp

    def init(self, generator: Source, lead: tuple[int, ...] = ()) -> Params:
        """Return fresh parameters."""
        return {f"net.{k}": p for k, p in self.net.init(generator, lead).items()}

    def roles(self) -> dict[str, str]:
        """Return the role of every parameter in its layer."""
        return {f"net.{k}": role for k, role in self.net.roles().items()}

    def fan_in(self) -> dict[str, int]:
        """Return the inputs of the weights behind the first layer."""
        return {f"net.{k}": n for k, n in self.net.fan_in().items()}

    def mapped(self, params: Params, x: Tensor) -> Tensor:
        """Map x (*lead, B, in) to (*lead, B, out)."""
        return self.net.call(scoped(params, "net"), x)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return x @ weight + bias: x (*lead, B, in), weight (*lead, in, out), bias (*lead, out)."""
    if x.dim() > 2 and x.dim() == weight.dim() and weight.shape[-3] == 1 < x.shape[-3]:
        # one loss for several models: their rows are one larger product, not several small ones
        rows = linear(
            x.flatten(-3, -2), weight.squeeze(-3), None if bias is None else bias.squeeze(-2)
        )
        return rows.reshape((*x.shape[:-1], weight.shape[-1]))
    if bias is None:
        return x @ weight
    if weight.dim() == 2 and x.dim() == 2:
        return torch.addmm(bias, x, weight)
    if weight.dim() == 3 and x.dim() == 3 and x.shape[0] == weight.shape[0]:
        return torch.baddbmm(bias.unsqueeze(-2), x, weight)
    return x @ weight + bias.unsqueeze(-2)
