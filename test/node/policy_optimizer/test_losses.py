# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Losses that policy_optimizer is given: files, topics and services."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_msgs.msg import LearnedLoss as LearnedLossMsg
from ml3_msgs.srv import LoadLearnedLoss, ResetOptimizee
from ml3_ros.nodes.kit.qos import LATCHED_1
from test.node.policy_optimizer.bench import (
    FAILURE,
    NAMES,
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
        (lambda loss: a_loss(("b", "a")).to_bytes(), r"was trained for the joints ['b', 'a']"),
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


THREE = ["a", "b", "c"]


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"loss": "shipped", "joints": THREE}, "no learned loss ships for arms of 3 joints"),
        ({"loss": "sawyer_ml3_adaptive", "joints": THREE}, "adaptive is for 7 joints, but r2d2"),
        ({"losses": ["ml3=sawyer_ml3_shaped"], "joints": THREE}, "shaped is for 7 joints"),
        ({"loss": "sawyer_ml3_prior"}, "was trained for the joints ['right_j0'"),
        ({"loss": "shipped", "shipped_losses": ["ml3_prior"]}, "cannot serve r2d2: name some of"),
        ({"loss": "nowhere.safetensors"}, "cannot read the loss file nowhere.safetensors"),
    ],
)
def test_where_no_loss_can_serve_the_log_names_the_cures(optimizer, capfd, parameters, sentence):
    node, _ = optimizer(robot="r2d2", **parameters)
    assert node.trigger_configure() == FAILURE
    assert sentence in capfd.readouterr().err


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (
            {"loss": "shipped"},
            {n: f"reacher_{n}" for n in ("ml3_adaptive", "ml3_shaped", "ml3_unshaped")},
        ),
        ({"loss": "reacher_ml3_adaptive"}, {"ml3_adaptive": "reacher_ml3_adaptive"}),
        (
            {"loss": "reacher_ml3_adaptive", "shipped_losses": ["ml3_shaped"]},
            {"ml3_shaped": "reacher_ml3_adaptive"},
        ),
        ({"losses": ["mine=reacher_ml3_shaped"]}, {"mine": "reacher_ml3_shaped"}),
        ({"loss": "shipped", "robot": "reacher"}, None),  # its own, of other names: without prior
        # the same names: it is the arm that differs, and with it the units
        ({"losses": ["mine=reacher_ml3_shaped"], "joints": ["joint0", "joint1"]},
         {"mine": "reacher_ml3_shaped"}),
    ],
)  # fmt: skip
def test_losses_of_another_arm_serve_in_the_units_of_this_one(
    graph, optimizer, parameters, expected
):
    node, arm = optimizer(**{"robot": "r2d2", **parameters})
    assert node.trigger_configure() == SUCCESS
    expected = expected or {
        n: f"reacher_{n}" for n in ("ml3_adaptive", "ml3_shaped", "ml3_unshaped")
    }
    assert node._shelf.borrowed == expected
    if "joints" in parameters:
        return  # the arm that streams here has other names
    assert node.trigger_activate() == SUCCESS
    arm.stream(120)
    graph.until(lambda: node._worker is not None)
    units = node._worker._online.optimizee.units
    assert units.joint_names == NAMES
    v = np.array([arm.message(k).velocity for k in range(20, 80)])  # as far as it was measured
    assert units.velocity == pytest.approx(tuple(v.std(axis=0)), rel=0.5)
    for name in expected:
        used = node._worker._online.methods[name].loss
        assert used.spec.target.labels == NAMES
        assert used.spec.target.scale == units.effort


def test_the_losses_of_an_arm_itself_keep_their_units(optimizer):
    node, _ = optimizer(robot="reacher", joints=["joint0", "joint1"], loss="shipped")
    assert node.trigger_configure() == SUCCESS
    assert not node._shelf.borrowed
    assert {"ml3_shaped", "ml3_prior"} <= set(node._shelf.losses)


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
