# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Losses that policy_optimizer is given: files, topics and services."""

from __future__ import annotations

import pytest

from ml3_msgs.msg import LearnedLoss as LearnedLossMsg
from ml3_msgs.srv import LoadLearnedLoss, ResetOptimizee
from ml3_ros.nodes.kit.qos import LATCHED_1
from test.node.policy_optimizer.bench import (
    FAILURE,
    SUCCESS,
    a_loss,
    call,
    message_of,
    up,
)


def test_only_the_selected_shipped_losses_are_used(graph, optimizer):
    node, _ = optimizer(
        robot="reacher", joints=["joint0", "joint1"], loss="shipped", shipped_losses=["ml3_prior"]
    )
    assert node.trigger_configure() == SUCCESS
    assert list(node._shelf.losses) == ["ml3_prior"]


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda loss: loss.to_bytes()[:-20], "is truncated or not a learned loss"),
        (lambda loss: loss.to_bytes().replace(b'version\\": 1', b'version\\": 9'), "version 9"),
        (lambda loss: a_loss(("x", "y")).to_bytes(), r"was trained for the joints ['x', 'y']"),
        (lambda loss: None, "cannot read the loss file"),
    ],
)
def test_a_loss_file_that_does_not_fit_stops_configure_with_a_sentence(
    optimizer, tmp_path, capfd, damage, sentence
):
    file = tmp_path / "bad.safetensors"
    data = damage(a_loss())
    if data is not None:
        file.write_bytes(data)
    node, _ = optimizer(losses=[f"ml3_shaped={file}"])
    assert node.trigger_configure() == FAILURE
    assert sentence in capfd.readouterr().err


def test_for_a_robot_without_shipped_losses_the_log_names_a_cure(optimizer, capfd):
    node, _ = optimizer(loss="shipped", robot="r2d2")
    assert node.trigger_configure() == FAILURE
    assert "loss:=train" in capfd.readouterr().err


def test_losses_come_over_the_topic_also_to_who_is_late(graph, optimizer, capfd):
    probe = graph.plain()
    publishers = {}
    for name in ("ml3_shaped", "ml3_unshaped"):
        publishers[name] = probe.create_publisher(LearnedLossMsg, "learned_loss", LATCHED_1)
        publishers[name].publish(message_of(a_loss(), name))
    node, arm = optimizer(loss="train")
    assert node.trigger_configure() == SUCCESS
    graph.until(lambda: not node._shelf.missing())  # a latched message comes only once
    node.trigger_activate()
    arm.stream(100)
    learned = {"ml3_shaped", "ml3_unshaped"}
    graph.until(lambda: {msg.method for msg in arm.adaptation} >= learned)
    before = node._shelf.losses["ml3_shaped"].sha256()
    damaged, foreign = message_of(a_loss()), message_of(a_loss(("x", "y")))
    damaged.data[40] ^= 255
    rejected = node.diagnostics.counts
    for count, msg in enumerate((damaged, foreign, message_of(a_loss(), "other")), 1):
        publishers["ml3_shaped"].publish(msg)
        graph.until(lambda n=count: rejected["rejected messages"] == n)
    log = capfd.readouterr().err
    assert "arrived damaged" in log
    assert node._shelf.losses["ml3_shaped"].sha256() == before
    newer = a_loss(inner_lr=0.001)
    publishers["ml3_shaped"].publish(message_of(newer))
    graph.until(lambda: node._shelf.losses["ml3_shaped"].sha256() == newer.sha256())
    count = len(arm.adaptation)
    arm.stream(100)
    graph.until(lambda: len(arm.adaptation) > count)


def test_the_services_reset_and_load_and_reject_in_sentences(graph, optimizer, tmp_path):
    a_loss().save(tmp_path / "losses" / "mine_ml3_shaped.safetensors")
    a_loss().save(tmp_path / "elsewhere.safetensors")
    node, arm = optimizer(
        losses=[f"ml3_shaped={tmp_path / 'elsewhere.safetensors'}"],
        loss_folder=str(tmp_path / "losses"),
        learn_duration=60.0,
    )
    up(node)
    reset, load = "policy_optimizer/reset_optimizee", "policy_optimizer/load_learned_loss"
    early = call(graph, arm.probe, ResetOptimizee, reset)
    assert not early.success
    assert "nothing is learned yet" in early.message
    arm.stream(100)
    graph.until(lambda: arm.adaptation)
    assert call(graph, arm.probe, ResetOptimizee, reset, methods=["adam_tuned"], seed=3).success
    wrong = call(graph, arm.probe, ResetOptimizee, reset, methods=["magic"])
    assert not wrong.success
    assert "magic" in wrong.message
    loaded = call(graph, arm.probe, LoadLearnedLoss, load, file="mine_ml3_shaped")
    assert loaded.success, loaded.message
    assert loaded.learned_loss.name == "ml3_shaped"
    for file in ("../elsewhere.safetensors", str(tmp_path / "elsewhere.safetensors")):
        rejected = call(graph, arm.probe, LoadLearnedLoss, load, file=file)
        assert not rejected.success
        assert "is not inside" in rejected.message
