# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recorded, compiled and piecewise steps give the results of plain autograd."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from ml3_ros.core.engine.engine import Engine, record
from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.errors import ConfigError

CONFIG = MetaTrainConfig(n_outer_steps=5, n_tasks=2, unroll=2, horizon=4, outer_lr=3e-2)
EARLY = {"outer_every_step": True, "outer_early": True, "restart": "staggered"}
cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@pytest.fixture
def train(family, make_spec):
    """Return phi, theta and the task losses of a short run under an engine."""

    def run(engine, config=CONFIG, architecture="mlp", **rest):
        spec = make_spec(architecture, **rest)
        trainer = MetaTrainer(family, spec, config, (0, 5), engine=engine)
        losses = torch.stack([trainer.step().task_loss.cpu() for _ in range(config.n_outer_steps)])
        tensors = {**trainer.phi, **{f"theta.{k}": p for k, p in trainer.models.theta.items()}}
        return {"losses": losses} | {k: p.detach().cpu() for k, p in tensors.items()}

    return run


def assert_same(found, expected, rtol):
    assert found.keys() == expected.keys()
    for k, p in expected.items():
        assert float((found[k] - p).norm()) <= rtol * float(p.norm()), k


ENGINES = [Engine(kind="replayed"), Engine(segment=1), Engine(kind="replayed", segment=1)]
RUNS = [
    ("mlp", {"inner_optimizer": "sgd"}, {}),
    ("mlp", {"inner_optimizer": "sgd", "momentum": 0.7}, {}),
    ("structured", {"inner_optimizer": "adam"}, EARLY),
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("architecture", "rule", "schedule"), RUNS)
def test_every_engine_gives_the_same_run(float64, train, engine, architecture, rule, schedule):
    config = replace(CONFIG, **schedule)
    rest = {"architecture": architecture, "inner_lr": 0.05, **rule}
    assert_same(train(engine, config, **rest), train(Engine(), config, **rest), 1e-9)


@pytest.mark.parametrize("segment", [2, 3, 5, 9])
def test_segments_of_any_length(float64, train, segment):
    config = replace(CONFIG, unroll=5, horizon=10, **EARLY)
    assert_same(train(Engine(segment=segment), config), train(Engine(), config), 1e-10)


def test_in_float32_too(train):
    assert_same(train(Engine(kind="replayed")), train(Engine()), 1e-4)


@pytest.mark.slow
def test_compiled_steps_agree(train):
    assert_same(train(Engine(kind="compiled")), train(Engine()), 1e-4)


def test_a_missing_compiler_is_one_sentence(monkeypatch):
    from torch._inductor import config

    monkeypatch.setattr(config.cpp, "cxx", ("no-such-compiler",))
    step = Engine(kind="compiled").prepare(lambda group: ({"y": (3.7 * group["x"]).sin()},))
    with pytest.raises(ConfigError, match=r"no-such-compiler.*install a C\+\+ compiler"):
        step({"x": torch.rand(13)})


@cuda
@pytest.mark.parametrize("kind", ["replayed", "compiled"])
def test_cuda_graphs_agree(train, kind):
    assert_same(train(Engine(kind=kind, device="cuda")), train(Engine()), 1e-3)


def second_derivatives(x, w1, w2):
    """Return derivatives of derivatives through narrow products and ELU, as flat tensors."""
    x, w1, w2 = (p.detach().requires_grad_() for p in (x, w1, w2))
    y = torch.bmm(nn.functional.elu(torch.bmm(x, w1)), w2)
    slope, push = torch.autograd.grad(y.square().sum(), (x, w1), create_graph=True)
    return torch.autograd.grad(slope.square().sum() + push.pow(3).sum(), (x, w1, w2))


@pytest.fixture
def operands(float64):
    generator = torch.Generator().manual_seed(0)
    # wide enough for the transposed product: 20 rows, 2 columns
    shapes = ((3, 20, 5), (3, 5, 30), (3, 30, 2))
    return [torch.randn(shape, generator=generator) for shape in shapes]


def test_rewritten_operations_are_those_of_autograd(operands):
    recorded = record(second_derivatives, operands)
    fresh = [p + 0.5 for p in operands]  # other numbers than it was recorded with
    for found, expected in zip(recorded(*fresh), second_derivatives(*fresh), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_recorded_gradients_are_those_of_finite_differences(operands):
    def slope(x, w1, w2):
        x = x.detach().requires_grad_()
        y = torch.bmm(nn.functional.elu(torch.bmm(x, w1)), w2)
        return torch.autograd.grad(y.square().sum(), x)

    def value(x):
        y = torch.bmm(nn.functional.elu(torch.bmm(x, operands[1])), operands[2])
        return float(y.square().sum())

    x = operands[0]
    (gradient,) = record(slope, operands)(*operands)
    generator = torch.Generator().manual_seed(1)
    for _ in range(3):
        direction = torch.randn(x.shape, generator=generator)
        h = 1e-6
        difference = (value(x + h * direction) - value(x - h * direction)) / (2.0 * h)
        assert float((gradient * direction).sum()) == pytest.approx(difference, rel=1e-7)


def test_an_exponential_is_computed_once(operands):
    targets = [str(node.target) for node in record(second_derivatives, operands).graph.nodes]
    assert targets.count("aten.exp.default") == 1
    assert not any("elu" in target for target in targets)


def test_other_shapes_are_recorded_anew():
    calls = []

    def step(group):
        calls.append(group["x"].shape)
        return ({"y": 2.0 * group["x"]},)

    prepared = Engine(kind="replayed").prepare(step)
    for shape in ((2,), (3,), (2,), (3,)):
        x = torch.rand(shape)
        assert torch.equal(prepared({"x": x})[0]["y"], 2.0 * x)
    assert calls == [(2,), (3,)]


def test_engines_that_do_not_exist_are_rejected():
    for wrong, hint in (
        ({"kind": "jit"}, "use one of autograd, replayed, compiled, higher"),
        ({"device": "tpu"}, "use 'cpu' or 'cuda'"),
        ({"segment": 0}, ">= 1"),
        ({"device": "cuda"}, "use kind 'replayed' or 'compiled'"),
    ):
        with pytest.raises(ConfigError, match=hint):
            Engine(**wrong)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_missing_gpu_is_named():
    with pytest.raises(ConfigError, match="no CUDA device: use device 'cpu'"):
        Engine(kind="replayed", device="cuda")
