# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Properties of the loss networks that hold for any phi, not only for trained ones."""

from __future__ import annotations

import inspect
import math

import pytest
import torch

from ml3_ros.core.losses.architectures import ARCHITECTURES, make_meta_loss
from ml3_ros.core.losses.meta_losses import StructuredLoss
from ml3_ros.errors import ConfigError
from test.unit.core.losses.evaluation import evaluate

CONTEXT = {"v": 3, "a": 3}
SWITCHES = [
    name
    for name, parameter in inspect.signature(StructuredLoss).parameters.items()
    if isinstance(parameter.default, bool)
]
OPTIONS = [{}, *({name: True} for name in SWITCHES)]


def network(architecture, **options):
    return make_meta_loss(architecture, 3, CONTEXT, **options)


def random_phi(net, seed, lead=(), size=1.0):
    generator = torch.Generator().manual_seed(seed)
    phi = net.init(generator, lead)
    return {k: p + size * torch.randn(p.shape, generator=generator) for k, p in phi.items()}


def inputs(lead=(), batch=6, seed=1):
    """Return prediction, target, context."""
    generator = torch.Generator().manual_seed(seed)
    prediction, target, v, a = torch.randn(4, *lead, batch, 3, generator=generator)
    return prediction, target, {"v": v, "a": a}


def gradient(net, phi, prediction, target, context):
    prediction = prediction.clone().requires_grad_()
    (grad,) = torch.autograd.grad(
        evaluate(net, phi, prediction, target, context).sum(), prediction
    )
    return grad


@pytest.mark.parametrize("options", OPTIONS)
def test_structured_starts_as_the_squared_error(float64, options):
    net = network("structured", **options)
    phi = net.init(torch.Generator().manual_seed(0))
    prediction, target, context = inputs()
    small = target + 1e-3 * prediction
    found = evaluate(net, phi, small, target, context)
    expected = evaluate(make_meta_loss("squared_error", 3, {}), {}, small, target, {})
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=0.0)
    torch.testing.assert_close(expected, (small - target).square().sum(-1).mean())


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("seed", range(5))
def test_structured_is_least_at_zero_error_whatever_phi(float64, options, seed):
    net = network("structured", **options)
    phi = random_phi(net, seed, size=2.0)
    prediction, target, context = inputs(seed=seed)
    at_zero = evaluate(net, phi, target, target, context)
    assert float(at_zero) == 0.0
    assert not gradient(net, phi, target, target, context).any()
    for size in (1e-6, 1e-2, 1.0, 1e3, 1e8):
        away = target + size * prediction
        assert float(evaluate(net, phi, away, target, context)) > 0.0
        grad = gradient(net, phi, away, target, context)
        error = away - target
        assert torch.all(grad * error > 0.0)  # every step leads towards the target


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("seed", range(3))
def test_structured_bounds_the_gradient_of_huge_errors(options, seed):
    net = network("structured", **options)
    phi = random_phi(net, seed, size=0.5)
    prediction, target, context = inputs(seed=seed)
    grads = [
        gradient(net, phi, target + size * prediction.sign(), target, context).abs()
        for size in (1e3, 1e6, 1e10)
    ]
    for grad in grads:
        assert torch.isfinite(grad).all()
    if options.get("error_statistics"):  # weights may follow the errors, within their bound
        scale = phi["log_scale"].clamp_min(0.0).exp()
        assert torch.all(grads[2] <= 2.0 * math.exp(net.bound) * scale)
    else:
        assert torch.all(grads[2] <= 1.05 * grads[0])
    # and phi takes part: gradients of the loss in phi stay finite too
    leaves = {k: p.requires_grad_() for k, p in phi.items()}
    value = evaluate(net, leaves, target + 1e6 * prediction, target, context)
    assert all(torch.isfinite(g).all() for g in torch.autograd.grad(value, tuple(leaves.values())))


@pytest.mark.parametrize("options", OPTIONS)
def test_structured_weights_stay_bounded_far_outside_the_training_data(options):
    net = network("structured", **options)
    phi = random_phi(net, 0, size=1.0)
    prediction, target, context = inputs()
    far = {k: 1e6 * x for k, x in context.items()}
    value = evaluate(net, phi, target + 0.01 * prediction, target, far)
    assert torch.isfinite(value)
    assert 0.0 < float(value) < 1e4


def test_structured_weighs_joints_and_samples_by_the_context(float64):
    """Each context input moves the weights; the order of joints and of samples matters."""
    net = network("structured")
    phi = random_phi(net, 2, size=0.5)
    prediction, target, context = inputs()
    value = evaluate(net, phi, prediction, target, context)
    for name in CONTEXT:
        other = {**context, name: context[name].flip(-1)}
        assert not torch.isclose(evaluate(net, phi, prediction, target, other), value)
    order = torch.tensor([3, 0, 5, 1, 2, 4])
    shuffled = evaluate(
        net, phi, prediction[order], target[order], {k: x[order] for k, x in context.items()}
    )
    torch.testing.assert_close(shuffled, value)


def test_mlp_sees_target_prediction_and_context(float64):
    net = network("mlp")
    phi = random_phi(net, 0, size=0.3)
    prediction, target, context = inputs()
    value = evaluate(net, phi, prediction, target, context)
    assert float(value) > 0.0
    moved = {
        "prediction": evaluate(net, phi, prediction + 0.1, target, context),
        "target": evaluate(net, phi, prediction, target + 0.1, context),
        "both": evaluate(net, phi, prediction + 0.1, target + 0.1, context),
        **{
            k: evaluate(net, phi, prediction, target, {**context, k: x + 0.1})
            for k, x in context.items()
        },
    }
    for name, other in moved.items():
        assert abs(float(other - value)) > 1e-6, name


def test_mlp_is_the_mean_of_softplus_of_a_network_of_the_concatenated_inputs(float64):
    net = network("mlp", hidden=(5,))
    phi = random_phi(net, 0, size=0.3)
    prediction, target, context = inputs()
    x = torch.cat((target, prediction, context["v"], context["a"]), -1)
    hidden = torch.nn.functional.elu(x @ phi["net.weight_0"] + phi["net.bias_0"])
    expected = torch.nn.functional.softplus(hidden @ phi["net.weight_1"]).mean()
    torch.testing.assert_close(evaluate(net, phi, prediction, target, context), expected)


def test_homogeneous_mlp_has_no_biases_and_grows_in_proportion(float64):
    net = network("mlp", hidden=(5, 4), homogeneous=True)
    phi = random_phi(net, 0)
    assert set(phi) == {"net.weight_0", "net.weight_1", "net.weight_2"}
    prediction, target, context = inputs()

    def logit(factor):
        scaled = {k: factor * x[:1] for k, x in context.items()}
        value = evaluate(net, phi, factor * prediction[:1], factor * target[:1], scaled)
        return value.expm1().log()

    torch.testing.assert_close(logit(3.0), 3.0 * logit(1.0))


@pytest.mark.parametrize(
    ("architecture", "options"),
    [("mlp", {}), ("squared_error", {}), *(("structured", options) for options in OPTIONS)],
)
def test_one_loss_per_seed_evaluates_all_tasks(float64, architecture, options):
    net = network(architecture, **options)
    phi = random_phi(net, 0, lead=(2, 1), size=0.5)
    prediction, target, context = inputs(lead=(2, 4))
    together = evaluate(net, phi, prediction, target, context)
    assert together.shape == (2, 4)
    for s in range(2):
        for t in range(4):
            alone = evaluate(
                net,
                {k: p[s, 0] for k, p in phi.items()},
                prediction[s, t],
                target[s, t],
                {k: x[s, t] for k, x in context.items()},
            )
            torch.testing.assert_close(together[s, t], alone)


@pytest.mark.parametrize("architecture", ["mlp", "structured"])
def test_fresh_phi_follows_the_generator_and_fills_the_network(architecture):
    net = network(architecture)
    phi, again, other = (net.init(torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert {k: p.shape for k, p in phi.items()} == {k: p.shape for k, p in net.named_parameters()}
    assert all(torch.equal(p, again[k]) for k, p in phi.items())
    assert any(not torch.equal(p, other[k]) for k, p in phi.items())


def test_unknown_architectures_and_options_are_rejected():
    with pytest.raises(ConfigError, match="use one of mlp, structured, inertia_pull, prior, weig"):
        make_meta_loss("transformer", 3, CONTEXT)
    for architecture in ARCHITECTURES:
        with pytest.raises(ConfigError, match=architecture):
            make_meta_loss(architecture, 3, CONTEXT, depth=3)
    for hidden in ((10**15,), (0,), (2.5,), ("a",), 3):
        with pytest.raises(ConfigError):
            make_meta_loss("mlp", 3, CONTEXT, hidden=hidden)
