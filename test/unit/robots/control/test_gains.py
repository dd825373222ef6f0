# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Gains at a sampling rate: no arm shakes or falls, on time or one period late."""

from __future__ import annotations

from dataclasses import replace
from importlib import metadata
from itertools import product

import numpy as np
import pytest

from ml3_ros.errors import ConfigError, RobotError
from ml3_ros.robots.control.computed_torque import ComputedTorque
from ml3_ros.robots.control.gains import FixedGains, GainConfig, PoseGains
from ml3_ros.robots.control.sampled_loop import RADIUS, TURN, multipliers, poses_within, settles
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot

RATES = (100.0, 250.0, 500.0, 1000.0)
HARDEST = [100.0, *(pytest.param(rate, marks=pytest.mark.slow) for rate in RATES[1:])]
NASTIEST = ("sawyer", "reacher", "so100", "so101", "ur10_robot")
M = np.array([[1.0, 0.005], [0.005, 1e-4]])
LARGEST = 12  # joints: whole humanoids take minutes
CLEAR = 0.05  # of a joint's stops [rad]


@pytest.fixture(scope="module")
def arms():
    """Arms that load, by name: the package's own and those of example-robot-data, if not huge."""
    found = {name: load_robot(name) for name in ("sawyer", "reacher")}
    for file in metadata.files("example-robot-data"):
        if file.suffix == ".urdf":
            try:
                arm = load_robot(file.locate())
            except RobotError:
                continue
            if arm.nv <= LARGEST:
                found[file.stem] = arm
    assert len(found) >= 34
    return found


def models(arm):
    heavy = Perturbation(payload=arm.payload_limit, mass_scale=1.2)
    return PinocchioModel(arm), PinocchioModel(arm, heavy)


def gains_of(arm, rate):
    """Return the gains, or None where the arm needs a higher rate."""
    try:
        return PoseGains(GainConfig(rate=rate), *models(arm), arm.home)
    except ConfigError as error:
        assert "raise the rate" in str(error)
        assert any(name in str(error) for name in arm.names)
        return None


@pytest.mark.parametrize(
    ("lower", "upper"),
    [(7.0, 9.0), (-9.0, -7.0), (7.0, np.inf), (-np.inf, -7.0), (-np.inf, np.inf), (6.0, 5e3)],
)
def test_poses_are_inside_limits_that_lie_anywhere(arms, lower, upper):
    limits = replace(arms["reacher"].limits, lower=np.full(2, lower), upper=np.full(2, upper))
    poses = poses_within(limits, np.clip(np.zeros(2), lower, upper))
    assert ((poses >= lower) & (poses <= upper)).all()
    assert (np.ptp(poses, axis=0) > 1.5).all()


@pytest.mark.parametrize(("lower", "upper"), [(np.nan, 3.0), (1.0, -1.0), (np.inf, np.inf)])
def test_position_limits_without_a_meaning_are_rejected(arms, lower, upper):
    limits = replace(arms["reacher"].limits, lower=np.full(2, lower), upper=np.full(2, upper))
    with pytest.raises(RobotError, match="correct the position limits"):
        poses_within(limits, np.zeros(2))


@pytest.mark.parametrize("scale", [np.nan, 0.0])
@pytest.mark.parametrize("which", [0, 1])
def test_an_arm_without_an_inertia_gets_no_gains(arms, which, scale, monkeypatch):
    pair = models(arms["sawyer"])
    inertia = pair[which].M
    monkeypatch.setattr(pair[which], "M", lambda q: scale * inertia(q))
    with pytest.raises(RobotError, match="correct the masses"):
        PoseGains(GainConfig(), *pair, arms["sawyer"].home)


def elsewhere(arm, count=30):
    """Return poses that the gains were not looked at, (count, n)."""
    drawn = poses_within(arm.limits, arm.home)[1:]
    lower, upper = drawn.min(0), drawn.max(0)
    return np.random.default_rng(11).uniform(lower, upper, (count, arm.nv))


def test_gains_scale_with_inertia_down_to_a_least_stiffness():
    kp, kd = GainConfig().gains(M, np.array([100.0, 10.0]))
    np.testing.assert_allclose(kp, [64.0, 0.03 * 10.0])
    free = np.array([1.0 - 0.005**2 / 1e-4, 1e-4 - 0.005**2])  # felt while the other gives way
    np.testing.assert_allclose(kd, 1.4 * np.sqrt(kp * free))


def test_gains_are_far_below_those_of_the_tracking_controller():
    kp, kd = GainConfig().gains(np.eye(1), np.zeros(1))
    assert kp[0] < 300.0 / 4.0
    assert kd[0] < 30.0 / 2.0


@pytest.mark.parametrize(
    "wrong",
    [{"frequency": 0.0}, {"damping": np.nan}, {"rate": 20.0}, {"least_stiffness": -1.0}],
)
def test_gains_out_of_range_are_rejected(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        GainConfig(**wrong)


def test_an_inertia_that_does_not_fit_is_rejected():
    with pytest.raises(RobotError, match="not positive definite"):
        FixedGains(GainConfig(), np.diag([1.0, 0.0]), np.ones(2))
    with pytest.raises(RobotError, match=r"M has shape \(3, 3\)"):
        FixedGains(GainConfig(), np.eye(3), np.ones(2))


@pytest.mark.parametrize("ramp", [False, True])
@pytest.mark.parametrize("late", [False, True])
def test_multipliers_are_those_of_a_joint_stepped_by_hand(late, ramp):
    m, g, kp, kd, T, n = 0.3, -2.0, 30.0, 2.0, 0.01, 1000
    one = np.ones((1, 1, 1))
    loop = m * one, g * one, kp * one[0], kd * one[0], 1.0 / T
    found = multipliers(*loop, late=late, ramp=ramp)[0]

    def step(state):
        e, v, *before = state
        torques = [-kp * e - kd * v, *before]  # the newest first
        goal, start = torques[late], torques[late + ramp]
        for i in range(n):  # trapezoids, far finer than a period
            tau = start + (goal - start) * (i + 0.5) / n
            v_next = v + (tau - g * (e + 0.5 * T / n * v)) / m * T / n
            e, v = e + 0.5 * T / n * (v + v_next), v_next
        return np.array([e, v, *torques][:size])

    size = 2 + late + ramp
    expected = np.linalg.eigvals(np.transpose([step(x) for x in np.eye(size)]))
    np.testing.assert_allclose(np.sort_complex(found), np.sort_complex(expected), atol=1e-6)


def test_what_grows_on_time_or_late_does_not_settle():
    one, kp = np.ones((1, 1)), np.array([[64.0]])
    for kd, G, good in ((11.0, 0.0, True), (120.0, 0.0, False), (11.0, -65.0, False)):
        assert settles(one[None], G * one[None], kp, kd * one, 100.0) == good
    assert settles(one[None], 0.0 * one[None], kp, 120.0 * one, 1000.0)


@pytest.mark.parametrize("rate", HARDEST)
def test_no_arm_shakes_or_falls_at_any_pose(arms, rate):
    for name, arm in arms.items():
        gains = gains_of(arm, rate)
        if gains is None:
            assert name not in ("sawyer", "reacher", "ur10_robot", "ur3_robot"), name
            assert rate <= 250.0, name
            continue
        poses = elsewhere(arm)
        light = PinocchioModel(arm)
        kp, kd = (np.array(k) for k in zip(*map(gains, poses), strict=True))
        loop = light.M(poses), light.gravity_gradient(poses), kp, kd, rate
        for late, ramp in product((False, True), repeat=2):
            z = multipliers(*loop, late=late, ramp=ramp)
            assert (np.abs(z) < 1.0 + 1e-9).all(), (name, late, ramp)
            fast = np.abs(np.angle(z)) > TURN
            if not (late and ramp):
                assert (np.abs(z[fast]) < 0.5 + 0.5 * RADIUS).all(), (name, late, ramp)


def test_arms_that_the_rate_suits_keep_their_gains(arms):
    for name, rate in (("sawyer", 250.0), ("reacher", 100.0)):
        arm, config = arms[name], GainConfig(rate=rate)
        expected = config.gains(models(arm)[1].M(arm.home), arm.limits.effort)
        np.testing.assert_allclose(gains_of(arm, rate)(arm.home), expected)


def test_for_an_arm_that_no_gains_hold_the_error_names_the_joint_and_the_cure(arms):
    arm = arms["so100"]
    with pytest.raises(ConfigError, match=r"shakes or falls at 100 Hz.*raise the rate"):
        PoseGains(GainConfig(), *models(arm), arm.home)
    assert gains_of(arm, 250.0) is not None


def left(arm, gains, rate, late, pose):
    """Hold a pose for 10 s from an error of 10 mrad, with a perfect model.

    Returns:
        The largest errors of the first second and of the last [rad], and the largest speeds of
        both [rad/s]: a joint may stick to its dry friction.
    """
    twin = MujocoArm(arm, Perturbation(command_delay=late / rate))
    loop = ComputedTorque(gains, arm.limits, rate=rate, known=PinocchioModel(arm).rnea)
    away = 0.01 * np.random.default_rng(3).choice([-1.0, 1.0], arm.nv)
    state = twin.reset(np.clip(pose + away, arm.limits.lower, arm.limits.upper))
    errors, speeds = [], []
    for _ in range(round(10.0 * rate)):
        state = twin.step(loop.torque(state.q, state.v, pose), 1.0 / rate)
        errors.append(np.abs(state.q - pose).max())
        speeds.append(np.abs(state.v).max())
    second = round(rate)
    begin, end = slice(second), slice(-second, None)
    return (max(errors[begin]), max(errors[end])), (max(speeds[begin]), max(speeds[end]))


def check_that_errors_die_out(name, arm, gains, rate):
    light = PinocchioModel(arm)
    # at its stop a joint bounces, as the home of a1 would; motions stay clear of it, too
    clear = np.minimum(CLEAR, (arm.limits.upper - arm.limits.lower) / 2.0)
    inside = np.clip(arm.home, arm.limits.lower + clear, arm.limits.upper - clear)
    for pose in (inside, elsewhere(arm, 1)[0]):
        if (np.abs(light.nle(pose, np.zeros(arm.nv))) > arm.limits.effort).any():
            continue  # too weak for this pose, as a humanoid's waist
        for late in (0, 1):
            (first, last), speeds = left(arm, gains, rate, late, pose)
            assert last <= 1.01 * first + 1e-6, (name, rate, late, pose)
            assert speeds[1] < max(2e-3, 0.1 * speeds[0]), (name, rate, late, pose)


@pytest.mark.parametrize("name", NASTIEST)
def test_a_small_error_dies_out(arms, name):
    rate = 250.0 if name in ("so100", "so101") else 100.0
    gains = gains_of(arms[name], rate)
    assert gains is not None
    check_that_errors_die_out(name, arms[name], gains, rate)


def test_gains_of_home_that_ignore_the_rate_shake(arms):
    arm = arms["ur10_robot"]
    fixed = FixedGains(GainConfig(), models(arm)[1].M(arm.home), arm.limits.effort)
    (first, last), speeds = left(arm, fixed, 100.0, 1, arm.home)
    assert last > 0.9 * first  # it goes on for ever, in a cycle whose height varies
    assert speeds[1] > 1.0


@pytest.mark.slow
@pytest.mark.parametrize("rate", RATES)
def test_a_small_error_dies_out_on_every_arm(arms, rate):
    for name, arm in arms.items():
        gains = gains_of(arm, rate)
        if gains is not None:
            check_that_errors_die_out(name, arm, gains, rate)
