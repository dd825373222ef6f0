# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A formula as a loss: terms by name and nothing else, values by hand, files that run no code."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from ml3_ros.core.losses.architectures import make_meta_loss
from ml3_ros.core.losses.formulas.terms import parse, written
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.losses.spec import LossSpec
from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.errors import ConfigError, LossFileError
from test.unit.core.losses.evaluation import evaluate

SIZES = {"x": 1, "a": 2}


@pytest.mark.parametrize(
    ("text", "value", "people"),
    [
        ("1", 1.0, "1"),
        ("x", 3.0, "x"),
        ("square(a[1])", 0.25, "a_2²"),
        ("log(x)*age", math.log(9.01) * 2.0, "log(x² + 0.01) age"),
        ("abs(a[0])*tanh(x)", 2.0 * math.tanh(3.0), "|a_1| tanh(x)"),
        ("bump(a[1])", math.exp(-0.25), "exp(-a_2²)"),
        ("size(a)", math.log(2.125 + 0.01), "log(mean a² + 0.01)"),
    ],
)
def test_terms_are_looked_up_by_name(text, value, people):
    inputs = {
        "x": torch.tensor([[3.0]]),
        "a": torch.tensor([[-2.0, 0.5]]),
        "age": torch.tensor([[2.0]]),
    }
    term = parse(text, SIZES)
    assert float(term.value(inputs, torch.ones(1, 1))) == pytest.approx(value)
    assert written(term, SIZES) == people


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("__import__('os').system('true')", "cannot read"),
        ("x.backward()", "cannot read"),
        ("x**2", "cannot read"),
        ("", "cannot read"),
        ("exec(x)", "no function 'exec'"),
        ("y", "no input 'y'"),
        ("a[2]", "2 elements"),
        ("size(a[0])", "whole input"),
        ("x*x*x*x*x", "more than 4"),
    ],
)
def test_what_is_no_term_is_rejected(text, why):
    with pytest.raises(ConfigError, match=why):
        parse(text, SIZES)


def test_its_value_is_the_formula_by_hand():
    loss = make_meta_loss("formula", 1, {"x": 1}, terms=("1", "x*age"), bound=5.0, oldest=7.0)
    phi = {"coefficients": torch.tensor([[0.3, -0.5]]), "log_scale": torch.tensor([0.4])}
    prediction, target = torch.tensor([[1.5]]), torch.tensor([[0.2]])
    context = {"x": torch.tensor([[2.0]])}
    # older than the oldest that it knows
    value = evaluate(loss, phi, prediction, target, context, torch.tensor(100.0))
    weight = math.exp(5.0 * math.tanh((0.3 - 0.5 * 2.0 * math.log(8.0)) / 5.0))
    s = math.exp(0.4)
    expected = weight * 2.0 * s * s * (math.sqrt(1.0 + (1.3 / s) ** 2) - 1.0)
    assert float(value) == pytest.approx(expected, rel=1e-5)


def test_it_starts_as_a_structured_loss_does():
    generator = torch.Generator().manual_seed(0)
    prediction, target, x = (torch.randn(3, 8, 2, generator=generator) for _ in range(3))
    values = []
    for architecture in ("formula", "structured"):
        loss = make_meta_loss(architecture, 2, {"x": 2})
        phi = loss.init(generator, (3,))
        values.append(evaluate(loss, phi, prediction, target, {"x": x}, torch.zeros(3)))
    torch.testing.assert_close(*values)


def formula(make_spec, **options) -> LossSpec:
    return replace(make_spec("formula"), options={"terms": ("1", "x[0]", "age"), **options})


def test_it_can_be_meta_trained_as_it_is(family, make_spec):
    config = MetaTrainConfig(n_outer_steps=40, n_tasks=4, unroll=4, horizon=8, outer_lr=0.05)
    trainer = MetaTrainer(family, formula(make_spec), config, (0,))
    losses = []
    while not trainer.done:
        losses.append(float(trainer.step().task_loss))
    assert sum(losses[-10:]) < sum(losses[:10])
    assert trainer.seed_phi(0)["coefficients"].abs().sum() > 0.0


def test_a_file_holds_it_and_never_runs_what_it_says(make_spec, random_phi, tmp_path):
    spec = formula(make_spec)
    loss = LearnedLoss(spec=spec, phi=random_phi(spec))
    again = LearnedLoss.load(loss.save(tmp_path / "formula.safetensors"))
    assert again.spec == spec
    assert all(torch.equal(p, again.phi[k]) for k, p in loss.phi.items())
    marker = tmp_path / "ran"
    evil = f"open({str(marker)!r},'w')"
    wrong = LearnedLoss(spec=formula(make_spec, terms=("1", evil, "age")), phi=loss.phi)
    with pytest.raises(LossFileError, match="cannot read"):
        LearnedLoss.from_bytes(wrong.to_bytes())
    assert not marker.exists()


@pytest.mark.parametrize("terms", [(), ("x",) * 1025])
def test_too_few_and_too_many_terms_are_rejected(terms):
    with pytest.raises(ConfigError, match="1 to 1024"):
        make_meta_loss("formula", 1, {"x": 1}, terms=terms)


def test_an_input_cannot_have_the_name_of_the_age():
    with pytest.raises(ConfigError, match="'age'"):
        make_meta_loss("formula", 1, {"age": 1})
