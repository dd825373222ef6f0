# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The functional engine and `higher` give one meta-gradient on the inverse-dynamics task."""

from __future__ import annotations

import pytest
import torch

from ml3_ros.core.engine.higher import meta_gradient_higher
from ml3_ros.core.inner_optimizers import Adam, Sgd
from ml3_ros.core.learner import Learner
from ml3_ros.core.outer.meta_gradient import meta_gradient
from ml3_ros.learners.inverse_dynamics.net import InverseDynamicsNet
from ml3_ros.learners.inverse_dynamics.sampling import SamplingConfig
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.tasks.inverse_dynamics.family import InverseDynamicsFamily
from ml3_ros.tasks.inverse_dynamics.recordings import Recordings

SEEDS, TASKS, STEPS = 2, 2, 3
N = 2  # joints


def random_recordings(n_samples=60):
    """Return smooth signals of a made-up arm; the engines do not care which."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(TASKS, n_samples, *shape, generator=generator)

    q, v, a, nle = draw(N), draw(N), 3.0 * draw(N), 5.0 * draw(N)
    factor = 0.3 * draw(N, N)
    inertia = factor @ factor.mT + 0.1 * torch.eye(N)
    tau = (inertia @ a.unsqueeze(-1)).squeeze(-1) + nle
    return Recordings(q=q, v=v, a=a, tau=tau, inertia=inertia, nle=nle, n_support=40)


def relative_error(found, expected):
    difference = sum((found[k] - expected[k]).double().square().sum() for k in expected)
    return float((difference / sum(x.double().square().sum() for x in expected.values())).sqrt())


def both_engines(nle, inertia, architecture, weights, random_phi, rule, step_weights=None):
    """Return what each engine gives, of all seeds and tasks at once."""
    units = Units(joint_names=("j0", "j1"), velocity=(1, 2), acceleration=(3, 4), effort=(5, 0.5))
    net = InverseDynamicsNet(units, nle=nle, inertia=inertia, hidden=(6,), output_scale=1.0)
    sampling = SamplingConfig(batch_size=8, query_size=9, steps_per_window=2)
    family = InverseDynamicsFamily(net, random_recordings(), sampling)
    spec = units.loss_spec(net.target, ("v", "a"), architecture=architecture)
    phi = random_phi(spec, lead=(SEEDS, 1), size=0.2)
    generator = torch.Generator().manual_seed(3)
    tasks = torch.arange(TASKS)
    ages = torch.tensor([0, 5])

    def stack(draw):
        rows = [draw() for _ in range(SEEDS)]
        return {k: torch.stack([row[k] for row in rows]) for k in rows[0]}

    theta = stack(lambda: family.init(tasks, generator))
    batches = [stack(lambda k=k: family.support(tasks, ages + k, generator)) for k in range(STEPS)]
    query = family.query(tasks, ages, generator)
    batch, extra = ({k: x.expand(SEEDS, *x.shape) for k, x in part.items()} for part in query)

    def task_loss(adapted):
        terms = family.task_losses(adapted, batch, extra)
        return sum(weight * terms[name].log() for name, weight in weights.items())

    learner = Learner(net, spec.loss(), rule)
    arguments = (learner, theta, phi, batches, task_loss)
    options = {"state": rule.init(theta, (SEEDS, TASKS)), "step_weights": step_weights}
    ours, theirs = (
        meta_gradient(*arguments, **options),
        meta_gradient_higher(*arguments, **options),
    )
    return [
        ({"": ours.outer_loss}, {"": theirs.outer_loss}),
        (ours.grads, theirs.grads),
        (ours.theta, theirs.theta),
        (ours.state, theirs.state),
    ]


SGD, NESTEROV, CLIPPED, ADAM = Sgd(0.05), Sgd(0.05, momentum=0.8), Sgd(0.05, 1.0), Adam(0.01)


@pytest.mark.parametrize("architecture", ["structured", "mlp"])
@pytest.mark.parametrize("inertia", ["full", "cholesky"])
@pytest.mark.parametrize("nle", ["given", "learned"])
def test_sgd_in_float64(nle, inertia, architecture, float64, random_phi):
    weights = {"task": 0.5, "inertia": 0.5}
    for found, expected in both_engines(nle, inertia, architecture, weights, random_phi, SGD):
        assert relative_error(found, expected) < 1e-12


@pytest.mark.parametrize("nle", ["given", "learned"])
def test_sgd_in_float32(nle, random_phi):
    weights = {"task": 1.0}
    for found, expected in both_engines(nle, "full", "structured", weights, random_phi, SGD):
        assert relative_error(found, expected) < 1e-5


@pytest.mark.parametrize("rule", [NESTEROV, CLIPPED])
def test_momentum_and_clipping_in_float64(rule, float64, random_phi):
    weights = {"task": 1.0}
    for found, expected in both_engines("learned", "full", "mlp", weights, random_phi, rule):
        assert relative_error(found, expected) < 1e-12


def test_every_step_counts_in_float64(float64, random_phi):
    share = torch.rand(STEPS, SEEDS, TASKS)
    weights = {"task": 1.0}
    pairs = both_engines("given", "full", "mlp", weights, random_phi, SGD, step_weights=share)
    for found, expected in pairs:
        assert relative_error(found, expected) < 1e-12


@pytest.mark.parametrize("architecture", ["structured", "mlp"])
def test_adam_in_float64(architecture, float64, random_phi):
    weights = {"task": 0.5, "nle": 0.5}
    pairs = both_engines("learned", "cholesky", architecture, weights, random_phi, ADAM)
    for found, expected in pairs:  # divided by gradients near zero, rounding errors grow
        assert relative_error(found, expected) < 1e-6
