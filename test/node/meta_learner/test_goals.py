# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""meta_learner over real topics: one goal at a time, cancelled, resumed, latched."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from action_msgs.msg import GoalStatus

from ml3_msgs.action import MetaTrain
from ml3_msgs.msg import InertiaPrior
from ml3_msgs.srv import LoadLearnedLoss, SaveLearnedLoss
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.outer.objective import LOG_FLOOR
from ml3_ros.nodes.kit.qos import RELIABLE_100
from ml3_ros.nodes.messages.joint_states import nanoseconds
from ml3_ros.nodes.messages.ml3 import loss_from_msg, prior_to_msg
from ml3_ros.nodes.meta_learner.node import MetaLearner
from ml3_ros.tasks.inverse_dynamics.recipes import TASK_FAMILY, Recipe
from ml3_ros.tasks.inverse_dynamics.stream_training import MetaTrainingWorker, kept_trainer
from test.node.meta_learner.bench import ALIKE, GOAL, JOINTS, SUCCESS, latched


def test_a_goal_waits_for_the_stream_trains_and_is_latched(graph, learner, tmp_path):
    _, arm, client = learner()
    handle = client.send()
    graph.until(lambda: client.feedback)
    assert client.feedback[-1].iteration == 0  # still recording
    arm.stream(260)
    status, result = client.result(handle)
    assert status == GoalStatus.STATUS_SUCCEEDED, result.message
    assert result.success
    assert result.iterations == 3
    assert result.task_loss > 0.0
    loss = LearnedLoss.from_bytes(loss_from_msg(result.learned_loss))
    assert loss.spec.target.labels == JOINTS
    assert loss.provenance["robot"] == "toy"
    file = tmp_path / "out" / "losses" / "ml3_unshaped.safetensors"
    assert file.read_bytes() == loss.to_bytes()
    assert client.result(client.send(name="other", seed=1))[1].success
    late = latched(graph, graph.plain("late"))
    graph.until(lambda: len(late) == 2)
    assert {msg.name for msg in late} == {"ml3_unshaped", "other"}
    assert len({msg.sha256 for msg in late}) == 2


def test_the_goal_of_no_words_trains_the_shaped_loss_as_the_conductor_does(learner):
    node, _, client = learner(iterations=7)
    goal = MetaTrain.Goal()
    asked = Recipe(nle="learned", architecture="structured", use_prior=True, n_outer_steps=7)
    assert node._training(goal) == replace(node._training(MetaTrain.Goal(**GOAL)), recipe=asked)
    assert (goal.name, goal.task) == ("ml3_shaped", TASK_FAMILY)
    assert client.send_goal(goal).accepted


def test_feedback_and_result_have_the_task_loss_and_not_its_logarithm(graph, learner, tmp_path):
    node, arm, client = learner()
    arm.stream(260)
    result = client.result(client.send())[1]
    folder, training = tmp_path / "out" / "training", node._training(MetaTrain.Goal(**GOAL))
    (folder / "ml3_unshaped" / "checkpoint.safetensors").unlink(missing_ok=True)
    trainer, _ = kept_trainer(folder / "ml3_unshaped", training)
    assert trainer.config.log_task_loss
    logs = [float(trainer.step().task_loss.mean()) for _ in range(GOAL["iterations"])]
    assert logs[0] < 0.0  # a squared error is not
    expected = [math.exp(log) - LOG_FLOOR for log in logs]
    assert result.task_loss == pytest.approx(expected[-1], rel=1e-4)
    assert f"task loss {result.task_loss:.4g} after 3 outer steps" in result.message
    seen = {feedback.iteration: feedback.task_loss for feedback in client.feedback}
    assert math.isnan(seen.pop(0, math.nan))
    for iteration, task_loss in seen.items():
        assert task_loss == pytest.approx(expected[iteration - 1], rel=1e-4)
    loss = LearnedLoss.from_bytes(loss_from_msg(result.learned_loss))
    assert loss.provenance["task_loss"] == result.task_loss


def test_one_goal_at_a_time_and_a_cancelled_one_goes_on_when_sent_again(graph, learner):
    node, arm, client = learner()
    arm.stream(260)
    handle = client.send(iterations=1_000_000)
    assert not client.send(name="second").accepted
    graph.until(lambda: client.feedback and client.feedback[-1].iteration > 2)
    status, result = client.cancelled(handle, node)
    assert status == GoalStatus.STATUS_CANCELED
    assert "send the same goal again" in result.message
    assert not result.success
    done = result.iterations
    handle = client.send(iterations=1_000_000)
    graph.until(lambda: any(feedback.iteration for feedback in client.feedback))
    assert max(feedback.iteration for feedback in client.feedback) >= done
    node.trigger_deactivate()
    status, result = client.result(handle)
    assert status == GoalStatus.STATUS_ABORTED
    assert "deactivated" in result.message


def test_a_goal_goes_on_after_the_process_was_killed(graph, learner, tmp_path):
    """A killed process leaves its folder as it was between two checkpoints."""
    node, arm, client = learner()
    arm.stream(260)
    client.send(iterations=12)
    checkpoint = tmp_path / "out" / "training" / "ml3_unshaped" / "checkpoint.safetensors"
    graph.until(checkpoint.exists)
    kept = tmp_path / "kept"
    (tmp_path / "out").rename(kept)
    node.trigger_deactivate()
    node.trigger_cleanup()
    second = graph.add(MetaLearner, "second", out=str(kept), **ALIKE)
    assert second.trigger_configure() == SUCCESS
    assert second.trigger_activate() == SUCCESS
    status, result = client.result(client.send(iterations=12))  # no stream any more
    assert status == GoalStatus.STATUS_SUCCEEDED, result.message
    assert result.iterations == 12


def test_a_goal_that_was_done_before_a_kill_is_soon_done_again(graph, learner, tmp_path):
    node, arm, client = learner()
    arm.stream(260)
    assert client.result(client.send())[1].success
    file = tmp_path / "out" / "losses" / "ml3_unshaped.safetensors"
    loss = file.read_bytes()
    node.trigger_deactivate()
    node.trigger_cleanup()
    half = tmp_path / "out" / "training" / "ml3_unshaped" / ".checkpoint.safetensors.1.part"
    half.write_text("")
    second = graph.add(MetaLearner, "second", out=str(tmp_path / "out"), **ALIKE)
    assert second.trigger_configure() == SUCCESS
    assert not half.exists()
    assert second.trigger_activate() == SUCCESS
    assert client.result(client.send())[1].success  # no stream any more
    assert file.read_bytes() == loss
    handle = client.send()  # the same goal sent twice to one process is for another loss
    graph.until(lambda: len(client.feedback) > 2)
    assert second._action._worker is None  # it waits for a stream
    graph.until(handle.cancel_goal_async().done)
    assert client.result(handle)[0] == GoalStatus.STATUS_CANCELED


def test_a_training_killed_at_its_end_makes_the_same_loss(graph, learner, tmp_path):
    node, arm, client = learner()
    arm.stream(260)
    assert client.result(client.send())[1].success
    folder = tmp_path / "out" / "training" / "ml3_unshaped"
    training = node._training(MetaTrain.Goal(**GOAL))
    losses = [(tmp_path / "out" / "losses" / "ml3_unshaped.safetensors").read_bytes()]
    for _ in range(2):  # the second goes on from the last checkpoint of the first
        worker = MetaTrainingWorker(training, folder, None, checkpoint_period=0.0)
        worker.run()
        losses.append(worker.loss.to_bytes())
    assert losses[0] == losses[1] == losses[2]


def test_losses_are_saved_and_loaded_inside_the_folder_only(graph, learner, tmp_path):
    _, arm, client = learner()
    arm.stream(260)
    assert client.result(client.send())[1].success

    def call(srv_type, service_name, **request):
        service = arm.probe.create_client(srv_type, f"meta_learner/{service_name}")
        graph.until(service.service_is_ready)
        future = service.call_async(srv_type.Request(**request))
        graph.until(future.done)
        return future.result()

    save, load = (SaveLearnedLoss, "save_learned_loss"), (LoadLearnedLoss, "load_learned_loss")
    saved = call(*save, name="ml3_unshaped", file="again_ml3_shaped")
    assert saved.success, saved.message
    assert saved.path == str(tmp_path / "out" / "losses" / "again_ml3_shaped.safetensors")
    assert "there is no loss 'nothing'" in call(*save, name="nothing").message
    loaded = call(*load, file="again_ml3_shaped")
    assert loaded.success, loaded.message
    assert loaded.learned_loss.name == "ml3_shaped"
    late = latched(graph, graph.plain("late"))
    graph.until(lambda: {msg.name for msg in late} == {"ml3_unshaped", "ml3_shaped"})
    for file in ("../evil", "/tmp/evil", "a/../../evil"):
        assert "is not inside" in call(*save, name="ml3_unshaped", file=file).message
        assert "is not inside" in call(*load, file=file).message
    assert "cannot read the loss file" in call(*load, file="missing").message


def test_a_goal_with_prior_trains_on_samples_whose_prior_is_known(graph, learner):
    node, arm, client = learner()
    priors = arm.probe.create_publisher(InertiaPrior, "inertia_prior", RELIABLE_100)
    graph.connect("inertia_prior")
    arm.stream(260)
    handle = client.send(name="ml3_shaped", use_prior=True)
    graph.until(lambda: client.feedback)
    assert node._memory.count(with_prior=True) == 0
    rates = node.diagnostics.rates
    for _ in range(13):
        for k in range(arm.k, arm.k + 20):
            stamp = nanoseconds(arm.message(k).header.stamp)
            zero = np.zeros(2)
            priors.publish(prior_to_msg(JOINTS, stamp, zero, zero, np.eye(2), zero))
        target = arm.k - 240
        graph.until(
            lambda n=target: "inertia_prior" in rates and rates["inertia_prior"].total >= n
        )
        arm.stream(20)
    status, result = client.result(handle)
    assert status == GoalStatus.STATUS_SUCCEEDED, result.message
