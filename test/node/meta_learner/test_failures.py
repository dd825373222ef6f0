# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""meta_learner and goals that fail after they were accepted: each is answered with the reason."""

from __future__ import annotations

import math
import shutil
import threading

from action_msgs.msg import GoalStatus
from rclpy.action import GoalResponse

from ml3_ros.nodes.meta_learner import action
from ml3_ros.nodes.meta_learner.node import MetaLearner
from ml3_ros.tasks.inverse_dynamics.stream_training import MetaTrainingWorker
from test.node.meta_learner.bench import FAILURE, SUCCESS


def test_a_training_that_cannot_be_kept_any_more_is_not_begun(graph, learner, tmp_path):
    _, arm, client = learner()
    handle = client.send()
    training = tmp_path / "out" / "training"
    shutil.rmtree(training)
    training.write_text("a file where the folder should be")
    arm.stream(260)
    status, result = client.result(handle)
    assert status == GoalStatus.STATUS_ABORTED
    assert "choose a folder that can" in result.message
    assert math.isnan(result.task_loss)  # no step was made


def test_a_folder_that_cannot_be_made_stops_configure(graph, tmp_path, capfd):
    (tmp_path / "file").write_text("")
    node = graph.add(MetaLearner, "meta_learner", joints=["a"], out=str(tmp_path / "file" / "out"))
    assert node.trigger_configure() == FAILURE
    assert "choose another `out`" in capfd.readouterr().err


def test_a_goal_whose_beginning_fails_is_answered_whatever_the_error(
    graph, learner, monkeypatch, capfd
):
    node, arm, client = learner()
    arm.stream(260)

    def breaks(*_args, **_how):
        raise ZeroDivisionError("nobody thought of this")

    with monkeypatch.context() as patch:
        patch.setattr(node._memory, "arrays", breaks)
        status, result = client.result(client.send())
    assert status == GoalStatus.STATUS_ABORTED
    assert "ZeroDivisionError: nobody thought of this" in result.message
    assert client.result(client.send())[1].success  # and the next one is trained


def test_a_training_that_breaks_is_answered_with_the_error(graph, learner, monkeypatch):
    _, arm, client = learner()
    arm.stream(260)

    def breaks(_worker, _trainer):
        raise ZeroDivisionError("nobody thought of this")

    monkeypatch.setattr(MetaTrainingWorker, "_train", breaks)
    status, result = client.result(client.send())
    assert status == GoalStatus.STATUS_ABORTED
    assert "the training failed: ZeroDivisionError: nobody thought of this" in result.message


def test_of_two_goals_at_once_each_gets_its_answer(graph, learner, monkeypatch):
    """Both are accepted before the first is begun."""
    node, arm, client = learner()
    arm.stream(260)
    accept = lambda _goal: GoalResponse.ACCEPT  # noqa: E731
    monkeypatch.setattr(node._action._server, "_goal_callback", accept)
    results = [client.result(handle) for handle in (client.send(name="a"), client.send(name="b"))]
    assert [result.success for _, result in results] == [True, False]
    assert "the goal came too late" in results[1][1].message
    assert math.isnan(results[1][1].task_loss)


def test_a_goal_that_is_accepted_just_before_the_end_gets_its_answer(graph, learner, monkeypatch):
    node, _, client = learner()
    accept = node._action._on_goal

    def late(goal):
        answer = accept(goal)
        node.trigger_deactivate()
        return answer

    monkeypatch.setattr(node._action._server, "_goal_callback", late)
    status, result = client.result(client.send())
    assert status == GoalStatus.STATUS_ABORTED
    assert "the goal came too late: send the same goal again" in result.message


def test_an_outer_step_that_does_not_end_holds_up_neither_the_node_nor_its_folder(
    graph, learner, monkeypatch, capfd
):
    node, arm, client = learner()
    arm.stream(260)
    begun, step, go_on = threading.Event(), MetaTrainingWorker._train, threading.Event()

    def hangs(worker, trainer):
        begun.set()
        go_on.wait(60.0)
        step(worker, trainer)

    monkeypatch.setattr(action, "JOIN_S", 0.1)
    monkeypatch.setattr(MetaTrainingWorker, "_train", hangs)
    handle = client.send()
    graph.until(begun.is_set)
    assert node.trigger_deactivate() == SUCCESS
    assert client.result(handle)[0] == GoalStatus.STATUS_ABORTED
    assert "so the training ends later" in capfd.readouterr().err
    assert node.trigger_cleanup() == node.trigger_configure() == node.trigger_activate() == SUCCESS
    assert not client.send().accepted
    assert "the training before this one is still ending" in capfd.readouterr().err
    go_on.set()
    graph.until(node._worker.ended.is_set)
    assert client.result(client.send())[1].success
