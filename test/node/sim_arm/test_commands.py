# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""sim_arm: commands that it follows, rejects and cuts down, and how it holds itself."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger

from ml3_ros.nodes.kit.qos import RELIABLE_1, RELIABLE_100, SENSOR_1
from ml3_ros.nodes.messages.joint_states import NANO, effort_to_msg, nanoseconds
from ml3_ros.nodes.sim_arm import SimArm
from ml3_ros.robots.registry import load_robot
from test.node.sim_arm.bench import (
    NAMES,
    REACHER,
    is_led,
    lead,
    publish,
    step,
    up,
)


def test_an_arm_without_commands_holds_itself_against_gravity(graph):
    arm = graph.add(SimArm, "sim_arm", robot="sawyer", payload=1.0, real_time_factor=4.0)
    states = graph.listen(graph.plain(), JointState, "joint_states", RELIABLE_100)
    up(arm)
    graph.until(lambda: len(states) >= 60)
    moved = np.abs(np.array(states[-1].position) - load_robot("sawyer").home).max()
    assert moved < 0.01
    assert arm.diagnostic_values()["held by"] == "itself (no fresh command)"


def test_an_arm_that_holds_itself_at_a_low_rate_does_not_shake(graph):
    rates = {"publish_rate": 25.0, "real_time_factor": 10.0}
    arm = graph.add(SimArm, "sim_arm", robot="sawyer", **rates)
    states = graph.listen(graph.plain(), JointState, "joint_states", RELIABLE_100)
    up(arm)
    graph.until(lambda: len(states) >= 50)
    assert np.abs(states[-1].velocity).max() < 0.02  # the noise is 0.001


def test_a_fresh_command_moves_the_arm_and_an_old_one_stops_to(graph, make_arm):
    arm = make_arm(command_timeout=0.1)
    graph.until(lambda: publish(arm, [0.03, 0.0]) or is_led(arm))  # one of them is fresh
    graph.until(lambda: arm.states[-1].effort[0] == pytest.approx(0.03))
    graph.until(lambda: not is_led(arm))
    graph.until(lambda: abs(arm.states[-1].velocity[0]) < 0.01)


def test_a_command_stamped_now_is_followed_and_one_of_long_ago_or_later_is_not(graph, make_arm):
    arm = make_arm(command_timeout=0.5)

    def send(offset_s, torque):
        stamp = arm.get_clock().now().nanoseconds + round(offset_s * NANO)
        arm.commands.publish(effort_to_msg(np.array([torque, 0.0]), NAMES, stamp))

    # robot time lags behind ROS time at least by what has passed since its newest step
    graph.until(lambda: send(0.0, 0.03) or arm.states[-1].effort[0] == pytest.approx(0.03))
    send(60.0, 0.02)
    graph.until(lambda: arm.diagnostics.counts["commands from the future"] == 1)
    send(-60.0, 0.02)
    graph.until(lambda: arm.diagnostics.counts["stale commands"] == 1)
    graph.until(lambda: not is_led(arm))


def test_a_controller_by_ros_time_is_not_waited_for(graph, make_arm):
    arm = make_arm(patience=1.0, command_timeout=5.0)

    def led_by_ros_time():
        stamp = arm.get_clock().now().nanoseconds
        arm.commands.publish(effort_to_msg(np.zeros(2), NAMES, stamp))
        return is_led(arm)

    graph.until(led_by_ros_time)
    before, began = len(arm.states), time.monotonic()
    graph.until(lambda: len(arm.states) > before + 10)
    assert time.monotonic() - began < 5.0  # with the patience for each it would be ten


def test_a_slow_controller_is_waited_for_so_that_each_state_gets_its_answer(graph, make_arm):
    arm = make_arm(patience=1.0)
    commanded = {}

    def on_state(msg):
        if len(commanded) < 12:
            time.sleep(0.03)  # three periods of the arm
            stamp = nanoseconds(msg.header.stamp)
            tau = np.array([0.01 * (1 + len(commanded)), 0.0])
            if is_led(arm):
                commanded[stamp] = tau[0]
            arm.commands.publish(effort_to_msg(tau, NAMES, stamp))

    arm.probe.create_subscription(JointState, "joint_states", on_state, RELIABLE_1)
    graph.until(lambda: len(commanded) == 12)
    newest = max(commanded)
    graph.until(lambda: nanoseconds(arm.states[-1].header.stamp) > newest)
    applied = {nanoseconds(msg.header.stamp): msg.effort[0] for msg in arm.states}
    answered = sorted(commanded)[1:]  # the first one may not have been the newest state
    assert np.diff(answered).tolist() == [NANO // 100] * 10
    for stamp in answered:
        assert applied[stamp + NANO // 100] == pytest.approx(commanded[stamp])


@pytest.mark.parametrize(
    ("how", "kind", "sentence"),
    [
        ({"tau": [np.nan, 0.0]}, "not finite messages", "effort of .* is NaN"),
        ({"age_s": 60.0}, "stale commands", "copy its stamp"),
        ({"age_s": -60.0}, "commands from the future", "copy the stamp"),
        ({"names": ("x", "y")}, "rejected messages", "is for x, y, which this arm does not have"),
        ({"names": NAMES[:1], "tau": [0.1]}, "partial messages", f"has no {NAMES[1]}"),
    ],
)
def test_a_command_that_must_not_be_used_is_rejected_and_counted(
    graph, arm, capfd, how, kind, sentence
):
    publish(arm, **({"tau": [0.3, 0.0]} | how))
    graph.until(lambda: arm.diagnostics.counts.total())
    assert arm.diagnostics.counts == {kind: 1}
    assert arm.diagnostic_values()["held by"] == "itself (no fresh command)"
    assert re.search(sentence, capfd.readouterr().err)


def test_a_command_beyond_a_limit_is_cut_down_and_counted(graph, arm, capfd):
    lead(arm, graph, [0.7, 0.0])
    graph.until(lambda: arm.states[-1].effort[0] == pytest.approx(0.4))
    assert max(state.effort[0] for state in arm.states) == pytest.approx(0.4)
    assert arm.diagnostics.counts["effort limit"] > 0
    assert "effort limit of joint0: the command was cut down" in capfd.readouterr().err


def test_with_on_violation_stop_the_arm_holds_itself_until_it_is_reset(graph, make_arm):
    arm = make_arm(on_violation="stop")
    reset = arm.probe.create_client(Trigger, "reset_arm")
    graph.until(reset.service_is_ready)
    publish(arm, [0.7, 0.0])
    stopped = "itself (stopped: effort limit of joint0)"
    graph.until(lambda: arm.diagnostic_values()["held by"] == stopped)
    step(arm, graph)
    assert max(state.effort[0] for state in arm.states) < 0.1
    publish(arm, [0.03, 0.0])  # even a good command passes no more
    graph.until(lambda: arm.diagnostics.counts["safety stops"] == 2)
    assert arm.diagnostic_values()["held by"] == stopped
    done = reset.call_async(Trigger.Request())
    graph.until(done.done)
    lead(arm, graph, [0.03, 0.0])


def test_an_arm_whose_model_returns_nonsense_holds_itself_and_takes_the_next_command(
    graph, arm, capfd, monkeypatch
):
    lead(arm, graph, [0.03, 0.0])
    with monkeypatch.context() as broken:
        broken.setattr(arm._nominal, "nle", lambda q, v: np.array([0.0, np.nan]))
        graph.until(lambda: arm.diagnostics.counts.total())
        assert not is_led(arm)
    assert arm.diagnostics.counts == {"periods without a safe torque": 1}
    assert "gravity torque of joint1 is nan: nothing is sent" in capfd.readouterr().err
    step(arm, graph)
    assert np.isfinite([state.effort for state in arm.states]).all()
    lead(arm, graph, [0.03, 0.0])


def test_an_arm_that_diverged_begins_at_home_without_the_command_of_before(graph, arm):
    lead(arm, graph, [0.03, 0.0])
    arm._arm._data.qvel[:] = np.nan
    graph.until(lambda: arm.diagnostics.counts["divergences"])
    assert not is_led(arm)
    np.testing.assert_allclose(arm._arm.state().q, REACHER.home, atol=1e-3)
    lead(arm, graph, [0.03, 0.0])
    assert arm.diagnostics.counts["divergences"] == 1


@pytest.mark.parametrize("compensated", [True, False])
def test_gravity_is_added_to_commands_only_on_request(graph, compensated):
    settings = {"gravity_compensation": compensated, "command_timeout": 5.0}
    arm = graph.add(SimArm, "sim_arm", robot="sawyer", **settings)
    probe = graph.plain()
    states = graph.listen(probe, JointState, "joint_states", RELIABLE_100)
    commands = probe.create_publisher(JointState, "joint_command", RELIABLE_1)
    names = load_robot("sawyer").names
    zero = np.zeros(len(names))

    def answer(msg):
        commands.publish(effort_to_msg(zero, names, nanoseconds(msg.header.stamp)))

    probe.create_subscription(JointState, "joint_states", answer, SENSOR_1)
    up(arm)
    graph.connect("joint_command")
    graph.until(lambda: is_led(arm))
    seen = len(states)
    graph.until(lambda: len(states) > seen + 40)
    moved = np.abs(np.array(states[-1].position) - load_robot("sawyer").home).max()
    assert (moved < 0.01) == compensated


def test_of_two_controllers_none_is_followed_and_both_are_named(graph, make_arm, capfd):
    arm = make_arm(command_timeout=0.5)
    rivals = [graph.plain(name) for name in ("left", "right")]
    left, right = (
        node.create_publisher(JointState, "joint_command", RELIABLE_1) for node in rivals
    )
    graph.connect("joint_command")

    def command(*publishers):
        stamp = nanoseconds(arm.states[-1].header.stamp)
        for publisher in publishers:
            tau = [0.03, 0.0] if publisher is left else [np.nan, 0.0]  # whatever the other sends
            publisher.publish(effort_to_msg(np.array(tau), NAMES, stamp))
        graph.for_(0.01)

    def rejected():
        return arm.diagnostics.counts["messages of several publishers"]

    graph.until(lambda: command(left, right) or (rejected() > 10 and not is_led(arm)))
    log = capfd.readouterr().err
    assert f"{graph.namespace}/left, " in log and f"{graph.namespace}/right)" in log
    # the other publisher still exists, but sends nothing
    graph.until(lambda: command(left) or is_led(arm))
