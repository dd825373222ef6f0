# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The closed loop of the tracking experiment: what is measured, and when errors have recovered."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ml3_ros.errors import RobotError
from ml3_ros.experiments.tracking.loop import ClosedLoop, recovery, rms, running_rms
from ml3_ros.robots.base import ArmState
from ml3_ros.robots.control.computed_torque import ComputedTorque
from ml3_ros.robots.control.gains import FixedGains, GainConfig
from ml3_ros.robots.control.trajectories import Excitation, within_effort
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot


class Rail:
    """Two joints that follow at once: q becomes the torque."""

    def __init__(self, diverges_at=math.inf):
        self.q, self.t, self.diverges_at = np.zeros(2), 0.0, diverges_at

    def state(self):
        zero = np.zeros(2)
        return ArmState(t=self.t, q=self.q, v=zero, tau=self.q, saturated=zero > 1.0)

    def step(self, tau, dt):
        if self.t >= self.diverges_at:
            raise RobotError("diverged")
        self.q, self.t = tau, self.t + dt
        return self.state()


class Ramp:
    """q_ref = t, for two joints."""

    def at(self, t):
        q = np.stack([t, 2.0 * t], axis=-1)
        return q, np.ones_like(q), np.zeros_like(q)


class Echo:
    """A controller that commands the reference, and what it was given."""

    def __init__(self):
        self.models = []

    def feedforward(self, q_ref, v_ref, a_ref):
        return 100.0 * q_ref

    def with_feedback(self, feedforward, q, v, q_ref, v_ref):
        self.ahead = feedforward / 100.0 - q_ref
        return q_ref

    def exchange(self, model):
        self.models.append(model)


def test_errors_are_those_at_the_end_of_each_period():
    controller = Echo()
    loop = ClosedLoop(Rail(), controller, Ramp(), 10.0)
    np.testing.assert_allclose(loop.run(0.3), [[-0.1, -0.2]] * 3)  # a period late
    np.testing.assert_allclose(controller.ahead, [0.1, 0.2])  # what the period shall end with
    assert loop.run(0.5).shape == (2, 2)
    np.testing.assert_allclose(rms(loop.run(0.9)), [0.1, 0.2])


@pytest.mark.parametrize("robot", ["reacher", "sawyer"])
def test_torques_of_the_true_model_are_fed_forward_for_when_the_motors_give_them(robot):
    description = load_robot(robot)
    model = PinocchioModel(description)
    motion = within_effort(Excitation(description.limits, description.home, 1), model, 6.0)
    gains = FixedGains(GainConfig(), model.M(description.home), description.limits.effort)
    controller = ComputedTorque(gains, description.limits, rate=100.0, known=model.rnea)
    loop = ClosedLoop(MujocoArm(description), controller, motion, 100.0)
    assert rms(loop.run(6.0)).max() < 5e-4


def test_an_arm_that_diverges_has_an_infinite_error_from_then_on():
    loop = ClosedLoop(Rail(diverges_at=0.15), Echo(), Ramp(), 10.0)
    errors = loop.run(0.4)
    assert np.isfinite(errors[:2]).all()
    assert np.isinf(errors[2:]).all()
    assert loop.lost
    assert np.isinf(loop.run(0.5)).all()
    assert np.isinf(rms(errors)).all()


def test_the_controller_gets_every_model_that_the_stream_learns():
    class Counter:
        def measure(self, t, q, v, tau):
            return round(10 * t) if round(10 * t) % 2 == 0 else None

    controller = Echo()
    ClosedLoop(Rail(), controller, Ramp(), 10.0, Counter()).run(0.5)
    assert controller.models == [2, 4]


def test_the_running_error_is_over_the_last_period():
    errors = np.array([[3.0, 1.0], [4.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    found = running_rms(errors, 2)
    assert np.isnan(found[0])
    np.testing.assert_allclose(
        found[1:], [(12.5**0.5 + 1.0) / 2, (8.0**0.5 + 1.0) / 2, (0.0 + 1.0) / 2]
    )


@pytest.mark.parametrize(
    ("level", "seconds"),
    [
        ([1.0, 1.2, 1.1], 0.0),  # it never rose
        ([2.0, 3.0, 1.2, 1.0], 0.3),
        ([2.0, 1.0, 1.3, 1.0, 1.0], 0.4),  # for good
        ([2.0, 1.0, 1.21], math.inf),
        ([1.0, math.nan], math.inf),
        ([1.0, math.inf], math.inf),
    ],
)
def test_recovery_is_when_the_error_is_back_for_good(level, seconds):
    assert recovery(np.array(level), 10.0, 1.0, 1.2) == pytest.approx(seconds)
