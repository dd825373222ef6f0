# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""policy_optimizer and losses that fail: one method ends, the others and the node go on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.lifecycle import TransitionCallbackReturn

from ml3_msgs.msg import LearnedLoss as LearnedLossMsg
from ml3_msgs.srv import LoadLearnedLoss, ResetOptimizee
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.data.run_files import RunFolder
from ml3_ros.learners.inverse_dynamics.online import OnlineLearner
from ml3_ros.nodes.kit.qos import LATCHED_1
from test.node.policy_optimizer.bench import a_loss, call, message_of, up
from test.unit.tasks.failing_loss import FailingLoss

METHODS = {"ml3_shaped", "sgd_tuned", "adam_tuned"}
RESET = "policy_optimizer/reset_optimizee"
LOAD = "policy_optimizer/load_learned_loss"


def cannot_train():
    """Return a loss that is whole, but has no step sizes for the layers of the network."""
    loss = a_loss()
    spec = replace(
        loss.spec, inner_optimizer="scheduled_adam", roles=("other.weight",), knots=(0.0, 1.0)
    )
    phi = spec.init_phi(torch.Generator())
    return LearnedLoss(spec=spec, phi=phi, provenance=loss.provenance)


@pytest.fixture
def learning(optimizer, tmp_path):
    """Return a function that makes a node one of whose methods fails after `good` steps."""
    a_loss().save(tmp_path / "mine.safetensors")

    def make(good, **parameters):
        losses = [f"ml3_shaped={tmp_path / 'mine.safetensors'}"]
        node, arm = optimizer(losses=losses, loss_folder=str(tmp_path), **parameters)
        assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
        failing = FailingLoss.like(a_loss(), good=1 + good)
        node._shelf.losses["ml3_shaped"] = failing
        assert node.trigger_activate() == TransitionCallbackReturn.SUCCESS
        return node, arm

    return make


def learns(arm, *methods, since=0):
    """Return whether the newest status of each of these methods has it as learning."""
    newest = {msg.method: msg for msg in arm.adaptation[since:]}
    return all(name in newest and newest[name].learning for name in methods)


def test_a_method_that_fails_is_logged_by_name_and_the_run_ends_as_planned(
    graph, learning, tmp_path, capfd
):
    node, arm = learning(20)
    diagnostics = graph.listen(arm.probe, DiagnosticArray, "/diagnostics")
    arm.stream(300)
    graph.until(lambda: any(not msg.learning for msg in arm.adaptation))
    assert {msg.method for msg in arm.adaptation if not msg.learning} == {"ml3_shaped"}
    graph.until(
        lambda: any(
            kv.key == "method ml3_shaped has ended" and "RuntimeError" in kv.value
            for array in diagnostics
            for status in array.status
            for kv in status.values
        )
    )
    arm.stream(260)
    graph.until(lambda: node.state_name() == "inactive")
    assert not node.failed
    log = capfd.readouterr().err
    assert log.count("method ml3_shaped has ended after 20 updates (RuntimeError: ") == 1
    assert "all methods" not in log
    run = RunFolder(tmp_path / "out")
    assert set(run.load_predictions().methods) == set(run.load_heldout().methods) == METHODS
    assert np.isfinite(run.load_heldout().methods["ml3_shaped"]).all()


def test_a_run_without_a_method_that_learns_logs_so_and_writes_what_it_has(
    graph, learning, tmp_path, capfd
):
    node, arm = learning(20, sgd_lr=0.0, adam_lr=0.0)
    arm.stream(300)
    graph.until(lambda: arm.adaptation and not arm.adaptation[-1].learning)
    arm.stream(260)
    graph.until(lambda: node.state_name() == "finalized")
    assert node.failed
    log = capfd.readouterr().err
    assert log.count("all methods have ended: nothing is learned") == 1
    assert "at the end of the run no method was learning any more" in log
    run = RunFolder(tmp_path / "out")
    assert run.load_samples().learn_until < np.inf
    assert set(run.load_heldout().methods) == {"ml3_shaped"}


def test_a_reset_or_another_loss_revives_a_method(graph, learning, tmp_path, capfd):
    a_loss().save(tmp_path / "mine_ml3_shaped.safetensors")
    node, arm = learning(20, learn_duration=60.0)
    for srv_type, name, request in (
        (ResetOptimizee, RESET, {"methods": ["ml3_shaped"]}),
        (LoadLearnedLoss, LOAD, {"file": "mine_ml3_shaped"}),
    ):
        arm.stream(200)  # the loss fails, for the second time after the reset
        graph.until(lambda: node._worker.ended() and node._worker.waiting == 0)
        graph.until(lambda: arm.adaptation and not learns(arm, "ml3_shaped"))
        assert call(graph, arm.probe, srv_type, name, **request).success
        since = len(arm.adaptation)
        graph.until(lambda k=since: learns(arm, "ml3_shaped", since=k))
    arm.stream(100)
    graph.until(lambda: node._worker.waiting == 0)
    assert not node._worker.ended()
    assert capfd.readouterr().err.count("method ml3_shaped has ended") == 2


def test_an_error_that_ends_all_learning_ends_the_node_as_a_failure(
    graph, optimizer, tmp_path, monkeypatch, capfd
):
    learn = OnlineLearner.learn

    def breaks(online):
        if online.n_steps >= 20:
            raise RuntimeError("nobody thought of this")
        return learn(online)

    monkeypatch.setattr(OnlineLearner, "learn", breaks)
    node, arm = optimizer()
    up(node)
    arm.stream(300)
    graph.until(lambda: node.state_name() == "finalized")
    assert node.failed
    assert "adaptation has ended: RuntimeError: nobody thought" in capfd.readouterr().err
    assert len(RunFolder(tmp_path / "out").load_predictions().t)
    assert (tmp_path / "out" / "checkpoints" / "online.safetensors").exists()


def test_a_loss_that_cannot_train_is_answered_at_once_and_not_used(
    graph, learning, tmp_path, capfd
):
    node, arm = learning(10_000, learn_duration=60.0)
    cannot_train().save(tmp_path / "bad_ml3_shaped.safetensors")
    arm.stream(100)
    graph.until(lambda: learns(arm, *METHODS))
    used = node._shelf.losses["ml3_shaped"]
    answer = call(graph, arm.probe, LoadLearnedLoss, LOAD, file="bad_ml3_shaped")
    assert not answer.success
    assert "the loss of the method ml3_shaped cannot train this network" in answer.message
    losses = arm.probe.create_publisher(LearnedLossMsg, "learned_loss", LATCHED_1)
    losses.publish(message_of(cannot_train()))
    graph.until(lambda: node.diagnostics.counts["rejected messages"] == 1)
    assert "cannot train this network" in capfd.readouterr().err
    assert node._shelf.losses["ml3_shaped"] is used
    since = len(arm.adaptation)
    arm.stream(100)
    graph.until(lambda: learns(arm, *METHODS, since=since))


def test_a_loss_that_cannot_train_is_not_waited_for_until_the_stream_begins(
    graph, optimizer, tmp_path, capfd
):
    cannot_train().save(tmp_path / "bad.safetensors")
    node, _ = optimizer(losses=[f"ml3_shaped={tmp_path / 'bad.safetensors'}"])
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
    assert "the loss of the method ml3_shaped cannot train" in capfd.readouterr().err


def test_another_loss_is_used_in_the_units_of_the_run(graph, learning):
    scales = {"units_velocity": [2.0, 2.0], "units_acceleration": [2.0, 2.0]}
    node, arm = learning(10_000, learn_duration=60.0, units_effort=[4.0, 4.0], **scales)
    node._shelf.losses["ml3_shaped"] = a_loss()
    a_loss().save(node._folder.path.parent / "mine_ml3_shaped.safetensors")
    arm.stream(100)
    graph.until(lambda: arm.adaptation)
    first = node._worker._online.methods["ml3_shaped"].loss
    assert first.spec.target.scale == (4.0, 4.0)
    assert call(graph, arm.probe, LoadLearnedLoss, LOAD, file="mine_ml3_shaped").success
    second = node._worker._online.methods["ml3_shaped"].loss
    assert second is not first
    assert second.sha256() == first.sha256()
