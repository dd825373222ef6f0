# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Computed torque: low gains, models that are exchanged while the arm moves, bounded trust."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml3_ros.errors import RobotError
from ml3_ros.robots.control.computed_torque import ComputedTorque
from ml3_ros.robots.control.feedforward import FeedforwardConfig
from ml3_ros.robots.control.gains import FixedGains, GainConfig
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel

M = np.array([[1.0, 0.005], [0.005, 1e-4]])
AT_ONCE = FeedforwardConfig(share=0.5, fade=0.01, max_age=0.1)
HERE = (np.zeros(2), np.zeros(2), np.zeros(2))


@pytest.fixture
def limits(reacher):
    return replace(reacher.limits, effort=np.array([100.0, 10.0]))


def computed_torque(M, limits, **rest):
    gains = FixedGains(GainConfig(), M, limits.effort)
    return ComputedTorque(gains, limits, rate=100.0, **rest)


@pytest.fixture
def controller(limits):
    return computed_torque(M, limits, trust=AT_ONCE)


def constant(*tau):
    return lambda q, v, a: np.array(tau)


def test_feedback_is_that_of_the_gains(controller):
    q, v = np.array([0.1, 0.2]), np.array([0.3, -0.4])
    tau = controller.torque(q, v, np.array([0.2, 0.0]), np.array([0.0, 0.1]))
    expected = controller.kp * [0.1, -0.2] + controller.kd * [-0.3, 0.5]
    np.testing.assert_allclose(tau, expected)


def test_gains_are_those_of_the_reference(limits):
    loop = ComputedTorque(lambda q: (1.0 + q, 2.0 + q), limits, rate=100.0)
    q_ref = np.array([0.5, 0.25])
    loop.torque(HERE[0], HERE[1], q_ref)
    np.testing.assert_array_equal((loop.kp, loop.kd), (1.0 + q_ref, 2.0 + q_ref))


def test_both_feedforwards_see_the_reference_alone(controller):
    seen = []

    def known(q, v, a):
        seen.append((q, v, a))
        return np.array([3.0, 1.0])

    controller.known = known
    controller.exchange(lambda q, v, a: q + 10.0 * v + 100.0 * a)
    reference = (np.full(2, 0.1), np.full(2, 0.02), np.full(2, 0.003))
    tau = controller.torque(reference[0], reference[1], *reference)
    np.testing.assert_array_equal(seen, [reference])
    np.testing.assert_allclose(tau, [3.6, 1.6])


def test_models_are_exchanged_live_and_what_is_faded_in_stays_so(limits):
    slow = computed_torque(M, limits, trust=replace(AT_ONCE, fade=0.04))
    slow.exchange(constant(4.0, 0.0))
    found = [slow.torque(*HERE)[0] for _ in range(2)]
    slow.exchange(constant(8.0, 0.0))
    found += [slow.torque(*HERE)[0] for _ in range(2)]
    np.testing.assert_allclose(found, [1.0, 2.0, 6.0, 8.0])
    slow.exchange(None)
    assert slow.torque(*HERE)[0] == 0.0
    slow.exchange(constant(8.0, 0.0))
    np.testing.assert_allclose(slow.torque(*HERE)[0], 2.0)
    slow.reset()
    assert slow.torque(*HERE)[0] == 0.0


def test_what_is_known_to_fit_need_not_be_faded_in(limits):
    slow = computed_torque(M, limits, trust=replace(AT_ONCE, fade=0.04))
    slow.exchange(constant(4.0, 0.0), at_once=True)
    assert slow.torque(*HERE)[0] == 4.0


def test_the_feedforward_can_be_had_before_the_measurement(limits):
    one, other = (computed_torque(M, limits, known=constant(1.0, 0.5)) for _ in range(2))
    rng = np.random.default_rng(0)
    for controller in (one, other):
        controller.exchange(lambda q, v, a: q + v * a)
    for q, v, q_ref, v_ref, a_ref in 0.1 * rng.standard_normal((5, 5, 2)):
        ahead = other.feedforward(q_ref, v_ref, a_ref)
        tau = other.with_feedback(ahead, q, v, q_ref, v_ref)
        np.testing.assert_array_equal(tau, one.torque(q, v, q_ref, v_ref, a_ref))


def test_the_learned_torque_is_bounded_and_the_sum_keeps_the_effort_limits(controller):
    controller.exchange(constant(80.0, -9.0))
    np.testing.assert_allclose(controller.torque(*HERE), [50.0, -5.0])
    assert "over their share" in controller.fault
    controller.known = constant(70.0, 0.0)
    np.testing.assert_allclose(controller.torque(*HERE), [100.0, -5.0])
    controller.exchange(constant(np.nan, 0.0))
    np.testing.assert_allclose(controller.torque(*HERE), [70.0, 0.0])
    assert "not finite" in controller.fault


def test_a_model_that_nobody_renews_is_faded_out(controller):
    controller.exchange(constant(1.0, 1.0))
    found = [controller.torque(*HERE)[0] for _ in range(12)]
    assert found == [1.0] * 11 + [0.0]
    assert controller.fault == "models too old"
    controller.exchange(constant(1.0, 1.0))
    assert controller.torque(*HERE)[0] == 1.0


def test_what_does_not_fit_is_rejected(controller):
    with pytest.raises(RobotError, match="q_ref holds NaN"):
        controller.torque(HERE[0], HERE[1], [np.nan, 0.0])
    with pytest.raises(RobotError, match="v has shape"):
        controller.torque(HERE[0], np.zeros(3), HERE[2])
    controller.known = constant(np.inf, 0.0)
    with pytest.raises(RobotError, match="known feedforward holds NaN"):
        controller.torque(*HERE)
    controller.known = None
    controller.exchange(constant(1.0))
    with pytest.raises(RobotError, match="learned feedforward has shape"):
        controller.torque(*HERE)


@pytest.mark.parametrize("huge", [1e308, -1e308])
def test_a_torque_that_is_not_finite_is_not_returned(controller, huge):
    with pytest.raises(RobotError, match="torque of joint joint0 is"):
        controller.torque([huge, 0.0], [-huge, 0.0], np.zeros(2))
    assert np.isfinite(controller.torque(*HERE)).all()


def test_an_exact_model_tracks_where_feedback_alone_sags(sawyer):
    perturbation = Perturbation(payload=1.0)
    model, nominal = PinocchioModel(sawyer, perturbation), PinocchioModel(sawyer)
    sag = {}
    for name, known in (("exact", model.rnea), ("nominal", nominal.rnea), ("none", None)):
        arm = MujocoArm(sawyer, perturbation)
        loop = computed_torque(model.M(sawyer.home), sawyer.limits, known=known)
        state = arm.state()
        for _ in range(200):
            state = arm.step(loop.torque(state.q, state.v, sawyer.home), 0.01)
        sag[name] = np.abs(state.q - sawyer.home).max()
    assert sag["exact"] < 1e-6
    assert sag["exact"] < 0.1 * sag["nominal"] < 0.1 * sag["none"]
