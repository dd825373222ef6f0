# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Losses on log-probabilities: equal to torch's, positive, never against the right answer."""

from __future__ import annotations

import pytest
import torch

from ml3_ros.core.losses.architectures import make_meta_loss
from ml3_ros.errors import ConfigError
from test.unit.core.losses.evaluation import evaluate

AGES = torch.tensor([0.0, 30.0])  # of the two models


@pytest.fixture
def logits():
    generator = torch.Generator().manual_seed(0)
    return (3.0 * torch.randn(2, 6, 3, generator=generator)).requires_grad_()


@pytest.fixture
def target():
    classes = torch.tensor([[0, 1, 2, 0, 1, 2], [2, 2, 2, 1, 0, 0]])
    return torch.nn.functional.one_hot(classes, 3).float()


@pytest.fixture
def monotone():
    return make_meta_loss("monotone_cross_entropy", 3, {}, knots=(0.0, 10.0), bound=1.0)


def random_phi(loss, size):
    generator = torch.Generator().manual_seed(1)
    phi = loss.init(generator)
    return {k: size * torch.randn(p.shape, generator=generator) for k, p in phi.items()}


def gradient_on_log_probabilities(loss, phi, logits, target):
    log_probabilities = logits.log_softmax(-1).detach().requires_grad_()
    value = evaluate(loss, phi, log_probabilities, target, {}, AGES)
    return torch.autograd.grad(value.sum(), log_probabilities)[0]


def test_cross_entropy_is_torchs(logits, target):
    loss = make_meta_loss("cross_entropy", 3, {})
    value = evaluate(loss, {}, logits.log_softmax(-1), target, {})
    expected = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), target.argmax(-1).flatten(), reduction="none"
    )
    torch.testing.assert_close(value, expected.reshape(2, 6).mean(-1))


def test_it_starts_near_the_cross_entropy(logits, target):
    loss = make_meta_loss("monotone_cross_entropy", 3, {})
    plain = make_meta_loss("cross_entropy", 3, {})
    phi = loss.init(torch.Generator())
    log_probabilities = logits.log_softmax(-1)
    value = evaluate(loss, phi, log_probabilities, target, {}, AGES)
    expected = evaluate(plain, {}, log_probabilities, target, {})
    assert (value > expected).all()
    assert (value < 1.4 * expected).all()


def test_whatever_is_learned_the_right_class_is_pulled_up_within_bounds(monotone, logits, target):
    for size in (0.3, 100.0):
        gradient = gradient_on_log_probabilities(
            monotone, random_phi(monotone, size), logits, target
        )
        pull = -6.0 * gradient[target.bool()]  # the slope of L: 6 examples are averaged
        largest = 7.0 * torch.tensor(1.0).exp() * 1.0001  # seven terms of slope <= 1
        assert ((pull > 0.3) & (pull <= largest)).all()  # the cross-entropy alone has 1 / e
        assert (gradient[~target.bool()] == 0.0).all()
        assert (
            evaluate(monotone, random_phi(monotone, size), target - 1.0, target, {}, AGES)
            .eq(0)
            .all()
        )


def test_the_slope_depends_on_example_batch_and_age(monotone, logits, target):
    phi = random_phi(monotone, 0.3)
    base = gradient_on_log_probabilities(monotone, phi, logits, target)
    slopes = base[0][target[0].bool()]
    assert len(slopes.unique()) == len(slopes)
    other = logits.detach().clone()
    other[0, 0] *= -1.0  # one example becomes another
    changed = gradient_on_log_probabilities(monotone, phi, other, target)
    assert (changed[0, 1:] != base[0, 1:])[target[0, 1:].bool()].all()
    torch.testing.assert_close(changed[1], base[1])  # another model, another batch
    same_logits = logits[:1].detach().expand(2, -1, -1)
    ages = gradient_on_log_probabilities(monotone, phi, same_logits, target[:1].expand(2, -1, -1))
    assert (ages[0] != ages[1])[target[0].bool()].all()


def test_what_it_cannot_serve_is_rejected(monotone, target):
    with pytest.raises(ConfigError, match="no context, got x"):
        make_meta_loss("monotone_cross_entropy", 3, {"x": 2})
    with pytest.raises(ConfigError, match="knots must increase"):
        make_meta_loss("monotone_cross_entropy", 3, {}, knots=(1.0,))
