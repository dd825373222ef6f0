# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Learned efforts of trajectory points: less what the robot adds, bounded, faded in and out."""

from __future__ import annotations

import time

import numpy as np
import pytest

from ml3_ros.nodes.trajectory_commander.efforts import LearnedEfforts
from ml3_ros.nodes.trajectory_commander.parameters import TrajectoryCommanderParameters
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.ros2_control.trajectory import Points, with_stop
from ml3_ros.robots.ros2_control.trajectory_controller import TrajectoryControl
from test.node.ros2_control.bench import UR5E

MODEL = PinocchioModel(UR5E)
ADDED = np.array([3.0, -2.0, 1.0, 0.5, 0.2, -0.1])  # [N m]


def efforts(preset, torque=ADDED, **parameters):
    """Return efforts whose learned model knows gravity, and says `torque` beside it."""
    given = {"feedforward_fade": 1e-3, "feedforward": "ml3_shaped"} | parameters
    made = LearnedEfforts(MODEL, TrajectoryCommanderParameters(preset=preset, **given))
    made._learned = lambda q, v, a: MODEL.nle(q, np.zeros(6)) + torque
    made._came = time.monotonic()
    return made


def points(n=3):
    q = np.tile(UR5E.home, (n, 1))
    zero = np.zeros_like(q)
    return Points(t=np.arange(n) * 0.1, q=q, v=zero, a=zero, effort=zero)


@pytest.mark.parametrize("preset", ["ur", "generic"])
def test_gravity_is_sent_only_where_the_robot_does_not_add_it(preset):
    gravity = MODEL.nle(UR5E.home, np.zeros(6))
    found = efforts(preset, feedforward_share=1.0).filled(points(), 1.0).effort
    expected = ADDED + (0.0 if preset == "ur" else gravity)
    np.testing.assert_allclose(found, np.tile(expected, (3, 1)), atol=1e-9)


def test_they_are_bounded_and_faded_in_once_a_trajectory():
    made = efforts("ur", np.full(6, 1e4), feedforward_share=0.1, feedforward_fade=1.0)
    first, second = (made.filled(points(), 0.25).effort for _ in range(2))
    bound = 0.1 * MODEL.limits.effort
    np.testing.assert_allclose(first, np.tile(0.25 * bound, (3, 1)))
    np.testing.assert_allclose(second, np.tile(0.5 * bound, (3, 1)))


def test_what_is_old_or_not_finite_is_sent_as_nothing():
    old = efforts("ur", model_timeout=1.0)
    old._came -= 10.0
    assert not old.filled(points(), 1.0).effort.any()
    assert not efforts("ur", np.full(6, np.nan)).filled(points(), 1.0).effort.any()


def test_without_a_model_points_have_none():
    made = efforts("ur")
    made._learned = None
    given = points()
    assert made.filled(given, 1.0) is given


def wave(t):
    """Return q, v, a (6,) of a motion that does not repeat itself within a minute."""
    rate = 1.1 + 0.17 * np.arange(6)
    phase = rate * t + np.arange(6)
    return 0.4 * np.sin(phase), 0.4 * rate * np.cos(phase), -0.4 * rate**2 * np.sin(phase)


def followed(start, fill, seconds=6.0, dt=0.002):
    """Let the emulated controller lead an arm with friction and a payload along the wave.

    Returns:
        Reference q, v, a and errors [rad], efforts of the arm and of feedback [N m], (T, 6).
    """
    limits = MODEL.limits.effort
    friction = {"viscous": tuple(0.01 * limits), "coulomb": tuple(0.02 * limits)}
    arm = MujocoArm(UR5E, Perturbation(payload=1.5, **friction))
    control = TrajectoryControl(MODEL, "included", adds_effort=True)
    state = arm.reset(*wave(start)[:2])
    control.activate(state.q, 0.0)
    rows = []
    for k in range(round(seconds / dt)):
        t = k * dt
        if k % round(0.5 / dt) == 0:
            control.follow(fill(with_stop(wave, start + t, 1.0, 0.05, 0.5)), t)
        tau = control.effort(state.q, state.v, t)
        added = control._reference(t)[3]
        state = arm.step(tau, dt)
        q, v, a = wave(start + t + dt)
        rows.append((q, v, a, q - state.q, tau, tau - added))
    begins = round(2.0 / dt)  # the integral has settled
    return [np.array(x)[begins:] for x in zip(*rows, strict=True)]


def test_an_arm_tracks_better_with_efforts_learned_from_another_stretch_of_its_motion():
    def columns(q, v, a):
        friction = [np.diag(x) for x in (v, np.tanh(v / 0.05), np.ones(6))]
        return np.hstack([MODEL.regressor(q, v, a), *friction])

    *states, _, tau, _ = followed(0.0, lambda points: points, seconds=12.0)
    rows = [np.array(x)[::20] for x in (*states, tau)]
    Y = np.concatenate([columns(*state) for state in zip(*rows[:3], strict=True)])
    ridge = 1e-4 * np.eye(Y.shape[1])
    w = np.linalg.solve(Y.T @ Y + ridge, Y.T @ rows[3].ravel())
    learned = efforts("generic", feedforward_share=1.0)
    learned._learned = lambda q, v, a: columns(q, v, a) @ w
    learned._came = time.monotonic() + 60.0  # no machine is so slow
    without, given = (
        followed(30.0, fill) for fill in (lambda p: p, lambda p: learned.filled(p, 0.5))
    )
    for k, share in ((3, 0.5), (5, 0.5)):  # errors, feedback
        assert np.sqrt(np.mean(given[k] ** 2)) < share * np.sqrt(np.mean(without[k] ** 2))
    assert (np.abs(given[3]).mean(axis=0) < np.abs(without[3]).mean(axis=0)).all()


def test_a_motion_that_repeats_itself_does_so_by_its_period_and_others_do_not():
    arm = load_robot("reacher")  # is planned quickly
    laps, other = (
        TrajectoryCommanderParameters(lap_seconds=seconds).motion(arm) for seconds in (5.0, 0.0)
    )
    for t in (3.0, 7.7):  # after the way into the first lap
        now, later, between = (laps.at(x)[0] for x in (t, t + 15.0, t + 2.0))
        np.testing.assert_allclose(later, now, atol=1e-9)
        assert np.abs(between - now).max() > 0.02
        assert np.abs(other.at(t + 15.0)[0] - other.at(t)[0]).max() > 0.02
