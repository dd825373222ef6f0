# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Distillation finds the formula that was planted, and says how good one is that was not."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ml3_ros.core.distill import DistillConfig, distill
from ml3_ros.core.inner_loop import adapt
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.losses.meta_losses import StructuredLoss
from ml3_ros.errors import ConfigError

KNOTS = (0.0, 10.0, 50.0)


@pytest.fixture
def aged(make_spec, random_phi):
    """A structured loss of x and age that somebody trained."""
    options = {"hidden": (4,), "knots": KNOTS}
    spec = replace(make_spec("structured"), options=options, inner_lr=0.01)
    return LearnedLoss(spec=spec, phi=random_phi(spec), provenance={"seed": 3})


def plant(monkeypatch, weights):
    """Let structured losses have log-weights that are a function of x (A, B, 2) and age."""

    def log_weight(self, phi, context, error, count):
        return weights(context["x"], count.log1p()[:, None])

    monkeypatch.setattr(StructuredLoss, "log_weight", log_weight)


def test_a_planted_formula_is_found(monkeypatch, aged):
    def weights(x, age):
        return torch.stack(
            [
                0.5 - 0.2 * x[..., 0].square() + 0.3 * age * x[..., 1],
                0.1 * x[..., 0].square() - 0.4,
            ],
            -1,
        )

    plant(monkeypatch, weights)
    found = distill(aged, DistillConfig(terms=3, reach=2.0))
    terms, rows = found.loss.spec.options["terms"], found.loss.phi["coefficients"]
    assert set(terms) == {"1", "square(x[0])", "age*x[1]"}
    first, second = (dict(zip(terms, row.tolist(), strict=True)) for row in rows)
    assert first["square(x[0])"] == pytest.approx(-0.2, abs=1e-3)
    assert first["age*x[1]"] == pytest.approx(0.3, abs=1e-3)
    assert second["1"] == pytest.approx(-0.4, abs=1e-3)
    assert found.explained > 0.9999
    assert found.rms < 1e-3
    assert found.lines[0].startswith("log w_1 = 0.5 ")
    assert "- 0.2 x_1²" in found.lines[0]
    assert "+ 0.3 age x_2" in found.lines[0]


def test_what_explains_nothing_is_left_out(monkeypatch, aged):
    plant(monkeypatch, lambda x, age: x.square())
    found = distill(aged, DistillConfig(terms=30, gain=1e-2))
    assert set(found.loss.spec.options["terms"]) == {"1", "square(x[0])", "square(x[1])"}


def test_more_terms_explain_more_and_the_error_is_of_other_draws(aged):
    few, many = (distill(aged, DistillConfig(terms=n, gain=0.0)) for n in (2, 25))
    assert few.explained < many.explained <= 1.0
    assert few.rms > many.rms > 0.0
    assert many.explained > 0.95
    other = distill(aged, DistillConfig(terms=25, gain=0.0, samples=16))
    assert other.explained < many.explained  # 16 samples are fitted better than they foretell


def test_a_formula_trains_as_the_loss_that_it_came_from(aged, family):
    tasks, generator = torch.arange(4), torch.Generator().manual_seed(0)
    batch = family.support(tasks, tasks, generator)
    theta = family.init(tasks, generator)
    found, constant = (
        distill(aged, DistillConfig(terms=n, reach=2.0, gain=0.0)).loss for n in (30, 1)
    )

    def trained(loss):
        phi = {k: p.unsqueeze(0) for k, p in loss.phi.items()}
        learner = loss.learner(family.optimizee)
        end = adapt(learner, theta, phi, [batch] * 20, lead=(4,)).theta
        return torch.cat([(end[k] - theta[k]).flatten() for k in theta])

    moved = trained(aged)
    apart = (trained(found) - moved).norm()
    assert apart < 0.15 * moved.norm()
    assert apart < 0.3 * (trained(constant) - moved).norm()
    assert found.spec.inner_lr == aged.spec.inner_lr
    assert found.provenance == {"seed": 3, "distilled_from": aged.sha256()}


@pytest.mark.parametrize(
    ("architecture", "options", "why"),
    [
        ("mlp", {}, "'mlp' cannot be distilled"),
        ("structured", {"error_statistics": True}, "error_statistics"),
    ],
)
def test_other_losses_are_rejected(make_spec, random_phi, architecture, options, why):
    spec = replace(make_spec(architecture), options=options)
    with pytest.raises(ConfigError, match=why):
        distill(LearnedLoss(spec=spec, phi=random_phi(spec)), DistillConfig())


@pytest.mark.parametrize("settings", [{"terms": 0}, {"reach": 0.0}, {"gain": 1.0}, {"samples": 3}])
def test_wrong_settings_are_rejected(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        DistillConfig(**settings)
