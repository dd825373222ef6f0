# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recursive least squares equals least squares, and identifies an arm it never saw."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.errors import ConfigError, DataError
from ml3_ros.identification.models.least_squares import (
    NO_COLUMNS,
    JointColumns,
    RecursiveLeastSquares,
    TorqueRegressor,
)
from ml3_ros.robots.control.trajectories import Excitation
from ml3_ros.robots.perturbation import Perturbation, friction_torque
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot

NOISE = 0.01  # of each joint's standard deviation
KEEP = float(np.exp(-0.032))  # samples fade within 2.5 s


def ridge_solution(regressor, tau, *, ridge=1e-6, start=None, noise=1.0):
    """Return the minimiser (p,) of RecursiveLeastSquares, from all the data at once."""
    p = regressor.shape[-1]
    start = np.zeros(p) if start is None else np.asarray(start, dtype=float)
    scale = 1.0 / np.broadcast_to(np.asarray(noise, dtype=float), tau.shape)
    rows = (regressor * scale[..., None]).reshape(-1, p)
    root = np.sqrt(np.broadcast_to(np.asarray(ridge, dtype=float), p))
    residual = ((tau - regressor @ start) * scale).ravel()
    columns = np.vstack([rows, np.diag(root)])
    return start + np.linalg.lstsq(columns, np.concatenate([residual, np.zeros(p)]), rcond=None)[0]


def prequential(solver, regressor, tau, window):
    """Predict each window of samples before `solver` learns from it, (T, n)."""
    predicted = np.empty_like(tau)
    for begin in range(0, len(tau), window):
        block = slice(begin, begin + window)
        predicted[block] = solver.predict(regressor[block])
        solver.update(regressor[block], tau[block])
    return predicted


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    regressor = rng.normal(size=(60, 3, 12))
    truth = rng.normal(size=12)
    tau = regressor @ truth + 0.1 * rng.normal(size=(60, 3))
    return regressor, tau


@pytest.mark.parametrize("block", [1, 7, 60])
def test_recursive_equals_batch(problem, block):
    regressor, tau = problem
    settings = {
        "ridge": np.linspace(0.1, 3.0, 12),
        "start": np.arange(12.0),
        "noise": np.array([0.1, 1.0, 5.0]),
    }
    solver = RecursiveLeastSquares(12, **settings)
    np.testing.assert_array_equal(solver.parameters, settings["start"])
    for begin in range(0, 60, block):
        solver.update(regressor[begin : begin + block], tau[begin : begin + block])
    expected = ridge_solution(regressor, tau, **settings)
    np.testing.assert_allclose(solver.parameters, expected, rtol=1e-8, atol=1e-8)


def test_what_is_forgotten_counts_less(problem):
    regressor, tau = problem
    start = np.arange(12.0)
    solver = RecursiveLeastSquares(12, ridge=0.5, start=start, keep=0.9)
    for begin in range(0, 60, 10):
        solver.update(regressor[begin : begin + 10], tau[begin : begin + 10])
    age = np.repeat(np.arange(5, -1, -1), 10)
    noise = 0.9 ** (-0.5 * age)[:, None] * np.ones(3)
    expected = ridge_solution(regressor, tau, ridge=0.5, start=start, noise=noise)
    np.testing.assert_allclose(solver.parameters, expected, rtol=1e-8, atol=1e-8)
    with pytest.raises(ConfigError, match="keep must be in"):
        RecursiveLeastSquares(12, keep=0.0)


@pytest.mark.parametrize("blocks", [4000, 100_000])
def test_what_a_long_rest_does_not_show_returns_to_the_start(blocks):
    rng = np.random.default_rng(1)
    start, truth = np.arange(5.0), rng.normal(size=5)
    settings = {"ridge": 1e-6, "start": start, "keep": KEEP}
    solver, fresh = (RecursiveLeastSquares(5, **settings) for _ in range(2))
    moving = rng.normal(size=(80, 2, 5))
    for rows in moving:
        solver.update(rows, rows @ truth)
    resting = np.zeros((2, 5))
    resting[:, :2] = rng.normal(size=(2, 2))
    for _ in range(blocks):
        solver.update(resting, resting @ truth)
    np.testing.assert_allclose(solver.parameters, [*truth[:2], *start[2:]], atol=1e-6)
    for rows in moving:
        solver.update(rows, rows @ truth + 0.01)
        fresh.update(rows, rows @ truth + 0.01)
    np.testing.assert_allclose(solver.parameters, fresh.parameters, atol=1e-3)


def test_batch_solution_has_no_gradient_left(problem):
    regressor, tau = problem
    noise, start = np.array([0.1, 1.0, 5.0]), np.arange(12.0)
    w = ridge_solution(regressor, tau, ridge=0.7, start=start, noise=noise)
    residual = (tau - regressor @ w) / noise
    gradient = np.einsum("tnp,tn->p", regressor / noise[:, None], residual) - 0.7 * (w - start)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-8)


def test_it_stays_accurate_where_the_covariance_form_does_not(problem):
    regressor, tau = problem
    regressor = regressor * np.logspace(-5, 3, 12)
    solver = RecursiveLeastSquares(12, ridge=1e-14)
    for rows in zip(regressor, tau, strict=True):
        solver.update(*rows)
    expected = ridge_solution(regressor, tau, ridge=1e-14)
    np.testing.assert_allclose(regressor @ solver.parameters, regressor @ expected, atol=1e-7)


def test_each_window_is_predicted_before_it_is_learned(problem):
    regressor, tau = problem
    predicted = prequential(RecursiveLeastSquares(12), regressor, tau, window=8)
    np.testing.assert_array_equal(predicted[:8], 0.0)
    seen = RecursiveLeastSquares(12)
    seen.update(regressor[:56], tau[:56])
    np.testing.assert_allclose(predicted[56:], seen.predict(regressor[56:]), atol=1e-10)


def test_bad_blocks_change_nothing(problem):
    regressor, tau = problem
    solver = RecursiveLeastSquares(12)
    solver.update(regressor, tau)
    before = solver.parameters.copy()
    with pytest.raises(DataError, match="shape"):
        solver.update(regressor, tau[:, :2])
    with pytest.raises(DataError, match="not finite"):
        solver.update(regressor, np.where(tau > 0, np.nan, tau))
    np.testing.assert_array_equal(solver.parameters, before)
    with pytest.raises(ConfigError, match="must be > 0"):
        RecursiveLeastSquares(3, ridge=0.0)
    with pytest.raises(ConfigError, match="start"):
        RecursiveLeastSquares(3, start=[1.0])


@pytest.fixture(scope="module")
def stream():
    """A perturbed Sawyer for 20 s at 100 Hz: nominal model, (q, v, a), measured and true tau."""
    sawyer = load_robot("sawyer")
    rng = np.random.default_rng(3)
    perturbation = Perturbation.sample(sawyer, rng, payload=(1, 3), friction=(0.5, 1.5))
    q, v, a = Excitation(sawyer.limits, sawyer.home, seed=5).at(np.arange(0, 20, 0.01))
    truth = PinocchioModel(sawyer, perturbation).rnea(q, v, a)
    truth += friction_torque(perturbation, v)
    measured = truth + NOISE * truth.std(axis=0) * rng.normal(size=truth.shape)
    return PinocchioModel(sawyer), (q, v, a), measured, truth


def nmse(predicted, tau):
    return np.mean((predicted - tau) ** 2, axis=0) / tau.var(axis=0)


def learn(stream, columns):
    """Learn from the first 10 s; return NMSE per joint on the rest, and prequential for 5-10 s."""
    model, state, measured, truth = stream
    regressor = TorqueRegressor(model, columns)
    solver = RecursiveLeastSquares(regressor.nominal.size, noise=measured[:800].std(axis=0))
    rows = regressor(*state)
    predicted = prequential(solver, rows[:1000], measured[:1000], window=8)
    return (
        nmse(solver.predict(rows[1000:]), truth[1000:]),
        nmse(predicted[500:], measured[500:1000]),
    )


def test_with_friction_columns_it_reaches_the_noise_floor(stream):
    heldout, running = learn(stream, JointColumns())
    assert heldout.max() < 0.2 * NOISE**2
    assert running.max() < 3 * NOISE**2


def test_without_friction_columns_it_stalls(stream):
    heldout, _ = learn(stream, NO_COLUMNS)
    assert heldout.mean() > 0.02


def test_an_arm_that_rested_moves_on_like_one_that_has_just_begun(stream):
    model, state, measured, truth = stream
    regressor = TorqueRegressor(model, JointColumns())
    rows, noise = regressor(*state), measured.std(axis=0)
    rested, fresh = (
        RecursiveLeastSquares(regressor.nominal.size, noise=noise, keep=KEEP) for _ in range(2)
    )
    prequential(rested, rows[:1000], measured[:1000], window=8)
    rng = np.random.default_rng(7)
    for _ in range(4000):  # the motion begins at rest
        tau = truth[:1] + NOISE * noise * rng.normal(size=(8, 7))
        rested.update(np.repeat(rows[:1], 8, axis=0), tau)
    assert np.abs(rested.parameters).max() < 10.0
    after, begun = (
        prequential(solver, rows[1000:], measured[1000:], window=8) for solver in (rested, fresh)
    )
    assert nmse(after, truth[1000:]).max() < 2.0 * nmse(begun, truth[1000:]).max()
    np.testing.assert_allclose(
        nmse(after[500:], truth[1500:]), nmse(begun[500:], truth[1500:]), rtol=0.1
    )


def test_nominal_parameters_reproduce_the_nominal_model(stream):
    model, (q, v, a), _, _ = stream
    regressor = TorqueRegressor(model, JointColumns(rotor=True))
    assert regressor.nominal.size == 70 + 4 * 7
    np.testing.assert_allclose(
        regressor(q[:5], v[:5], a[:5]) @ regressor.nominal,
        model.rnea(q[:5], v[:5], a[:5]),
        atol=1e-9,
    )


def test_joint_columns_are_the_joints_own():
    v, a = np.array([[0.05, -2.0]]), np.array([[3.0, 4.0]])
    columns = JointColumns(rotor=True)(v, a)[0]
    t = np.tanh(1.0)
    np.testing.assert_allclose(columns[0], [0.05, 0, t, 0, 1, 0, 3, 0])
    np.testing.assert_allclose(columns[1], [0, -2.0, 0, -1.0, 0, 1, 0, 4], atol=1e-9)
    assert NO_COLUMNS(v, a).shape == (1, 2, 0)
    with pytest.raises(ConfigError, match="coulomb_speed"):
        JointColumns(coulomb_speed=0.0)
