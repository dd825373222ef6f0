# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Hands on a simulated arm: their torque on the joints, how they grow and end, random ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pinocchio
import pytest

from ml3_ros.errors import ConfigError, RobotError
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.pushes import Handling, Push, Touch, TouchConfig, pushes_at, random_touches

PUSH = Push(link=4, point=(0.05, -0.1, 0.12), force=(10.0, -20.0, 5.0))
OTHER = Push(link=2, point=(0.0, 0.1, 0.0), force=(0.0, 0.0, 15.0))


def transposed_jacobian(description, q, push):
    """Return J^T f by Pinocchio."""
    model = description.model.copy()
    data = model.createData()
    pinocchio.computeJointJacobians(model, data, q)
    world = pinocchio.LOCAL_WORLD_ALIGNED
    J = pinocchio.getJointJacobian(model, data, push.link + 1, world)
    arm = data.oMi[push.link + 1].rotation @ np.array(push.point)
    return (J[:3] - pinocchio.skew(arm) @ J[3:]).T @ np.array(push.force)


def test_pushes_load_the_joints_by_the_transposed_jacobian(sawyer):
    arm = MujocoArm(sawyer)
    q = sawyer.home + 0.3 * np.cos(np.arange(7))
    arm.reset(q)
    arm.push(PUSH, OTHER)
    expected = transposed_jacobian(sawyer, q, PUSH) + transposed_jacobian(sawyer, q, OTHER)
    np.testing.assert_allclose(arm.external_torque(), expected, atol=1e-9)
    assert np.abs(expected[:5]).min() > 0.01
    arm.push()
    np.testing.assert_array_equal(arm.external_torque(), np.zeros(7))


def test_a_push_moves_the_arm_and_no_sensor_measures_it(sawyer):
    arm = MujocoArm(sawyer)
    tau = arm.nle(sawyer.home, np.zeros(7))
    arm.push(PUSH)
    arm.step(tau, 1e-4)
    before = arm.state().v
    state = arm.step(tau, 1e-3)
    a = np.linalg.solve(arm.M(sawyer.home), arm.external_torque())
    np.testing.assert_allclose((state.v - before) / 1e-3, a, atol=0.02 * np.abs(a).max())
    np.testing.assert_allclose(state.tau, tau, atol=1e-9)


@pytest.mark.parametrize(
    "push",
    [replace(PUSH, link=7), replace(PUSH, link=-1), replace(PUSH, force=(np.nan, 0.0, 0.0))],
)
def test_pushes_that_nobody_can_make_are_rejected(sawyer, push):
    arm = MujocoArm(sawyer)
    arm.push(PUSH)
    before = arm.external_torque()
    with pytest.raises(RobotError, match="name a link from 0 to 6 and finite numbers"):
        arm.push(push)
    np.testing.assert_array_equal(arm.external_torque(), before)


def test_touches_grow_and_end_by_their_kind():
    def share(kind, t):
        push = Touch(kind=kind, start=10.0, seconds=2.0, push=PUSH).at(t)
        return 0.0 if push is None else push.force[1] / PUSH.force[1]

    for kind in ("lead", "lean", "let_go"):
        assert share(kind, 9.999) == share(kind, 12.0) == 0.0
        assert share(kind, 10.001) < 0.01
        assert share(kind, 11.2) == pytest.approx(np.sin(0.6 * np.pi) if kind == "lead" else 1.0)
    assert share("lead", 11.999) < 0.01
    assert share("lean", 11.999) < 0.01
    assert share("let_go", 11.999) == 1.0


def test_random_touches_come_one_after_another_and_depend_on_the_seed_alone():
    config = TouchConfig(force=(5.0, 20.0), seconds=(0.5, 1.0), pause=(1.0, 2.0), first_link=3)
    touches = random_touches(7, 5, 10.0, 60.0, config)
    assert touches == random_touches(7, 5, 10.0, 60.0, config)
    assert touches != random_touches(7, 6, 10.0, 60.0, config)
    assert {touch.kind for touch in touches} == {"lead", "lean", "let_go"}
    ends = [10.0]
    for touch in touches:
        assert 1.0 <= touch.start - ends[-1] <= 2.0
        assert 0.5 <= touch.seconds <= 1.0
        assert 5.0 <= np.linalg.norm(touch.push.force) <= 20.0 + 1e-9
        assert 3 <= touch.push.link <= 6
        assert np.abs(touch.push.point).max() <= config.reach
        ends.append(touch.start + touch.seconds)
    assert 56.0 < ends[-1] <= 60.0
    middle = touches[0].start + 0.5 * touches[0].seconds
    assert [push.link for push in pushes_at(touches, middle)] == [touches[0].push.link]
    assert pushes_at(touches, 10.0) == ()


def test_a_small_arm_is_touched_at_its_last_link():
    assert {t.push.link for t in random_touches(2, 0, 0.0, 60.0)} == {1}


@pytest.mark.parametrize(
    "wrong",
    [
        {"force": (5.0, 2.0)},
        {"seconds": (0.0, 0.0)},
        {"pause": (-1.0, 2.0)},
        {"first_link": -1},
        {"reach": np.inf},
    ],
)
def test_touches_that_nobody_can_make_are_rejected(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        TouchConfig(**wrong)


def test_people_come_and_payloads_change_at_their_times():
    done = []

    class Arm:
        def push(self, *pushes):
            done.append(("push", *(push.link for push in pushes)))

        def set_payload(self, mass):
            done.append(("payload", mass))

    touches = [Touch(kind="let_go", start=t, seconds=1.0, push=PUSH) for t in (2.0, 4.0)]
    handling, arm = Handling(tuple(touches), ((0.0, 0.5), (3.0, 2.5))), Arm()
    for t in (0.0, 2.5, 3.0, 4.5, 5.0):
        handling.apply(arm, t)
    assert done == [
        ("payload", 0.5),
        ("push",),
        ("push", 4),
        ("payload", 2.5),
        ("push",),
        ("push", 4),
        ("push",),
    ]
