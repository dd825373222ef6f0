# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Physical model under a learned loss: a fit in pieces, any arm, and what is rejected."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.errors import DataError, LossFileError
from ml3_ros.identification.live.fits import LEARNED
from ml3_ros.identification.live.learned_fit import LAG, LearnedFit, loss_for
from ml3_ros.identification.live.physical_model import PhysicalModel, PhysicalModelConfig
from ml3_ros.identification.live.structure import Structure
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.zoo import shipped_loss

SPACING = 0.1
SMALL = Structure(
    start=np.array([1.0, -1.0, 0.5]),
    ridge=np.ones(3),
    spread=np.array([0.5, 2.0, 1.0]),
    kinds=(0, 7, 8),
    noise=np.array([0.1, 0.2]),
    unit=np.array([1.0, 2.0]),
)


def rows(count, seed=0, first=0.0):
    """Return random rows of two joints that obey w = (2, 1, 0), with a little noise."""
    rng = np.random.default_rng(seed)
    t = first + SPACING * np.arange(count)
    regressor = rng.normal(size=(count, 2, 3))
    tau = regressor @ [2.0, 1.0, 0.0] + 0.01 * rng.normal(size=(count, 2))
    return t, regressor, tau, rng.normal(size=(count, 2))


@pytest.fixture
def untrained():
    """Return the shipped loss with a fresh phi: weights of one, and its first pull."""
    loss = shipped_loss(LEARNED)
    return replace(loss, phi=loss.spec.init_phi(torch.Generator().manual_seed(0)))


def test_an_untrained_loss_fits_pieces_as_ridge_regression_fits_the_whole(untrained):
    """Also rows that wait no longer count, once."""
    count = round(3 * LAG / SPACING)
    t, regressor, tau, v = rows(count)
    fit = LearnedFit(untrained, SMALL, SPACING)
    for first in range(0, count, 40):
        piece = slice(first, first + 40)
        fit.update(t[piece], regressor[piece], tau[piece], v[piece])
    options = untrained.spec.options
    scaled = (regressor * SMALL.spread / SMALL.unit[:, None]).reshape(-1, 3)
    rest = ((tau - regressor @ SMALL.start) / SMALL.unit).ravel()
    gram = scaled.T @ scaled + options["prior"] * options["pull"] * np.eye(3)
    expected = SMALL.start + SMALL.spread * np.linalg.solve(gram, scaled.T @ rest)
    np.testing.assert_allclose(fit.parameters, expected, atol=1e-4)
    whitened = (regressor / SMALL.noise[:, None]).reshape(-1, 3)
    information = whitened.T @ whitened + np.diag(SMALL.spread**-2)
    np.testing.assert_allclose(fit.precision, information, rtol=1e-4, atol=1.0)
    left = np.sqrt(np.square(tau - regressor @ fit.parameters)[-200:].mean(0))
    np.testing.assert_allclose(fit.scale, left, rtol=0.03)


def test_the_shipped_loss_leaves_out_what_squared_error_learns(touched, observe):
    late = touched.t > 16.0
    errors = {}
    for fit in ("learned", "least_squares"):
        _, seen = observe(fit=fit)
        torque = np.stack([each.torque for each in seen])
        errors[fit] = np.square(torque - touched.external)[late].mean()
    assert errors["learned"] < 0.4 * errors["least_squares"]


def test_one_loss_serves_arms_of_any_number_of_joints():
    reacher = load_robot("reacher")
    arm = PinocchioModel(reacher)
    model = PhysicalModel(arm, reacher.home, PhysicalModelConfig(fit="learned"))
    rng = np.random.default_rng(0)
    changed = model.fit.parameters * rng.uniform(0.8, 1.2, len(model.fit.parameters))
    for k in range(8):
        q, v, a = rng.normal(size=(3, 10, 2))
        regressor = np.stack([model.row(*state) for state in zip(q, v, a, strict=True)])
        t = 0.5 * k + 0.05 * np.arange(10)
        model.fit.update(t, regressor, regressor @ changed, v)
    error = regressor @ (model.fit.parameters - changed)
    described = regressor @ (model.learned.parameters - changed)
    assert np.square(error).mean() < 1e-2 * np.square(described).mean()


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (lambda t, y, tau, v: (t[:-1], y, tau, v), "they must be"),
        (lambda t, y, tau, v: (t, y[..., :2], tau, v), "they must be"),
        (lambda t, y, tau, v: (t, y, tau, v[:, :1]), "they must be"),
        (lambda t, y, tau, v: (t, y, tau * np.nan, v), "not finite"),
        (lambda t, y, tau, v: (t, y, tau, v * np.inf), "not finite"),
        (lambda t, y, tau, v: (t, y, tau * 1e40, v), "too large"),
        (lambda t, y, tau, v: (t[::-1], y, tau, v), "times must rise"),
        (lambda t, y, tau, v: (t - 100.0, y, tau, v), "times must rise"),
    ],
)
def test_rows_that_cannot_be_are_rejected_and_change_nothing(untrained, wrong, reason):
    fit, same = (LearnedFit(untrained, SMALL, SPACING) for _ in range(2))
    for each in (fit, same):
        each.update(*rows(10))
    with pytest.raises(DataError, match=reason):
        fit.update(*wrong(*rows(5, seed=1, first=2.0)))
    for each in (fit, same):
        each.update(*rows(5, seed=2, first=2.0))
    np.testing.assert_array_equal(fit.parameters, same.parameters)


def test_a_loss_of_networks_is_rejected():
    loss = shipped_loss("sawyer_ml3_shaped")
    with pytest.raises(LossFileError, match="no loss of physical models"):
        LearnedFit(loss, SMALL, SPACING)
    assert isinstance(loss, LearnedLoss)
    with pytest.raises(LossFileError, match="ml3 train --task touched"):
        loss_for(loss, SMALL.unit, SPACING)
