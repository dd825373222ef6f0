# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The loss with learned weights: its start, its minimum, what weights may depend on, its file."""

from __future__ import annotations

import pytest
import torch

from ml3_ros.core.losses.architectures import make_meta_loss
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.losses.loss_input import LossInput
from ml3_ros.core.losses.spec import InputSpec, LossSpec
from ml3_ros.core.losses.weighting.residual_context import windowed_mean
from ml3_ros.errors import ConfigError

SAMPLES = 40


def loss_of(n=3, **options):
    return make_meta_loss("weighted", n, {"v": n}, spacing=0.05, windows=(0.1, 0.4), **options)


def random_phi(net, seed=0, size=1.0):
    generator = torch.Generator().manual_seed(seed)
    phi = net.init(generator)
    return {k: p + size * torch.randn(p.shape, generator=generator) for k, p in phi.items()}


def inputs(error, seed=1):
    v = torch.randn(error.shape, generator=torch.Generator().manual_seed(seed), dtype=error.dtype)
    target = torch.zeros_like(error)
    return LossInput(None, error, target, {"v": v}, torch.zeros(error.shape[:-2]))


def residuals(n=3, seed=2, samples=SAMPLES):
    return torch.randn(samples, n, generator=torch.Generator().manual_seed(seed))


def weights(net, phi, error):
    return net.weights(phi, error, inputs(error))


def test_it_starts_as_the_mean_squared_error():
    net, error = loss_of(), residuals()
    value = net.evaluate(net.init(torch.Generator()), inputs(error))
    torch.testing.assert_close(value, error.square().sum(-1).mean())


def test_weights_are_positive_and_no_gradient_flows_through_them():
    net = loss_of()
    phi, error = random_phi(net), residuals().requires_grad_()
    found = weights(net, phi, error)
    assert found.shape == error.shape and (found > 0.0).all()
    assert found.std() > 0.1  # of these phi they differ
    (grad,) = torch.autograd.grad(net.evaluate(phi, inputs(error)), error)
    torch.testing.assert_close(grad, 2.0 * found.detach() * error.detach() / SAMPLES)


def test_causal_weights_do_not_see_what_comes_later():
    phi = random_phi(loss_of())
    error = residuals()
    later = error.clone()
    # signs alone: the scale of residuals is that of the whole batch
    later[30:] = -later[30:]
    early = slice(0, 30)
    causal = loss_of(causal=True)
    torch.testing.assert_close(
        weights(causal, phi, error)[early], weights(causal, phi, later)[early]
    )
    centred = loss_of()
    assert not torch.allclose(
        weights(centred, phi, error)[early], weights(centred, phi, later)[early]
    )


def test_with_newest_times_weights_depend_on_age_and_on_what_is_explained_by_now():
    plain, net = loss_of(), loss_of(newest=(0.2, 1.0))
    assert net.context.size > plain.context.size
    phi, error = random_phi(net, size=0.3), torch.full((SAMPLES, 3), 0.7)
    still = torch.zeros_like(error)

    def found(target):
        seen = LossInput(None, error, target, {"v": still}, torch.zeros(()))
        return net.weights(phi, error, seen)

    level = found(still)
    assert level[5:-5].std() > 1e-3  # residuals are all alike: it is the age
    assert not torch.allclose(level, found(torch.full_like(error, 9.0)))  # now it explains more


def test_windows_end_where_a_run_does():
    phi, error = random_phi(loss_of()), residuals()
    runs = loss_of(run=20)
    changed = error.clone()
    changed[20:] = changed[20:].flip(0)  # the same residuals in another order
    before, after = (weights(runs, phi, x)[:20] for x in (error, changed))
    torch.testing.assert_close(before, after)


def test_a_batch_of_broken_runs_is_rejected():
    net = loss_of(run=24)
    with pytest.raises(ConfigError, match="runs of 24"):
        weights(net, random_phi(net), residuals(samples=32))


@pytest.mark.parametrize("n", [1, 2, 7])
def test_one_loss_serves_arms_of_any_number_of_joints(n):
    phi = random_phi(loss_of(3))
    found = weights(loss_of(n), phi, residuals(n))
    assert found.shape == (SAMPLES, n)


def test_weights_do_not_depend_on_the_unit_of_torque():
    net = loss_of()
    phi = random_phi(net)
    phi["net.weight_0"][net.context.size - 5] = 0.0  # the feature that is the scale itself
    error = residuals()
    torch.testing.assert_close(
        weights(net, phi, error), weights(net, phi, 7.0 * error), rtol=1e-3, atol=1e-5
    )


def test_further_inputs_change_the_weights():
    net = make_meta_loss("weighted", 3, {"v": 3, "trust": 3}, spacing=0.05)
    phi, error = random_phi(net), residuals()
    found = [
        net.weights(
            phi,
            error,
            LossInput(None, error, error, {"v": error, "trust": trust}, torch.zeros(())),
        )
        for trust in (torch.zeros_like(error), torch.ones_like(error))
    ]
    assert not torch.allclose(*found)


def test_a_windowed_mean_is_of_the_samples_that_there_are():
    x = torch.arange(5.0).unsqueeze(-1)
    assert windowed_mean(x, 1, 1).flatten().tolist() == [0.5, 1.0, 2.0, 3.0, 3.5]
    assert windowed_mean(x, 2, 0).flatten().tolist() == [0.0, 0.5, 1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("context", "options", "word"),
    [
        ({}, {}, "velocities"),
        ({"v": 2}, {}, "velocities"),
        ({"v": 3, "load": 1}, {}, "every joint"),
        ({"v": 3}, {"windows": ()}, "windows"),
        ({"v": 3}, {"windows": (0.0,)}, "windows"),
        ({"v": 3}, {"spacing": 0.0}, "spacing"),
        ({"v": 3}, {"run": -1}, "run"),
        ({"v": 3}, {"groups": 1000}, "groups"),
        ({"v": 3}, {"pull": 0.0}, "pull"),
        ({"v": 3}, {"newest": (-1.0,)}, "newest"),
        ({"v": 3}, {"newest": (1.0,), "causal": True}, "newest"),
    ],
)
def test_impossible_options_are_named(context, options, word):
    with pytest.raises(ConfigError, match=word):
        make_meta_loss("weighted", 3, context, **options)


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        ("least_squares", {"groups": 4}),
        ("least_squares", {"groups": 4, "newest": (0.5, 1.0)}),
        ("adam", {"run": 8}),
    ],
)
def test_it_travels_as_a_file(rule, options):
    names = ("a", "b")
    spec = LossSpec(
        architecture="weighted",
        target=InputSpec(name="tau", unit="N m", scale=(2.0, 0.5), labels=names),
        context=(InputSpec(name="v", unit="rad/s", scale=(1.0, 1.0), labels=names),),
        options=options,
        inner_optimizer=rule,
    )
    loss = LearnedLoss(spec=spec, phi=random_phi(spec.network()), provenance={})
    read = LearnedLoss.from_bytes(loss.to_bytes())
    assert read.spec == spec
    for name, value in loss.phi.items():
        torch.testing.assert_close(read.phi[name], value)


def test_its_file_serves_arms_of_another_size():
    names = ("a", "b")
    spec = LossSpec(
        architecture="weighted",
        target=InputSpec(name="tau", unit="-", scale=(2.0, 2.0), labels=names),
        context=(InputSpec(name="v", unit="rad/s", scale=(1.0, 1.0), labels=names),),
        options={"groups": 2},
        inner_optimizer="least_squares",
    )
    larger = spec.of_size(5, spacing=0.04)
    assert larger.target.scale == (2.0,) * 5 and larger.context[0].scale == (1.0,) * 5
    assert larger.network().context.spacing == 0.04 and larger.options["groups"] == 2
    assert larger.phi_shapes() == spec.phi_shapes()
