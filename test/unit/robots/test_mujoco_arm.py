# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The simulated arm in MuJoCo: physics, limits, friction, noise, delay, rejections."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.errors import RobotError
from ml3_ros.robots.motors import Motors
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel

DT = 0.01


def rest(arm: MujocoArm) -> np.ndarray:
    return arm.nle(arm.state().q, np.zeros(arm.nv))


def test_energy_is_kept_without_friction(arm):
    moving = MujocoArm(arm)
    sign = np.resize([1.0, -1.0], arm.nv)
    moving.reset(arm.home, 0.5 * sign * arm.limits.velocity)
    moving.step(np.zeros(arm.nv), 1e-3)  # the motors have let go
    start, kinetic = moving.energy(), 0.0
    for _ in range(30):
        v = moving.step(np.zeros(arm.nv), DT).v
        kinetic = max(kinetic, 0.5 * v @ moving.M(moving.state().q) @ v)
        assert abs(moving.energy() - start) < 0.01 * kinetic
    assert kinetic > 0.01


def test_motion_obeys_the_equation_of_motion(arm):
    moving = MujocoArm(arm)
    tau = rest(moving) + 0.02 * arm.limits.effort * np.resize([1.0, -1.0], arm.nv)
    before = moving.step(tau, 1e-4)
    after = moving.step(tau, 1e-3)
    a = np.linalg.solve(moving.M(before.q), tau - moving.nle(before.q, before.v))
    np.testing.assert_allclose(
        (after.v - before.v) / 1e-3, a, rtol=2e-2, atol=2e-2 * np.abs(a).max()
    )


def test_holds_still_before_the_first_command_and_under_gravity_torque(sawyer):
    holding = MujocoArm(sawyer, Perturbation(payload=2.0, command_delay=0.05))
    for _ in range(5):
        state = holding.step(np.zeros(7), DT)  # not there yet
    np.testing.assert_allclose(state.q, sawyer.home, atol=1e-6)
    np.testing.assert_allclose(state.tau, rest(holding), atol=1e-3)
    state = holding.step(np.zeros(7), DT)
    assert np.abs(state.v).max() > 0.01


def test_time_and_torque_of_a_state(sawyer):
    arm = MujocoArm(sawyer)
    assert arm.state().t == 0.0
    tau = rest(arm)
    for k in range(1, 200):
        state = arm.step(tau, DT)
        assert state.t == pytest.approx(k * DT, abs=1e-9)
    np.testing.assert_array_equal(state.tau, tau)
    assert arm.state() is state


def test_odd_periods_are_cut_into_fine_steps(reacher):
    coarse, fine = MujocoArm(reacher), MujocoArm(reacher)
    tau = np.array([0.02, -0.01])
    for arm in (coarse, fine):
        arm.step(tau, 1e-3)
    for _ in range(10):
        coarse.step(tau, 0.0333)
    for _ in range(333):
        fine.step(tau, 1e-3)
    np.testing.assert_allclose(coarse.state().q, fine.state().q, atol=2e-3)


def test_torques_beyond_the_limits_are_clamped_and_reported(sawyer):
    arm = MujocoArm(sawyer)
    tau = rest(arm)
    tau[3], tau[6] = 1e4, -1e4
    state = arm.step(tau, 1e-3)
    np.testing.assert_array_equal(state.saturated, np.isin(np.arange(7), [3, 6]))
    assert (state.tau[3], state.tau[6]) == (40.0, -9.0)
    assert not arm.step(rest(arm), 1e-3).saturated.any()


def test_joint_stops_hold_the_largest_torque(arm):
    pushed = MujocoArm(arm)
    over = np.zeros(arm.nv)
    for _ in range(300):
        over = np.maximum(over, pushed.step(arm.limits.effort, DT).q - arm.limits.upper)
    assert over.max() < 0.03
    np.testing.assert_allclose(pushed.state().q, arm.limits.upper, atol=2e-3)


def test_dry_friction_holds_below_and_lets_go_above(sawyer):
    coulomb = 0.02 * sawyer.limits.effort
    for share, moves in ((0.9, False), (1.3, True)):
        arm = MujocoArm(sawyer, Perturbation(coulomb=tuple(coulomb)))
        for _ in range(50):
            arm.step(rest(arm) + share * coulomb, DT)
        travelled = np.abs(arm.state().q - sawyer.home)
        assert (travelled > 5e-3).all() if moves else (travelled < 2e-3).all()


def test_moving_friction_is_coulomb_plus_viscous(reacher):
    perturbation = Perturbation(coulomb=(0.01, 0.005), viscous=(0.004, 0.002))
    arm = MujocoArm(reacher, perturbation)
    free = MujocoArm(reacher)
    v = np.array([2.0, 3.0])
    lost = []
    for model in (arm, free):
        model.reset(reacher.home, v)
        momentum = model.M(reacher.home) @ v
        state = model.step(model.nle(reacher.home, v), 1e-3)
        lost.append((momentum - model.M(state.q) @ state.v) / 1e-3)
    expected = perturbation.per_joint("coulomb", 2) + perturbation.per_joint("viscous", 2) * v
    np.testing.assert_allclose(lost[0] - lost[1], expected, rtol=0.03)


def test_a_very_viscous_wrist_stays_stable(sawyer):
    arm = MujocoArm(sawyer, Perturbation(viscous=20.0))
    for _ in range(100):
        state = arm.step(rest(arm) + 0.5 * sawyer.limits.effort, DT)
    assert np.abs(state.v).max() < 5.0


def test_payload_and_masses_change_the_torque_at_rest(sawyer):
    nominal = rest(MujocoArm(sawyer))
    loaded = rest(MujocoArm(sawyer, Perturbation(payload=3.0)))
    heavy = rest(MujocoArm(sawyer, Perturbation(mass_scale=1.2)))
    reach = 0.44959778  # of the hand from the base; joint 1 is 0.081 m out
    assert loaded[1] - nominal[1] == pytest.approx(-3.0 * 9.81 * (reach - 0.081), rel=1e-6)
    np.testing.assert_allclose(heavy, 1.2 * nominal, atol=1e-9)


def test_noise_is_as_large_as_configured_and_seeded(sawyer):
    perturbation = Perturbation(
        position_noise=1e-3, velocity_noise=2e-3, torque_noise=tuple(0.01 * np.arange(7))
    )

    def record(seed):
        arm = MujocoArm(sawyer, perturbation, seed=seed)
        tau = rest(MujocoArm(sawyer))
        states = [arm.step(tau, 1e-3) for _ in range(400)]
        return [np.array([getattr(state, k) for state in states]) for k in ("q", "v", "tau")]

    q, v, tau = record(0)
    np.testing.assert_allclose(q.std(axis=0), 1e-3, rtol=0.15)
    np.testing.assert_allclose(v.std(axis=0), 2e-3, rtol=0.15)
    np.testing.assert_allclose(tau.std(axis=0), 0.01 * np.arange(7), rtol=0.15, atol=1e-12)
    np.testing.assert_array_equal(q, record(0)[0])
    assert (q != record(1)[0]).all()
    exact = MujocoArm(sawyer).step(rest(MujocoArm(sawyer)), 1e-3)
    np.testing.assert_allclose(q.mean(axis=0), exact.q, atol=3e-4)


@pytest.mark.parametrize("delay", [0.0, 0.004, 0.01, 0.023])
def test_commands_take_effect_after_the_delay(reacher, delay):
    arm = MujocoArm(reacher, Perturbation(command_delay=delay))
    push = np.array([0.05, 0.0])
    arm.step(np.zeros(2), DT)
    assert arm.step(push, 1e-3).tau[0] == (0.05 if delay == 0.0 else 0.0)
    waited = 1
    while arm.state().tau[0] == 0.0:
        arm.step(np.zeros(2), 1e-3)
        waited += 1
    assert waited == round(delay / 1e-3) + 1
    assert arm.step(np.zeros(2), 1e-3).tau[0] == 0.0


@pytest.mark.parametrize(
    "tau",
    [
        np.full(7, np.nan),
        np.array([0.0, np.inf, 0.0, 0.0, 0.0, 0.0, 0.0]),
        np.zeros(6),
        np.zeros((1, 7)),
        ["a"] * 7,
        None,
    ],
)
def test_bad_torques_leave_the_arm_unchanged(sawyer, tau):
    arm, twin = (MujocoArm(sawyer, Perturbation(velocity_noise=1e-3)) for _ in range(2))
    before = arm.state()
    with pytest.raises(RobotError, match="tau"):
        arm.step(tau, DT)
    assert arm.state() is before
    good = rest(twin)
    np.testing.assert_array_equal(arm.step(good, DT).v, twin.step(good, DT).v)


def test_bad_times_and_resets_are_rejected(sawyer):
    arm = MujocoArm(sawyer)
    for dt in (0.0, -1.0, np.nan, np.inf, 1e-320, 1e9):
        with pytest.raises(RobotError, match="dt"):
            arm.step(np.zeros(7), dt)
    with pytest.raises(RobotError, match="limits of right_j1"):
        arm.reset(np.array([0.0, 2.5, 0.0, 0.0, 0.0, 0.0, 0.0]))
    with pytest.raises(RobotError, match="v has shape"):
        arm.reset(sawyer.home, np.zeros(3))
    assert arm.state().t == 0.0


def test_reset_starts_over(sawyer):
    arm = MujocoArm(sawyer, Perturbation(command_delay=0.02))
    first = [arm.step(np.zeros(7), DT).q for _ in range(5)]
    arm.reset(sawyer.home)
    assert arm.state().t == 0.0
    np.testing.assert_array_equal([arm.step(np.zeros(7), DT).q for _ in range(5)], first)


def test_a_diverged_arm_raises_until_it_is_reset(sawyer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arm = MujocoArm(sawyer)
    arm.reset(sawyer.home, np.full(7, 1e9))
    for _ in range(2):
        with pytest.raises(RobotError, match="diverged"):
            arm.step(np.zeros(7), DT)
        assert np.isfinite(arm.state().q).all()
    arm.reset(sawyer.home)
    assert np.isfinite(arm.step(rest(arm), DT).q).all()
    assert not list(tmp_path.iterdir())


def test_a_brake_locks_its_joints_only_and_its_load_is_measured(sawyer):
    arm, home = MujocoArm(sawyer), sawyer.home
    load = arm.nle(home, np.zeros(7))
    arm.brake([False, True, True, True, False, False, False])
    for _ in range(200):
        state = arm.step(np.zeros(7), 0.001)
    np.testing.assert_allclose(state.q[1:4], home[1:4], atol=1e-6)
    assert np.abs(state.q[4] - home[4]) > 0.1
    assert not state.tau[4:].any()
    np.testing.assert_allclose(state.tau[1], load[1], rtol=0.2)
    arm.brake(np.zeros(7, dtype=bool))
    for _ in range(200):
        state = arm.step(np.zeros(7), 0.001)
    assert np.abs(state.q[1:4] - home[1:4]).min() > 1e-3
    assert not state.tau.any()


def test_the_payload_can_change_while_the_arm_moves(arm, states):
    changed = MujocoArm(arm, Perturbation(payload=0.5, mass_scale=1.1))
    fresh = MujocoArm(arm, Perturbation(mass_scale=1.1))
    for moving in (changed, fresh):
        before = moving.step(np.zeros(arm.nv), 0.01)
        moving.set_payload(2.5)
        assert moving.state() is before
        heavy = PinocchioModel(arm, Perturbation(payload=2.5, mass_scale=1.1))
        for q, v, a in zip(*states(arm, 3), strict=True):
            np.testing.assert_allclose(moving.M(q), heavy.M(q), rtol=1e-9, atol=1e-9)
            np.testing.assert_allclose(moving.rnea(q, v, a), heavy.rnea(q, v, a), atol=1e-8)
        reference = MujocoArm(arm, Perturbation(payload=2.5, mass_scale=1.1))
        reference.reset(before.q, before.v)
        reference._motors = Motors(before.tau, arm.limits.effort, 0.0)  # as `moving` has them
        tau = np.full(arm.nv, 0.1)
        np.testing.assert_allclose(
            moving.step(tau, 0.01).v, reference.step(tau, 0.01).v, rtol=1e-6, atol=1e-9
        )
    moving.set_payload(0.0)
    light = PinocchioModel(arm, Perturbation(mass_scale=1.1))
    np.testing.assert_allclose(moving.M(arm.home), light.M(arm.home), rtol=1e-9, atol=1e-9)
    with pytest.raises(RobotError, match="payload is -1"):
        moving.set_payload(-1.0)
    with pytest.raises(RobotError, match="payload"):
        moving.set_payload(1e300)
