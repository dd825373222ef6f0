# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""iLQR: the optimum of a linear problem in closed form, within limits, and never uphill."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from ml3_ros.tasks.reaching.worlds import PointMass, TwoLink

pytest.importorskip("crocoddyl")

from ml3_ros.experiments.mountain_car.ilqr import ilqr


@pytest.fixture(autouse=True)
def _float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_a_linear_problem_is_solved_exactly():
    world = PointMass(horizon=10, limits=(50.0, 50.0))
    start, goal, effort = np.array([0.1, -0.2, 0.3, 0.0]), torch.tensor([0.5, 0.4]), 2.0
    found = ilqr(
        world,
        start,
        lambda s: 0.3 * s[..., 2:],
        lambda s: 3.0 * (s[..., :2] - goal),
        effort=effort,
        n_iterations=5,
    )[-1]

    def cost(flat):
        state, total = torch.from_numpy(start), torch.zeros(())
        for u in flat.reshape(10, 2):
            total = total + 0.5 * (0.09 * state[2:].square().sum())
            total = total + 0.5 * effort * (u / 50.0).square().sum()
            state = world.step(state, u)
        return total + 4.5 * (state[:2] - goal).square().sum()

    zero = torch.zeros(20)
    slope = torch.autograd.functional.jacobian(cost, zero)
    curvature = torch.autograd.functional.hessian(cost, zero)
    best = -torch.linalg.solve(curvature, slope)
    np.testing.assert_allclose(found.actions.flatten(), best.numpy(), atol=1e-5)
    assert found.cost == pytest.approx(float(cost(best)), rel=1e-6)


def test_actions_stay_within_limits_and_costs_fall():
    world = TwoLink(horizon=30)
    goal = world.position(torch.tensor([0.5, 0.8, 0.0, 0.0]))
    far = lambda s: 10.0 * (world.position(s) - goal)  # noqa: E731
    start = np.array([*world.home, 0.0, 0.0])
    found = ilqr(world, start, far, lambda s: 10.0 * far(s), n_iterations=30)
    costs = [plan.cost for plan in found]
    assert all(b <= a + 1e-9 for a, b in pairwise(costs))
    assert np.linalg.norm(far(torch.from_numpy(found[-1].states[-1]))) < 0.1  # 1 cm
    for plan in found:
        assert plan.states.shape == (31, 4) and plan.actions.shape == (30, 2)
        assert (np.abs(plan.actions) <= np.array(world.limits) + 1e-12).all()
        state = torch.from_numpy(start)
        for t, u in enumerate(plan.actions):
            np.testing.assert_allclose(plan.states[t], state.numpy(), atol=1e-9)
            state = world.step(state, torch.from_numpy(u))
