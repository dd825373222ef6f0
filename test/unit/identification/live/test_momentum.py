# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The momentum observer against closed forms and a simulated arm that is pushed."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.errors import ConfigError
from ml3_ros.identification.live.momentum import MomentumObserver
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.pushes import Push
from ml3_ros.robots.registry import load_robot

DT = 0.01


def observed(gain, seconds, observer_of=MomentumObserver):
    """Return estimates and truth (T, n) of a Sawyer that falls slowly and is pushed."""
    sawyer = load_robot("sawyer")
    arm = MujocoArm(sawyer)
    arm.push(Push(link=5, point=(0.0, 0.0, 0.1), force=(0.0, 0.0, -20.0)))
    observer = observer_of(PinocchioModel(sawyer), gain)
    state, rows = arm.state(), []
    for _ in range(round(seconds / DT)):
        hold = arm.nle(state.q, np.zeros(7)) - 20.0 * arm.M(state.q) @ state.v
        rows.append((observer.push(state.t, state.q, state.v, state.tau), arm.external_torque()))
        state = arm.step(hold, DT)
    return [np.stack(x) for x in zip(*rows, strict=True)]


def test_a_constant_push_is_found_within_its_time_constant():
    estimate, truth = observed(gain=20.0, seconds=0.6)
    load = np.abs(truth[-1]).argmax()
    assert abs(truth[-1, load]) > 5.0
    np.testing.assert_allclose(estimate[-1], truth[-1], atol=0.05 * abs(truth[-1, load]))
    after = round(1.0 / 20.0 / DT)
    share = estimate[after, load] / truth[after, load]
    assert share == pytest.approx(1.0 - np.exp(-1.0), abs=0.06)


def test_friction_is_no_push():
    sawyer = load_robot("sawyer")
    arm = MujocoArm(sawyer, Perturbation(viscous=5.0))
    arm.reset(sawyer.home, 0.2 * np.ones(7))
    observer = MomentumObserver(PinocchioModel(sawyer), 40.0, lambda q, v: 5.0 * v)
    blind = MomentumObserver(PinocchioModel(sawyer), 40.0)
    state = arm.state()
    for _ in range(20):
        seen = [one.push(state.t, state.q, state.v, state.tau) for one in (observer, blind)]
        state = arm.step(arm.nle(state.q, state.v) + 5.0 * state.v, DT)
    assert np.abs(seen[0]).max() < 0.05
    assert np.abs(seen[1]).max() > 0.5


def test_an_estimate_does_not_jump_when_the_model_changes():
    sawyer = load_robot("sawyer")
    model = PinocchioModel(sawyer)
    observer = MomentumObserver(model, 40.0)
    q, v = sawyer.home, 0.5 * np.ones(7)
    tau = model.nle(q, v)
    for k in range(5):
        before = observer.push(k * DT, q + k * DT * v, v, tau)
    model.set_inertial_parameters(1.3 * model.inertial_parameters())
    observer.rebase(q + 4 * DT * v, v)
    after = observer.push(4 * DT + 1e-6, q + 4 * DT * v, v, tau)
    np.testing.assert_allclose(after, before, atol=1e-2)
    assert np.abs(before).max() > 0.1


@pytest.mark.parametrize("t", [1.0, -1.0])
def test_it_begins_anew_after_a_gap(t):
    model = PinocchioModel(load_robot("sawyer"))
    observer, q, v = MomentumObserver(model, 40.0), load_robot("sawyer").home, np.zeros(7)
    for k in range(5):
        before = observer.push(k * DT, q, v, model.nle(q, v) - 3.0)
    assert before.min() > 1.0
    np.testing.assert_array_equal(observer.push(t, q, 0.5 + v, model.nle(q, v)), np.zeros(7))


@pytest.mark.parametrize("gain", [0.0, -1.0, np.inf, np.nan])
def test_a_gain_must_be_a_bandwidth(gain):
    with pytest.raises(ConfigError, match="gain must be > 0"):
        MomentumObserver(PinocchioModel(load_robot("reacher")), gain)
