# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A loss that fails ends one policy's learning, not its acting; unexpected errors end the node."""

from __future__ import annotations

import pytest
from rclpy.lifecycle import TransitionCallbackReturn

from ml3_ros.learners.reaching.files import ReachFolder
from test.unit.tasks.failing_loss import FailingLoss


@pytest.fixture
def failing(plant):
    """Return a function that makes an arm whose learned loss fails after `good` updates."""

    def make(good, **parameters):
        arm = plant(activate=False, **parameters)
        assert arm.node.trigger_configure() == TransitionCallbackReturn.SUCCESS
        arm.node._loss = FailingLoss.like(arm.node._loss, good=1 + good)
        arm.connect()
        return arm

    return make


def test_a_policy_whose_loss_fails_is_logged_and_the_run_ends_as_planned(
    graph, failing, tmp_path, capfd
):
    arm = failing(1, baseline=True)
    assert arm.node.trigger_activate() == TransitionCallbackReturn.SUCCESS
    methods = ("ml3_reach", "random_search")
    adaptation = [graph.listen_to_methods(arm.probe, method) for method in methods]
    for method in methods:
        graph.connect(f"adaptation/{method}")
    arm.goal()
    arm.until(arm.done)
    assert arm.node.state_name() == "inactive" and not arm.node.failed
    assert "RuntimeError" in arm.node.diagnostic_values()["method ml3_reach has ended at goal 1"]
    episodes = ReachFolder(tmp_path / "out").load_episodes()
    assert episodes.number.tolist() == [0, 1, 2] * 2
    graph.until(lambda: [len(messages) for messages in adaptation] == [3, 3])
    assert [[msg.learning for msg in messages] for messages in adaptation] == [
        [True, False, False],
        [True, True, False],
    ]
    log = capfd.readouterr().err
    assert log.count("method ml3_reach has ended after 1 updates (RuntimeError") == 1


def test_a_run_without_a_policy_that_learns_ends_as_a_failure(failing, capfd, tmp_path):
    arm = failing(0)
    assert arm.node.trigger_activate() == TransitionCallbackReturn.SUCCESS
    arm.goal()
    arm.until(arm.done)
    assert arm.node.state_name() == "finalized" and arm.node.failed
    assert "no policy was learning any more" in capfd.readouterr().err
    assert len(ReachFolder(tmp_path / "out").load_episodes().number) == 3


def test_a_loss_that_cannot_train_is_rejected_on_activation(failing, capfd):
    arm = failing(-1)
    assert arm.node.trigger_activate() == TransitionCallbackReturn.FAILURE
    assert "the loss of the method ml3_reach cannot train" in capfd.readouterr().err
    assert not arm.sent


def test_an_unexpected_error_breaks_the_episode_off(graph, failing, monkeypatch, capfd):
    arm = failing(100, retries=1)
    assert arm.node.trigger_activate() == TransitionCallbackReturn.SUCCESS

    def breaks(_episode, _seconds):
        raise ZeroDivisionError("nobody thought of this")

    monkeypatch.setattr(arm.node._run, "finish", breaks)
    arm.goal()
    arm.until(arm.done)
    graph.until(lambda: arm.node.state_name() == "finalized")
    assert arm.node.failed
    assert arm.node.diagnostics.counts["broken episodes"] == 2
    assert "2 episodes in a row were broken off: nothing was learned" in capfd.readouterr().err
