# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Episodes over real topics: a policy is trained, and leaves its results."""

from __future__ import annotations

import numpy as np
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from std_msgs.msg import Float64
from visualization_msgs.msg import Marker, MarkerArray

from ml3_ros.learners.reaching.files import ReachFolder
from ml3_ros.nodes.kit.qos import LATCHED_1, RELIABLE_100


def test_episodes_train_a_policy_and_leave_their_results(graph, plant, tmp_path):
    arm = plant()
    adaptation = graph.listen_to_methods(arm.probe, "ml3_reach")
    distances = graph.listen(arm.probe, Float64, "goal_distance", RELIABLE_100)
    arm.connect()
    arm.goal()
    arm.until(arm.done)
    assert arm.node.state_name() == "inactive"
    assert arm.resets == 3
    folder = ReachFolder(tmp_path / "out")
    episodes = folder.load_episodes()
    np.testing.assert_array_equal(episodes.goals, [arm.GOAL])
    np.testing.assert_array_equal(episodes.number, [0, 1, 2])
    assert episodes.hand.shape == (3, arm.task.horizon + 1, 2)
    np.testing.assert_allclose(
        episodes.distance, np.linalg.norm(episodes.hand - arm.GOAL[:2], axis=-1), atol=1e-12
    )
    np.testing.assert_allclose(episodes.hand[:, 0], [[0.05, 0.55]] * 3)
    assert np.isfinite(episodes.value[:2]).all() and np.isnan(episodes.value[2])
    assert not np.array_equal(episodes.hand[0], episodes.hand[1])  # the policy has changed
    assert folder.load_config()["experiment"] == "reach_live"
    n = 3 * arm.task.horizon + 1
    graph.until(lambda: (len(adaptation), len(distances), len(arm.sent)) == (3, 3, 3 * n))
    assert [msg.update for msg in adaptation] == [0, 1, 2]
    assert [msg.data for msg in distances] == episodes.distance[:, -1].tolist()
    # torques: one for each joint state of an episode and nothing else, the last one zero
    for i in range(3):
        stamps = [stamp for stamp, _ in arm.sent[i * n : (i + 1) * n]]
        torques = np.array([tau for _, tau in arm.sent[i * n : (i + 1) * n]])
        assert set(np.diff(stamps)) == {arm.STEP}
        assert (np.abs(torques) <= arm.task.limits).all()
        assert (torques[-1] == 0.0).all()
        held = torques[:-1].reshape(arm.task.horizon, 3, 2)
        assert (held == held[:, :1]).all()  # for a period
        assert len(np.unique(held[:, 0, 0])) == arm.task.horizon


def test_goals_and_paths_of_the_hand_are_shown_to_whoever_comes_late(graph, plant):
    arm = plant(baseline=True, goals=2)
    arm.goal()
    arm.goal([0.5, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0])
    arm.until(lambda: len(arm.node._run.outcomes) == 9)  # three of the second goal
    shown = graph.listen(graph.plain("viewer"), MarkerArray, "reach_markers", LATCHED_1)
    graph.until(lambda: shown and sum(m.ns == "hand paths" for m in shown[-1].markers) == 3)
    first, *markers = shown[-1].markers
    assert first.action == Marker.DELETEALL
    assert {m.header.frame_id for m in shown[-1].markers} == {"base"}
    done, goal = [m for m in markers if m.ns == "goals"]
    assert (goal.pose.position.x, goal.pose.position.y) == (0.5, 1.0)
    assert goal.color != done.color
    for marker, outcome in zip(markers[2:], arm.node._run.outcomes[6:], strict=True):
        points = [(p.x, p.y) for p in marker.points]
        np.testing.assert_array_equal(points, outcome.episode.hand)
    assert len({m.id for m in markers[2:]}) == 3
    arm.until(lambda: len(arm.node._run.outcomes) == 10)
    graph.until(lambda: sum(m.ns == "hand paths" for m in shown[-1].markers) == 4)
    learned, baseline = shown[-1].markers[-2:]
    assert learned.color != baseline.color


def test_torques_keep_to_their_share_of_the_limits(plant):
    arm = plant(limits=(1e3, 1e3), torque_share=0.05)
    arm.goal()
    arm.until(lambda: arm.sent)
    arm.node._run.learner.theta["net.bias_1"] += 100.0  # saturates
    arm.until(lambda: arm.phase() != "acting")
    largest = np.abs([tau for _, tau in arm.sent]).max()
    assert largest == pytest.approx(50.0)


def test_a_new_share_of_the_limits_holds_for_the_next_torque(plant):
    arm = plant(limits=(1e3, 1e3), torque_share=1.0)
    arm.goal()
    arm.until(lambda: arm.sent)
    arm.node._run.learner.theta["net.bias_1"] += 100.0  # saturates
    (result,) = arm.node.set_parameters([Parameter("torque_share", value=0.05)])
    assert result.successful
    before = len(arm.sent)
    arm.until(lambda: arm.phase() != "acting")
    largest = np.abs([tau for _, tau in arm.sent[before + 3 :]]).max()  # one is held for a period
    assert largest == pytest.approx(50.0)


def test_random_search_reaches_the_same_goals_beside_it(plant, tmp_path):
    arm = plant(baseline=True)
    arm.goal()
    arm.until(arm.done)
    episodes = ReachFolder(tmp_path / "out").load_episodes()
    assert episodes.method.tolist() == [0.0] * 3 + [1.0] * 3
    np.testing.assert_allclose(episodes.hand[0], episodes.hand[3])  # the same random policy


def test_a_run_can_be_made_again(plant, tmp_path):
    arm = plant()
    arm.goal()
    arm.until(arm.done)
    first = ReachFolder(tmp_path / "out").load_episodes()
    assert arm.node.trigger_activate() == TransitionCallbackReturn.SUCCESS
    arm.until(arm.done)
    again = ReachFolder(tmp_path / "out").load_episodes()
    np.testing.assert_allclose(again.hand, first.hand)
