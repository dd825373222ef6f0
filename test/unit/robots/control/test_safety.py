# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The last stage before motors: what it rejects, what it cuts down, what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.errors import ConfigError
from ml3_ros.robots.control.adaptive_control import TrackingController
from ml3_ros.robots.control.safety import SafetyStage
from ml3_ros.robots.control.safety_config import (
    CommandLengthError,
    FutureCommandError,
    NotFiniteCommandError,
    SafetyConfig,
    SafetyStop,
    StaleCommandError,
)
from ml3_ros.robots.control.trajectories import Excitation
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from test.unit.robots.control.safety_bench import (
    HOME,
    LIMITS,
    MODEL,
    RATE,
    REST,
    SAWYER,
    gravity,
    kinds,
    one,
    stage,
)


@pytest.mark.parametrize(
    ("tau", "age", "error", "sentence"),
    [
        (np.ones(6), 0.0, CommandLengthError, "6 torques for 7 joints.*right_j0, right_j1"),
        (np.ones((7, 1)), 0.0, CommandLengthError, "is rejected"),
        (one(2, np.nan), 0.0, NotFiniteCommandError, "for right_j2 is nan"),
        (one(6, -np.inf), 0.0, NotFiniteCommandError, "for right_j6 is -inf"),
        (REST, 0.1001, StaleCommandError, r"0\.100 s ago"),
        (REST, np.nan, StaleCommandError, "copy its stamp"),
        (REST, -0.0201, FutureCommandError, r"0\.020 s after the newest"),
    ],
)
def test_what_must_not_be_used_is_rejected(tau, age, error, sentence):
    with pytest.raises(error, match=sentence):
        stage(future_tolerance=0.02).admit(tau, age)


@pytest.mark.parametrize("age", [-0.02, 0.0, 0.1])
def test_a_good_command_is_admitted_unchanged(age):
    np.testing.assert_array_equal(stage(future_tolerance=0.02).admit(HOME, age), HOME)


def test_a_command_within_all_limits_passes_unchanged():
    tau = gravity() + 0.1 * LIMITS.effort
    command = stage().limit(tau, HOME, REST)
    np.testing.assert_allclose(command.tau, tau, rtol=1e-12)
    np.testing.assert_allclose(command.added, 0.1 * LIMITS.effort, rtol=1e-9)
    assert command.violations == ()


def test_the_share_of_effort_is_of_what_is_on_top_of_gravity():
    command = stage(effort_share=0.3).limit(gravity() + one(1, 50.0), HOME, REST)
    np.testing.assert_allclose(command.added, one(1, 0.3 * 80.0), atol=1e-9)
    assert kinds(command) == {"effort limit": ("right_j1",)}


def test_gravity_and_the_rest_together_stay_within_the_effort_limit():
    pose = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.3])  # stretched out: j1 carries the most
    load = gravity(pose)[1]
    command = stage(effort_rate=1e3).limit(
        gravity(pose) + one(1, np.copysign(70.0, load)), pose, REST
    )
    assert abs(command.tau[1]) == pytest.approx(80.0)
    assert kinds(command) == {"effort limit": ("right_j1",)}


def test_effort_grows_no_faster_than_its_rate_and_starts_from_gravity():
    safety = stage(effort_rate=10.0)
    command_in = gravity() + one(0, 40.0)
    grown = [safety.limit(command_in, HOME, REST).added[0] for _ in range(40)]
    np.testing.assert_allclose(np.diff([0.0, *grown])[:25], 80.0 * 10.0 / RATE, rtol=1e-9)
    assert grown[-1] == pytest.approx(40.0)
    safety.hold()  # the arm held itself meanwhile
    command = safety.limit(command_in, HOME, REST)
    assert command.added[0] == pytest.approx(80.0 * 10.0 / RATE)
    assert kinds(command) == {"effort rate": ("right_j0",)}


def test_a_joint_that_is_too_fast_is_braked_and_the_others_follow_their_command():
    v = one(2, 1.0 * LIMITS.velocity[2])
    tau = MODEL.rnea(HOME, v, np.array([1.0, -1.0, 2.0, 0.5, 1.0, -1.0, 1.0]))
    command = stage(velocity_share=0.9).limit(tau, HOME, v)
    a = np.linalg.solve(MODEL.M(HOME), command.tau - MODEL.nle(HOME, v))
    assert kinds(command) == {"velocity limit": ("right_j2",)}
    np.testing.assert_allclose(a[2], -30.0 * 0.1 * LIMITS.velocity[2], rtol=1e-6)
    np.testing.assert_allclose(np.delete(a, 2), [1.0, -1.0, 0.5, 1.0, -1.0, 1.0], rtol=1e-6)


def test_a_joint_that_could_not_stop_before_its_limit_any_more_is_braked():
    distance = 0.05
    q = HOME.copy()
    q[3] = LIMITS.upper[3] - 0.1 - distance
    fastest = np.sqrt(2.0 * LIMITS.acceleration[3] * distance)
    safety = stage(position_margin=0.1)
    for v, braked in ((0.99 * fastest, {}), (1.01 * fastest, {"position limit": ("right_j3",)})):
        tau = MODEL.rnea(q, one(3, v), REST)
        assert kinds(safety.limit(tau, q, one(3, v))) == braked


def test_beyond_its_soft_limit_a_joint_is_pushed_back():
    q = HOME.copy()
    q[5] = LIMITS.lower[5] + 0.02
    command = stage(position_margin=0.1).limit(gravity(q), q, REST)
    a = np.linalg.solve(MODEL.M(q), command.added)
    assert kinds(command) == {"position limit": ("right_j5",)}
    assert a[5] == pytest.approx(30.0 * 7.5 * 0.08, rel=1e-6)


@pytest.mark.parametrize("joint", range(7))
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_no_joint_is_driven_into_its_stop_by_a_runaway_controller(joint, sign):
    arm = MujocoArm(SAWYER)
    safety = stage(effort_share=0.3, effort_rate=10.0, velocity_share=0.7, position_margin=0.1)
    state, fastest = arm.reset(HOME), 0.0
    mad = np.random.default_rng(joint).normal(size=7) * 0.3 * LIMITS.effort
    mad[joint] = sign * LIMITS.effort[joint]
    seen = set()
    for _ in range(int(3 * RATE)):
        command = safety.limit(gravity(state.q) + mad, state.q, state.v)
        seen |= set(kinds(command))
        state = arm.step(command.tau, 1.0 / RATE)
        fastest = max(fastest, float((np.abs(state.v) / LIMITS.velocity).max()))
        assert (state.q < LIMITS.upper).all()
        assert (state.q > LIMITS.lower).all()
    assert "position limit" in seen
    assert fastest < 1.5  # a wrist without rotor inertia passes its limit for some periods


def test_a_trajectory_that_keeps_its_limits_is_left_alone():
    rng = np.random.default_rng(3)
    arm = MujocoArm(SAWYER, Perturbation.sample(SAWYER, rng, velocity_noise=1e-3))
    excitation = Excitation(LIMITS, HOME, 3)
    controller, safety = TrackingController(MODEL, rate=100.0), stage(rate=100.0)
    state = arm.reset(excitation.home)
    for k in range(1500):
        tau = controller.torque(state.q, state.v, *excitation.at(0.01 * k))
        command = safety.limit(tau, state.q, state.v)
        assert command.violations == ()
        np.testing.assert_allclose(command.tau, tau, atol=1e-9)
        state = arm.step(command.tau, 0.01)


def test_on_violation_stop_lets_nothing_pass_until_reset():
    safety = stage(on_violation="stop", effort_share=0.3)
    with pytest.raises(SafetyStop, match=r"effort limit of right_j0.*reset the arm"):
        safety.limit(gravity() + one(0, 60.0), HOME, REST)
    for call in (lambda: safety.limit(gravity(), HOME, REST), lambda: safety.admit(REST, 0.0)):
        with pytest.raises(SafetyStop, match="effort limit of right_j0"):
            call()
    safety.reset()
    assert safety.limit(gravity(), HOME, REST).violations == ()


def test_overspeed_stops_the_arm_even_where_violations_are_clamped():
    safety = stage(overspeed=0.8)
    safety.limit(gravity(), HOME, one(4, 0.79 * LIMITS.velocity[4]))
    with pytest.raises(SafetyStop, match="overspeed of right_j4"):
        safety.limit(gravity(), HOME, one(4, -0.81 * LIMITS.velocity[4]))


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"effort_share": 0.0}, "effort_share is 0.0"),
        ({"velocity_share": 1.1}, "velocity_share is 1.1"),
        ({"effort_rate": np.nan}, "effort_rate is nan"),
        ({"position_margin": -0.1}, "position_margin is -0.1"),
        ({"on_violation": "warn"}, "must be clamp or stop"),
        ({"position_margin": 4.0}, "leaves right_j0 no range"),
        ({"position_margin": np.inf}, "position_margin is inf"),
        ({"stop_gain": -1.0}, "stop_gain is -1.0"),
        ({"overspeed": np.nan}, "overspeed is nan"),
        ({"command_timeout": np.inf}, "command_timeout is inf"),
        ({"future_tolerance": np.inf}, "future_tolerance is inf"),
        ({"future_tolerance": np.nan}, "future_tolerance is nan"),
    ],
)
def test_invalid_configurations_are_rejected(config, sentence):
    with pytest.raises(ConfigError, match=sentence):
        stage(**config)


def test_an_arm_without_limits_in_its_file_is_never_braked(tmp_path):
    path = tmp_path / "free.xml"
    path.write_text(
        "<mujoco><worldbody><body name='b'><joint name='a' axis='0 0 1'/>"
        "<geom type='capsule' size='.02' fromto='0 0 0 .3 0 0'/></body></worldbody></mujoco>"
    )
    free = load_robot(path)
    safety = SafetyStage(PinocchioModel(free), SafetyConfig(), rate=100.0)
    command = safety.limit(np.array([1e3]), np.array([50.0]), np.array([300.0]))
    assert command.violations == ()
    assert command.tau == pytest.approx([1e3])


@pytest.mark.filterwarnings("error")
def test_a_wrong_gravity_setting_moves_no_limit():
    command = stage(effort_share=0.3).limit(gravity(), HOME, REST, gravity() + one(4, 1e38))
    assert (np.abs(command.added) <= 0.3 * LIMITS.effort).all()
