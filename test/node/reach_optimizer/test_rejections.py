# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Torques are published in episodes only, and none after a rejected message."""

from __future__ import annotations

import re

import numpy as np
from rclpy.lifecycle import TransitionCallbackReturn

from ml3_ros.learners.reaching.run import ReachRun
from ml3_ros.nodes.messages.joint_states import NANO
from ml3_ros.nodes.messages.poses import pose_to_msg
from ml3_ros.nodes.reach_optimizer import node as reach_optimizer


def test_no_torque_leaves_but_in_an_episode(graph, plant):
    arm = plant(activate=False)
    assert arm.node.trigger_configure() == TransitionCallbackReturn.SUCCESS
    arm.connect()
    arm.goal()
    for _ in range(5):
        arm.k += 1
        arm.poses.publish(pose_to_msg(arm.GOAL, arm.stamp))
        arm.states.publish(arm.state())
    graph.for_(0.2)
    assert not arm.sent and not arm.resets  # inactive
    arm.node.trigger_activate()
    graph.until(lambda: arm.phase() == "settling")
    arm.v = np.array([0.0, 0.2])
    for _ in range(8):
        arm.step()
    assert not arm.sent  # the arm still moves
    arm.v = np.zeros(2)
    arm.until(lambda: len(arm.sent) > 3)
    assert np.abs(arm.sent[-1][1]).max() > 0.0
    arm.node.trigger_deactivate()
    graph.until(lambda: (arm.sent[-1][1] == 0.0).all())
    count = len(arm.sent)
    for _ in range(5):
        arm.k += 1
        arm.poses.publish(pose_to_msg(arm.GOAL, arm.stamp))
        arm.states.publish(arm.state())
    graph.for_(0.2)
    assert len(arm.sent) == count


def test_without_a_goal_the_arm_gets_no_command(graph, plant):
    arm = plant()
    for _ in range(3):
        arm.k += 1
        arm.publish_state()
    graph.for_(0.1)
    assert not arm.resets and not arm.sent


def rejections(arm, monkeypatch):
    """Return the list into which sentences of what the node rejects go."""
    rejected, reject = [], arm.node.reject
    monkeypatch.setattr(
        arm.node,
        "reject",
        lambda error, **how: (rejected.append(str(error)), reject(error, **how)),
    )
    return rejected


REJECTED = {
    "3.000 m from the arm's axis": [3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
    "choose one from 0.2 to 2 m": [0.1, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
    "0.500 m above the base": [1.0, 0.0, 0.5, 0.0, 0.0, 0.0, 1.0],
    "goal holds NaN": [np.nan, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
    "the quaternion of goal": [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
}


def test_more_goals_than_can_wait_are_rejected(graph, plant, monkeypatch):
    monkeypatch.setattr(reach_optimizer, "MOST_GOALS", 2)
    arm = plant()
    rejected = rejections(arm, monkeypatch)
    for _ in range(4):
        arm.goal()
    graph.until(lambda: arm.node.diagnostics.counts.get("rejected goals") == 2)
    assert "clean up the node" in rejected[0] and len(rejected) == 2


def test_a_goal_that_must_not_be_used_is_rejected(graph, plant, monkeypatch):
    arm = plant()
    rejected = rejections(arm, monkeypatch)
    for pose in REJECTED.values():
        arm.goal(pose)
    graph.until(lambda: len(rejected) == len(REJECTED))
    for sentence, text in zip(REJECTED, rejected, strict=True):
        assert sentence in text
    assert arm.node.diagnostics.counts == {
        "rejected goals": 3,
        "not finite messages": 1,
        "rejected messages": 1,
    }
    graph.for_(0.1)
    assert not arm.resets and not arm.sent


def nan_state(arm):
    msg = arm.state()
    msg.position[1] = float("nan")
    return msg


def old_state(arm):
    msg = arm.state()
    msg.header.stamp.sec -= 1
    return msg


def foreign_state(arm):
    msg = arm.state()
    msg.name = ["x", "y"]
    return msg


def test_a_joint_state_that_must_not_be_used_gets_no_torque(graph, plant):
    arm = plant()
    arm.goal()
    for bad in (nan_state, old_state, foreign_state):
        arm.step()
        arm.until(lambda: arm.phase() == "acting" and len(arm.sent) > 2)
        count = len(arm.sent)
        arm.k += 1
        if bad is foreign_state:  # of another device: nobody counts it
            arm.states.publish(bad(arm))
        else:
            arm.publish_state(bad(arm))
        graph.for_(0.05)
        assert len(arm.sent) == count
    arm.until(arm.done)  # the episode goes on with the next one
    assert len(arm.node._run.outcomes) == 3


def test_a_hand_pose_of_another_time_gets_no_torque(graph, plant):
    arm = plant()
    arm.goal()
    arm.until(lambda: len(arm.sent) > 2)
    count = len(arm.sent)
    arm.k += 1
    arm.states.publish(arm.state())  # and no hand pose
    graph.for_(0.1)
    assert len(arm.sent) == count
    nan = arm.GOAL.copy()
    nan[0] = np.nan
    arm.poses.publish(pose_to_msg(nan, arm.stamp))
    graph.until(lambda: arm.node.diagnostics.counts["not finite messages"])
    arm.poses.publish(pose_to_msg(arm.GOAL, arm.stamp - NANO // 2))  # out of order
    graph.until(lambda: arm.node.diagnostics.counts["rejected messages"])
    assert len(arm.sent) == count


def test_an_episode_with_a_gap_is_broken_off_and_made_again(graph, plant, capfd):
    arm = plant()
    arm.goal()
    arm.until(lambda: len(arm.sent) > 2)
    arm.k += 6  # 60 ms
    arm.publish_state()
    graph.until(lambda: arm.node.diagnostics.counts["broken episodes"] == 1)
    graph.until(lambda: (arm.sent[-1][1] == 0.0).all())
    assert "no joint state came for 0.060 s" in capfd.readouterr().err
    arm.until(arm.done)
    outcomes = arm.node._run.outcomes
    assert [o.number for o in outcomes] == [0, 1, 2]
    assert arm.resets == 4


def test_a_silent_arm_ends_the_episode_and_in_the_end_the_node(graph, plant, capfd):
    arm = plant(state_timeout=0.5, retries=1, reset_timeout=1.0)
    arm.goal()
    arm.until(lambda: len(arm.sent) > 2)
    graph.until(lambda: (arm.sent[-1][1] == 0.0).all())
    graph.until(lambda: arm.node.state_name() == "finalized")
    log = capfd.readouterr().err
    assert re.search(r"no joint state with its hand pose came for \d\.\d s amid an episode", log)
    assert "2 episodes in a row were broken off: no joint state with its hand pose shows" in log


def test_torques_that_are_not_finite_stay_here(graph, plant, capfd):
    arm = plant(retries=0)
    arm.goal()
    arm.until(lambda: len(arm.sent) > 2)
    theta = arm.node._run.learner.theta
    theta["net.weight_0"] = theta["net.weight_0"] * float("nan")
    arm.k += 1
    for _ in range(3):
        arm.k += 1
        arm.publish_state()
    graph.until(lambda: arm.node.state_name() == "finalized")
    assert "torques are not finite" in capfd.readouterr().err
    assert np.isfinite([tau for _, tau in arm.sent]).all()


def test_an_arm_that_is_not_where_episodes_begin_is_not_moved(graph, plant, capfd):
    arm = plant(retries=0)
    arm.goal()
    graph.until(lambda: arm.phase() == "settling")
    arm.q = np.array([0.0, 0.9])
    for _ in range(10):
        arm.k += 1
        arm.publish_state()
    graph.until(lambda: arm.node.state_name() == "finalized")
    assert "after its reset b is at 0.900 rad" in capfd.readouterr().err
    assert not arm.sent


def test_a_rejected_reset_is_requested_again_and_then_logged(graph, plant, capfd):
    arm = plant(retries=0, reset_timeout=1.0)
    arm.answer = "the arm is stopped"
    arm.goal()
    graph.until(lambda: arm.resets == 2)
    assert not arm.sent
    arm.answer = ""
    arm.until(lambda: arm.sent)
    assert not arm.node.diagnostics.counts
    arm.answer = "the arm is stopped"
    arm.until(lambda: arm.phase() != "acting")
    graph.until(lambda: arm.node.state_name() == "finalized")
    assert "broken off: the arm could not be reset: the arm is stopped" in capfd.readouterr().err


def test_a_loss_that_does_not_fit_stops_configure_with_a_sentence(plant, capfd):
    arm = plant(activate=False, joints=["b", "a"])
    assert arm.node.trigger_configure() == TransitionCallbackReturn.FAILURE
    assert "was trained for the joints ['a', 'b']" in capfd.readouterr().err


def test_an_update_that_raises_anything_is_a_broken_episode(graph, plant, monkeypatch):
    def fail(run, episode, seconds):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(ReachRun, "finish", fail)
    arm = plant()
    arm.goal()
    arm.until(lambda: arm.node.diagnostics.counts.get("broken episodes"))
    assert arm.node.state_name() == "active"
    graph.until(lambda: (arm.sent[-1][1] == 0.0).all())
