# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""ALPaCA: its posterior is Bayesian linear regression, and its network tells the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ml3_ros.errors import ConfigError
from ml3_ros.experiments.rivals.bayesian_last_layer import (
    FLOOR,
    BayesianLastLayer,
    LastLayerConfig,
    meta_learn_features,
)
from ml3_ros.learners.inverse_dynamics.net import InverseDynamicsNet
from ml3_ros.tasks.inverse_dynamics.family import InverseDynamicsFamily


@pytest.fixture
def full_family(family):
    """Reachers whose network is linear in its last layer."""
    net = InverseDynamicsNet(family.optimizee.units, nle="given", hidden=(8, 6))
    return InverseDynamicsFamily(net, family.recordings, family.sampling)


@pytest.fixture
def model(full_family):
    return BayesianLastLayer(full_family.optimizee)


def random_phi(model, seed=0):
    """Return features and a prior that is no multiple of the identity, (1, *shape)."""
    generator = torch.Generator().manual_seed(seed)
    phi = model.init((seed,))
    return {k: p + 0.3 * torch.randn(p.shape, generator=generator) for k, p in phi.items()}


def samples(family, n=30, seed=1):
    generator = torch.Generator().manual_seed(seed)
    at = torch.randint(0, family.recordings.n_support, (1, n), generator=generator)
    return family.observe(torch.tensor([0]), at)


def test_its_mean_solves_the_stacked_least_squares(full_family, model):
    phi, batch = random_phi(model), samples(full_family)
    mean, _ = model.posterior(phi, model.moments(phi, batch))
    psi = model.regressor(phi, batch)[0].double().numpy()
    u = model.target(batch)[0].double().numpy()
    root = phi["root"][0].tril().double().numpy()
    prior = np.linalg.cholesky(root @ root.T + FLOOR * np.eye(model.size)).T
    rows = np.vstack([psi, prior])
    right = np.vstack([u, prior @ phi["mean"][0].double().numpy()])
    expected = np.linalg.lstsq(rows, right, rcond=None)[0]
    np.testing.assert_allclose(mean[0], expected, rtol=2e-2, atol=2e-3)


def test_its_network_predicts_as_the_regression_does(full_family, model):
    phi, batch = random_phi(model), samples(full_family)
    moments = model.moments(phi, batch)
    mean, _ = model.posterior(phi, moments)
    torque = full_family.optimizee.call(model.theta(phi, moments), batch)
    expected = model.regressor(phi, batch) @ mean * torch.tensor(model.net.units.effort)
    torch.testing.assert_close(torque, expected, rtol=1e-3, atol=1e-4)


def test_moments_add_up_and_leave_out_what_has_no_weight(full_family, model):
    phi, batch = random_phi(model), samples(full_family)
    whole = model.moments(phi, batch)
    first, second = (
        {k: x[:, rows] for k, x in batch.items()} for rows in (slice(12), slice(12, 30))
    )
    parts = model.moments(phi, first) + model.moments(phi, second)
    torch.testing.assert_close(parts.gram, whole.gram, rtol=1e-3, atol=1e-3)
    kept = (torch.arange(30) < 12).float().unsqueeze(0)
    weighted, fewer = model.moments(phi, batch, kept), model.moments(phi, first)
    torch.testing.assert_close(weighted.gram, fewer.gram, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(weighted.cross, fewer.cross, rtol=1e-3, atol=1e-3)


def test_its_surprise_is_that_of_the_predictive_distribution(full_family, model):
    phi, batch, query = random_phi(model), samples(full_family), samples(full_family, 5, 2)
    moments = model.moments(phi, batch)
    mean, factor = model.posterior(phi, moments)
    psi = model.regressor(phi, query)[0]
    covariance = torch.cholesky_inverse(factor[0])
    spread = 1.0 + torch.einsum("bi,ij,bj->b", psi, covariance, psi)
    deviation = phi["log_noise"][0].exp() * spread.sqrt().unsqueeze(-1)
    normal = torch.distributions.Normal(psi @ mean[0], deviation)
    constant = 0.5 * np.log(2.0 * np.pi)
    expected = -normal.log_prob(model.target(query)[0]).mean() - constant
    found = model.surprise(phi, moments, query)[0]
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_learned_features_tell_more_from_few_samples(full_family, model):
    config = LastLayerConfig(n_outer_steps=80, n_tasks=2, most_samples=60)
    learned = meta_learn_features(full_family, (0,), config)
    context, query = samples(full_family, 8, 3), full_family.held_out(torch.tensor([0]))
    errors = []
    for phi in (model.init((0,)), learned):
        theta = model.theta(phi, model.moments(phi, context))
        error = full_family.optimizee.call(theta, query) - query["tau_inertial"]
        errors.append(float(error.square().mean()))
    assert errors[1] < 0.5 * errors[0]


def test_other_networks_are_rejected(family):
    with pytest.raises(ConfigError, match="full M"):
        BayesianLastLayer(family.optimizee)  # of a Reacher: a Cholesky factor
