# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tracking over a slow, late connection: nominal and heavily perturbed arms follow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml3_ros.errors import ConfigError, RobotError
from ml3_ros.robots.control.adaptive_control import TrackingController
from ml3_ros.robots.control.trajectories import Excitation
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel

DT = 0.01


def follow(description, perturbation, seconds, *, late=1, seed=0, **settings):
    """Return tracking errors [rad] (T, n), the controller, and the share of saturated samples.

    Commands are computed at 100 Hz, held, and arrive `late` periods after their state.
    """
    arm = MujocoArm(description, perturbation, seed=seed)
    controller = TrackingController(PinocchioModel(description), rate=1.0 / DT, **settings)
    excitation = Excitation(description.limits, description.home, seed)
    state = arm.state()
    under_way = [state.tau] * late
    errors, saturated = [], 0.0
    for q_ref, v_ref, a_ref in zip(*excitation.at(np.arange(0.0, seconds, DT)), strict=True):
        errors.append(state.q - q_ref)
        under_way.append(controller.torque(state.q, state.v, q_ref, v_ref, a_ref))
        state = arm.step(under_way.pop(0), DT)
        saturated += state.saturated.mean()
    return np.array(errors), controller, saturated / len(errors)


def rms(errors):
    return np.sqrt((errors**2).mean(axis=0))


def heavy(description):
    effort, velocity = description.limits.effort, description.limits.velocity
    return Perturbation(
        payload=description.payload_limit,
        mass_scale=1.2,
        viscous=tuple(0.02 * effort / velocity),
        coulomb=tuple(0.02 * effort),
        position_noise=1e-4,
        velocity_noise=1e-3,
        torque_noise=tuple(0.002 * effort),
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_arm_as_described_follows_closely(arm, seed):
    errors, _, saturated = follow(arm, Perturbation(), 15.0, seed=seed)
    assert rms(errors).max() < 0.008
    assert saturated == 0.0


def test_a_heavy_rubbing_sawyer_is_learned_while_tracking(sawyer):
    errors, controller, saturated = follow(sawyer, heavy(sawyer), 40.0)
    assert rms(errors[:1000]).max() < 0.3
    assert (rms(errors[2500:]) < (0.02, 0.02, 0.03, 0.03, 0.08, 0.08, 0.15)).all()
    assert controller.payload == pytest.approx(3.0, abs=0.8)
    assert saturated < 0.01


def test_without_learning_the_heavy_sawyer_is_far_off(sawyer):
    errors, controller, _ = follow(sawyer, heavy(sawyer), 15.0, adaptation=0.0)
    assert rms(errors[500:]).max() > 0.2
    assert controller.payload == 0.0


def test_a_heavy_rubbing_reacher_follows(reacher):
    errors, _, _ = follow(reacher, heavy(reacher), 20.0)
    assert rms(errors[500:]).max() < 0.03


@pytest.mark.parametrize(
    ("late", "delay", "gain"), [(1, 0.0, 0.3), (1, 0.005, 0.3), (2, 0.0, 0.2)]
)
def test_light_links_and_late_commands_are_stable(arm, late, delay, gain):
    # the motors are half a period late by themselves
    perturbation = Perturbation(mass_scale=0.8, command_delay=delay, velocity_noise=1e-3)
    errors, _, _ = follow(arm, perturbation, 20.0, late=late, gain=gain)
    assert rms(errors[500:]).max() < 0.06


def test_gravity_alone_holds_the_arm(sawyer):
    controller = TrackingController(PinocchioModel(sawyer))
    tau = controller.torque(sawyer.home, np.zeros(7), sawyer.home)
    np.testing.assert_allclose(tau, PinocchioModel(sawyer).nle(sawyer.home, np.zeros(7)))


def test_feedforward_is_inverse_dynamics(sawyer, states):
    model = PinocchioModel(sawyer)
    controller = TrackingController(model)
    q, v, a = (x[0] for x in states(sawyer, 1))
    expected = np.clip(model.rnea(q, v, a), -sawyer.limits.effort, sawyer.limits.effort)
    np.testing.assert_allclose(controller.torque(q, v, q, v, a), expected)


def test_torque_stays_within_the_limits_and_nothing_winds_up(sawyer):
    model = PinocchioModel(sawyer)
    controller = TrackingController(model)
    gravity = model.nle(sawyer.home, np.zeros(7))
    for _ in range(500):  # blocked far away: saturated
        tau = controller.torque(sawyer.home, np.zeros(7), sawyer.home + 2.0)
        assert (np.abs(tau) <= sawyer.limits.effort).all()
    assert controller.payload == 0.0
    for _ in range(20000):  # blocked a little away
        tau = controller.torque(sawyer.home, np.zeros(7), sawyer.home + 5e-3)
    assert ((tau - gravity)[:4] > 0.3 * sawyer.limits.effort[:4]).all()
    assert (np.abs(tau - gravity) < 0.6 * sawyer.limits.effort).all()
    for _ in range(1000):  # as far away on the other side, for a twentieth of the time
        tau = controller.torque(sawyer.home, np.zeros(7), sawyer.home - 5e-3)
    assert ((tau - gravity)[:4] < 0.0).all()
    controller.reset()
    tau = controller.torque(sawyer.home, np.zeros(7), sawyer.home)
    np.testing.assert_allclose(tau, gravity)


def test_no_payload_is_learned_where_it_does_not_show(reacher):
    controller = TrackingController(PinocchioModel(reacher))
    still, creep = np.zeros(2), np.full(2, 1e-6)
    for _ in range(100):  # all but at rest in the horizontal plane
        controller.torque(reacher.home, still, reacher.home + 0.01, still, creep)
    assert abs(controller.payload) < 1e-3


def test_bad_input_is_rejected_and_not_learned_from(sawyer):
    controller = TrackingController(PinocchioModel(sawyer))
    good = np.zeros(7)
    for q in (np.full(7, np.nan), np.zeros(6)):
        with pytest.raises(RobotError, match="q "):
            controller.torque(q, good, sawyer.home)
    with pytest.raises(RobotError, match="a_ref"):
        controller.torque(good, good, good, good, np.full(7, np.inf))
    tau = controller.torque(sawyer.home, good, sawyer.home)
    np.testing.assert_allclose(tau, PinocchioModel(sawyer).nle(sawyer.home, good))


@pytest.mark.parametrize("argument", range(5))
@pytest.mark.parametrize("huge", [1e155, -1e200, 1e308, pytest.param(10**400, id="no float")])
def test_numbers_too_large_give_an_error_or_a_torque_and_teach_nothing(sawyer, argument, huge):
    controller = TrackingController(PinocchioModel(sawyer))
    good = [sawyer.home, *np.zeros((1, 7)), sawyer.home, *np.zeros((2, 7))]
    expected = controller.torque(*good)
    bad = list(good)
    bad[argument] = [0.0, huge, 0.0, huge, 0.0, 0.0, 0.0]
    try:
        tau = controller.torque(*bad)
    except RobotError:
        pass
    else:
        assert (np.abs(tau) <= sawyer.limits.effort).all()
    np.testing.assert_allclose(controller.torque(*good), expected)


class Broken(PinocchioModel):
    """A model whose numbers are none while it is broken."""

    broken = ()

    def M(self, q):
        return super().M(q) * (np.nan if "M" in self.broken else 1.0)

    def rnea(self, q, v, a):
        return super().rnea(q, v, a) * (np.nan if "rnea" in self.broken else 1.0)

    def payload_torque(self, q, v, a):
        return super().payload_torque(q, v, a) * (np.inf if "payload" in self.broken else 1.0)


@pytest.mark.parametrize("part", ["M", "rnea", "payload"])
def test_a_model_that_is_broken_for_a_period_is_not_learned_from(sawyer, part):
    model = Broken(sawyer)
    controller = TrackingController(model)
    good = (sawyer.home, np.zeros(7), sawyer.home + 0.001, np.full(7, 0.1))
    model.broken = (part,)
    try:
        assert np.isfinite(controller.torque(*good)).all()
    except RobotError as error:
        assert "must not be sent" in str(error)
    model.broken = ()
    assert np.isfinite(controller.torque(*good)).all()
    assert np.isfinite(controller.payload)


def test_an_arm_without_effort_limits_learns_nothing_from_a_velocity_that_cannot_be(sawyer):
    limits = replace(sawyer.limits, effort=np.full(7, np.inf))
    controller = TrackingController(PinocchioModel(replace(sawyer, limits=limits)))
    before = controller.torque(sawyer.home, np.zeros(7), sawyer.home)
    controller.torque(sawyer.home, np.where(np.arange(7) == 3, 1e3, 0.0), sawyer.home)
    after = controller.torque(sawyer.home, np.zeros(7), sawyer.home)
    np.testing.assert_array_equal(after, before)


def test_a_model_that_is_broken_from_the_beginning_is_rejected(sawyer):
    model = Broken(sawyer)
    model.broken = ("M",)
    with pytest.raises(RobotError, match="correct the masses"):
        TrackingController(model)


@pytest.mark.parametrize("velocity", [0.0, np.inf])
def test_a_joint_that_may_not_move_or_as_fast_as_it_likes_is_learned_alike(sawyer, velocity):
    limits = replace(sawyer.limits, velocity=np.full(7, velocity))
    controller = TrackingController(PinocchioModel(replace(sawyer, limits=limits)))
    for _ in range(10):
        tau = controller.torque(sawyer.home, np.zeros(7), sawyer.home + 0.001)
    assert np.isfinite(tau).all()
    assert np.isfinite(controller.payload)


def test_a_rate_at_which_gravity_is_compensated_too_late_is_rejected(sawyer, reacher):
    for settings in ({"rate": 30.0}, {"rate": 50.0, "gain": 0.05}):
        with pytest.raises(ConfigError, match="gravity is compensated too late: raise the rate"):
            TrackingController(PinocchioModel(sawyer), **settings)
        TrackingController(PinocchioModel(reacher), **settings)  # gravity does no work on it
    TrackingController(PinocchioModel(sawyer), rate=100.0, gain=0.1)  # beside a real one


def test_settings_that_cannot_be_stable_are_rejected(sawyer):
    model = PinocchioModel(sawyer)
    for keywords in ({"gain": 0.6}, {"gain": 0.0}, {"rate": 0.0}, {"adaptation": 50.0}):
        (name,) = keywords
        with pytest.raises(ConfigError, match=name):
            TrackingController(model, **keywords)
