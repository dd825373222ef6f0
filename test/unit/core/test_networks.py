# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Functional networks: the same function for one model, many models, and as an `nn.Module`."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import nn

from ml3_ros.core.networks import MAX_LAYERS, MAX_WEIGHTS, Mlp, linear
from ml3_ros.core.types import scoped
from ml3_ros.errors import ConfigError


@pytest.mark.parametrize(
    ("activation", "layer"), [("tanh", nn.Tanh()), ("elu", nn.ELU()), ("relu", nn.ReLU())]
)
def test_mlp_equals_a_torch_network(float64, activation, layer):
    mlp = Mlp((3, 5, 4, 2), activation=activation)
    params = mlp.init(torch.Generator().manual_seed(1))
    twin = nn.Sequential(nn.Linear(3, 5), layer, nn.Linear(5, 4), layer, nn.Linear(4, 2))
    linears = [module for module in twin if isinstance(module, nn.Linear)]
    with torch.no_grad():
        for i, module in enumerate(linears):
            module.weight.copy_(params[f"weight_{i}"].mT)
            module.bias.copy_(params[f"bias_{i}"])
    x = torch.randn(7, 3)
    torch.testing.assert_close(mlp.call(params, x), twin(x))


@pytest.mark.parametrize("lead", [(), (3,), (2, 3)])
@pytest.mark.parametrize("output_bias", [True, False])
def test_many_models_equal_one_by_one(float64, lead, output_bias):
    mlp = Mlp((3, 5, 2), output_bias=output_bias)
    params = mlp.init(torch.Generator().manual_seed(1), lead)
    x = torch.randn(*lead, 6, 3)
    together = mlp.call(params, x)
    assert together.shape == (*lead, 6, 2)
    for at in itertools.product(*map(range, lead)):
        alone = mlp.call({k: p[at] for k, p in params.items()}, x[at])
        torch.testing.assert_close(together[at], alone)


def test_one_model_per_seed_serves_all_tasks(float64):
    mlp = Mlp((3, 5, 2))
    params = mlp.init(torch.Generator().manual_seed(1), (2, 1))
    x = torch.randn(2, 4, 6, 3)
    expected = mlp.call({k: p.expand(2, 4, *p.shape[2:]) for k, p in params.items()}, x)
    torch.testing.assert_close(mlp.call(params, x), expected)


@pytest.mark.parametrize("lead", [(), (3,), (2, 3)])
def test_linear_is_the_affine_map(float64, lead):
    x, weight, bias = torch.randn(*lead, 5, 3), torch.randn(*lead, 3, 2), torch.randn(*lead, 2)
    product = torch.einsum("...bi,...ij->...bj", x, weight)
    torch.testing.assert_close(linear(x, weight, bias), product + bias.unsqueeze(-2))
    torch.testing.assert_close(linear(x, weight, None), product)


def test_init_is_that_of_torch_and_follows_the_generator():
    mlp = Mlp((400, 300, 100), output_scale=0.1)
    params = mlp.init(torch.Generator().manual_seed(1))
    again = mlp.init(torch.Generator().manual_seed(1))
    other = mlp.init(torch.Generator().manual_seed(2))
    for k, p in params.items():
        bound = (0.1 if k.endswith("1") else 1.0) / math.sqrt(p.shape[0] if p.dim() == 2 else 400)
        if k != "bias_1":
            assert 0.9 * bound < float(p.abs().max()) <= bound
        assert torch.equal(p, again[k])
        assert not torch.equal(p, other[k])
    many = mlp.init(torch.Generator().manual_seed(1), (2,))
    assert not torch.equal(many["weight_0"][0], many["weight_0"][1])


def test_output_scale_zero_starts_at_zero():
    mlp = Mlp((3, 5, 2), output_scale=0.0)
    assert not mlp.call(mlp.init(torch.Generator()), torch.randn(4, 3)).any()


def test_forward_uses_own_parameters_and_call_does_not():
    mlp = Mlp((3, 5, 2))
    x = torch.randn(4, 3)
    own = dict(mlp.named_parameters())
    assert torch.equal(mlp(x), mlp.call(own, x))
    params = mlp.init(torch.Generator().manual_seed(5))
    before = mlp.call(params, x)
    with torch.no_grad():
        for p in mlp.parameters():
            p.fill_(math.nan)
    assert torch.equal(mlp.call(params, x), before)


@pytest.mark.parametrize(
    "sizes",
    [(0, 2), (3, 0, 2), (3, -1, 2), (3, 10**15, 2), (MAX_WEIGHTS + 1, 1), (2,) * (MAX_LAYERS + 1)],
)
def test_sizes_from_outside_are_bounded(sizes):
    with pytest.raises(ConfigError, match="layer sizes"):
        Mlp(sizes)


def test_scoped_takes_one_submodule():
    a, b, c = torch.zeros(1), torch.ones(1), torch.ones(2)
    assert scoped({"net.a": a, "net.sub.b": b, "net2.a": c, "a": c}, "net") == {"a": a, "sub.b": b}
