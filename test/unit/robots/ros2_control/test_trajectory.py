# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Trajectories: parts of a reference that end at rest, and what lies between their points."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml3_ros.errors import ConfigError
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.ros2_control.trajectory import Points, with_stop
from ml3_ros.robots.ros2_control.trajectory_controller import TrajectoryControl

UR5E = load_robot(Path(__file__).parents[3] / "arms/ur5e.urdf")
MODEL = PinocchioModel(UR5E)


def wave(t):
    phase = 2.0 * t + np.arange(6)
    return 0.3 * np.sin(phase), 0.6 * np.cos(phase), -1.2 * np.sin(phase)


def test_between_points_the_reference_is_met_and_derivatives_are_those_of_the_position():
    points = with_stop(wave, 1.0, 1.0, 0.05, 0.5)
    for t in (0.0, 0.333, 0.71, 0.999):
        q, v, a, _ = points.at(t)
        assert np.abs(q - wave(1.0 + t)[0]).max() < 1e-6
        assert np.abs(v - wave(1.0 + t)[1]).max() < 1e-5
        h = 1e-5
        assert (
            v == pytest.approx((points.at(t + h)[0] - points.at(t - h)[0]) / (2 * h), abs=1e-4)
            or t == 0.0
        )
        assert np.abs(a - wave(1.0 + t)[2]).max() < 1e-2


def test_a_part_ends_at_rest_without_a_jump():
    points = with_stop(wave, 1.0, 1.0, 0.05, 0.5)
    assert points.t[-1] == pytest.approx(1.5)
    times = np.arange(0.9, 1.6, 1e-3)
    q, v, a, _ = (np.array(x) for x in zip(*map(points.at, times), strict=True))
    assert np.abs(np.diff(q, axis=0)).max() < 1e-3
    assert np.abs(v[-1]).max() == 0.0
    assert np.abs(a).max() < 8.0  # the wave has 1.2, and 0.6 rad/s end within 0.5 s


def test_lengths_without_a_meaning_are_rejected():
    with pytest.raises(ConfigError, match="give times"):
        with_stop(wave, 0.0, 1.0, 0.05, 0.0)


@pytest.mark.parametrize("gravity", ["robot", "included"])
def test_the_emulated_controller_follows_in_spite_of_friction_and_a_payload(gravity):
    friction = {
        "viscous": tuple(0.01 * UR5E.limits.effort),
        "coulomb": tuple(0.02 * UR5E.limits.effort),
    }
    arm = MujocoArm(UR5E, Perturbation(payload=1.0, **friction))
    control = TrajectoryControl(MODEL, gravity, adds_effort=False)
    q, v, _ = wave(0.0)
    state = arm.reset(q, v)
    control.activate(q, 0.0)
    control.follow(with_stop(wave, 0.0, 3.0, 0.05, 0.5), 0.0)
    errors, dt = [], 0.002
    for k in range(2000):
        tau = control.effort(state.q, state.v, k * dt)
        if gravity == "robot":
            tau = tau + MODEL.nle(state.q, np.zeros(6))
        state = arm.step(tau, dt)
        reference = control._reference((k + 1) * dt)[0]
        errors.append(np.abs(state.q - reference).max())
    assert max(errors) < 0.15
    assert errors[-1] < 0.05


def test_until_a_trajectory_begins_the_last_one_goes_on_and_efforts_are_added_if_they_are():
    zero = np.zeros((1, 6))
    hold = Points(t=np.array([1.0]), q=zero, v=zero, a=zero, effort=zero + 2.0)
    for adds, expected in ((True, 2.0), (False, 0.0)):
        control = TrajectoryControl(MODEL, "robot", adds_effort=adds)
        control.activate(np.zeros(6), 0.0)
        control.follow(hold, 5.0)
        assert control.effort(np.zeros(6), np.zeros(6), 1.0) == pytest.approx(np.zeros(6))
        assert control.effort(np.zeros(6), np.zeros(6), 6.5) == pytest.approx(np.full(6, expected))
