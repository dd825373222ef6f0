# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""NaN, infinite and huge numbers on their way through the driver of a Sawyer."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.errors import ConfigError, RobotError
from ml3_ros.robots.sawyer.driving import SawyerDriving
from ml3_ros.robots.sawyer.driving_config import DrivingConfig, State
from ml3_ros.robots.sawyer.interface import Mode
from test.unit.robots.sawyer.driving_bench import MODEL, SAWYER, Bench, one


@pytest.fixture
def bench():
    return Bench()


BROKEN = {
    "inertia": lambda q: np.full((7, 7), np.nan),
    "singular": lambda q: np.zeros((7, 7)),
}


@pytest.mark.parametrize("model", BROKEN)
def test_a_model_that_returns_nonsense_ends_torques_and_the_robot_holds_the_arm(
    bench, monkeypatch, model
):
    bench.active(one(0, 8.0)).run(600)
    assert bench.speed > 0.1
    monkeypatch.setattr(bench.driving._model, "M", BROKEN[model])
    limit = 0.01 * SAWYER.limits.velocity  # now every joint has to be braked, which takes M
    monkeypatch.setattr(bench.driving.safety._limits, "speed", limit)
    at = bench.ms
    bench.run(1000)
    assert bench.driving.state is State.FAULT
    assert "inertia" in bench.driving.reason
    sent = [send for ms, send in bench.sent if ms >= at]
    assert all(np.isfinite(send.position).all() for send in sent if send.torque is None)
    torques = [send.torque for send in sent if send.torque is not None]
    assert len(torques) == (0 if model == "inertia" else 1)  # which lets the arm go at most
    assert bench.robot.control.mode is Mode.POSITION
    assert bench.speed < 0.01


def test_a_load_that_is_not_finite_is_a_fault(bench, monkeypatch):
    bench.active(one(0, 3.0)).run(600)
    bench.driving.reports._gravity_at = -np.inf  # the robot has not published it for long
    monkeypatch.setattr(bench.driving._model, "nle", lambda q, v: np.full(7, np.nan))
    send = bench.driving.cycle(bench.now)
    assert bench.driving.state is State.FAULT
    assert "gravity torque of right_j0 is nan" in bench.driving.reason
    assert np.isfinite(send.torque).all()  # damping needs no gravity


@pytest.mark.parametrize("bad", [np.full(7, np.nan), np.full(7, -np.inf), np.zeros(6)])
def test_what_the_robot_reports_is_finite_or_not_noted(bench, bad):
    bench.active().run(50)
    reports = bench.driving.reports
    q, v, age = reports.q, reports.v, reports.age(bench.now)
    for call in (
        lambda: reports.on_joints(bench.ms, bad, v, bench.now),
        lambda: reports.on_joints(bench.ms, q, bad, bench.now),
        lambda: reports.on_gravity(bad, bench.now),
    ):
        with pytest.raises(RobotError, match=r"NaN or infinity|shape"):
            call()
    assert reports.q is q
    assert reports.v is v
    assert reports.age(bench.now) == age
    assert np.isfinite(reports.added_by_robot(bench.now)[0]).all()


@pytest.mark.parametrize("home", [np.full(7, np.nan), np.zeros(6)])
def test_invalid_homes_are_rejected(bench, home):
    with pytest.raises(RobotError, match="home"):
        SawyerDriving(MODEL, bench.driving.safety, home, DrivingConfig())


@pytest.mark.parametrize(
    "config",
    [
        {"ramp": 0.0},
        {"damping": -1.0},
        {"damping": np.inf},
        {"state_timeout": np.nan},
        {"state_timeout": np.inf},
        {"brake_release": np.nan},
        {"brake_release": -1.0},
    ],
)
def test_invalid_configurations_are_rejected(config):
    with pytest.raises(ConfigError, match=next(iter(config))):
        DrivingConfig(**config)
