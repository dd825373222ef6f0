# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Velocities that a driver never fills: what learns takes them from positions."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from sensor_msgs.msg import JointState

from ml3_ros.nodes.contact_observer import ContactObserver
from ml3_ros.nodes.kit.filtered_stream import FilteredStream, FilterParameters
from ml3_ros.nodes.messages.joint_states import (
    NANO,
    NotFiniteError,
    time_msg,
)
from ml3_ros.nodes.policy_optimizer.node import PolicyOptimizer
from test.node.sim_arm.bench import up
from test.node.test_contact_observer import MovingSawyer

RATE, START = 100, 1000 * NANO
OMEGA = np.array([3.0, 5.0])  # [rad/s]
NAN = float("nan")


def state(k, velocity):
    """Return sample k of sines of 1 rad; `velocity` makes what is filled of the true one."""
    t = k / RATE
    msg = JointState(name=["a", "b"], position=np.sin(OMEGA * t).tolist(), effort=[t, t])
    msg.velocity = velocity((OMEGA * np.cos(OMEGA * t)).tolist())
    msg.header.stamp = time_msg(START + k * NANO // RATE)
    return msg


@pytest.fixture
def said():
    """Return the sentences that are reported."""
    return []


@pytest.fixture
def stream(said):
    return FilteredStream(["a", "b"], Counter(), FilterParameters(), said.append)


def read(stream, numbers, velocity):
    """Return the filtered samples of messages, and the newest state after each."""
    samples, newest = [], []
    for k in numbers:
        samples += stream.read(state(k, velocity), {})
        newest.append(stream.newest)
    return samples, newest


@pytest.mark.parametrize(
    "velocity",
    [lambda v: [0.0, 0.0], lambda v: [NAN, NAN], lambda v: []],
    ids=["0", "NaN", "none"],
)
def test_both_derivatives_of_a_sine_are_right_and_belong_to_its_position(stream, said, velocity):
    samples, newest = read(stream, range(600), velocity)
    assert len(samples) > 500
    for sample in samples[-300:]:
        angle = OMEGA * sample.tau[0]  # efforts are the time
        np.testing.assert_allclose(sample.q, np.sin(angle), atol=1e-9)
        np.testing.assert_allclose(sample.v, OMEGA * np.cos(angle), atol=2e-3)
        np.testing.assert_allclose(sample.a, -(OMEGA**2) * np.sin(angle), atol=0.25)
    assert newest[-1].stamp == START + 599 * NANO // RATE - NANO // 20
    (sentence,) = said
    assert "no velocity of a, b: it is taken from positions" in sentence
    assert "0.050 s later" in sentence
    assert stream.diagnostic_values()["velocities from positions"] == "a, b"
    assert not stream.complaint


def test_velocities_that_are_filled_stay_as_they_are_beside_one_that_is_not(stream, said):
    samples, _ = read(stream, range(300), lambda v: [1.5 * v[0], 0.0])
    t = samples[-1].tau[0]
    assert samples[-1].v[0] == pytest.approx(1.5 * OMEGA[0] * np.cos(OMEGA[0] * t), abs=1e-12)
    assert samples[-1].v[1] == pytest.approx(OMEGA[1] * np.cos(OMEGA[1] * t), abs=2e-3)
    assert "no velocity of b:" in said[0]


def test_a_driver_that_fills_velocities_later_is_taken_at_its_word(stream, said):
    read(stream, range(200), lambda v: [0.0, 0.0])
    samples, newest = read(stream, range(200, 400), lambda v: v)
    t = samples[-1].tau[0]
    np.testing.assert_allclose(samples[-1].v, OMEGA * np.cos(OMEGA * t), atol=1e-12)
    assert newest[-1].stamp == START + 399 * NANO // RATE
    assert stream.diagnostic_values()["velocities from positions"] == ""
    assert len(said) == 1
    with pytest.raises(NotFiniteError, match="velocity of b is NaN at 1004"):
        stream.read(state(400, lambda v: [v[0], NAN]), {})


def test_an_arm_that_rested_long_before_it_moves_is_noticed(stream, said):
    def resting(k):
        msg = state(max(k - 3000, 0), lambda v: [0.0, 0.0])
        msg.header.stamp = time_msg(START + k * NANO // RATE)
        return msg

    for k in range(3100):
        stream.read(resting(k), {})
    assert len(said) == 1


def test_a_policy_optimizer_learns_from_a_driver_that_fills_none(graph, tmp_path, capfd):
    parameters = {"joints": ["a", "b"], "loss": "none", "units_samples": 60}
    node = up(graph.add(PolicyOptimizer, "learner", out=str(tmp_path / "out"), **parameters))
    arm = graph.arm(node)
    filled = arm.message

    def unfilled(k):
        msg = filled(k)
        msg.velocity = [0.0, 0.0]
        return msg

    arm.message = unfilled
    arm.stream(300)
    graph.until(lambda: node._worker is not None)
    v = np.array([filled(k).velocity for k in range(20, 80)])  # as far as it was measured
    units = node._worker._online.optimizee.units
    assert units.velocity == pytest.approx(tuple(v.std(axis=0)), rel=0.5)
    assert not node.diagnostics.counts
    assert "no velocity of a, b: it is taken from positions" in capfd.readouterr().err
    node.trigger_deactivate()


def test_a_contact_observer_tells_a_push_without_velocities(graph):
    node = up(graph.add(ContactObserver, "contact_observer"))
    arm = MovingSawyer(graph, node)
    publish = arm.states.publish

    def unfilled(msg):
        msg.velocity = []
        publish(msg)

    arm.states.publish = unfilled
    arm.late = 40  # windows of both filters, and the rate has to be known
    arm.send(300)
    push = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 6.0, 0.0])
    arm.send(60, push)
    np.testing.assert_allclose(arm.found[-1].torque, push, atol=1.0)
