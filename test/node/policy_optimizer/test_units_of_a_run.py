# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Units of a run: those of the parameters, whenever and by whichever way a loss arrives."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from rclpy.parameter import Parameter

from ml3_msgs.msg import LearnedLoss as LearnedLossMsg
from ml3_msgs.srv import LoadLearnedLoss
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.nodes.kit.qos import LATCHED_10
from test.node.policy_optimizer.bench import (
    FAILURE,
    NAMES,
    SUCCESS,
    UNITS,
    a_loss,
    call,
    message_of,
    up,
)

LOAD = "policy_optimizer/load_learned_loss"
SCALES = {"units_velocity": [2.0, 2.0], "units_acceleration": [3.0, 3.0],
          "units_effort": [4.0, 4.0]}  # fmt: skip
OWN = {f"units_{name}": list(map(float, getattr(UNITS, name)))
       for name in ("velocity", "acceleration", "effort")}  # fmt: skip
REJECTION = "this loss carries a physics prior in the units of its own robot: leave"


def with_prior():
    """Return a loss with a physics prior in UNITS."""
    options = {"spread": (0.1,), "velocity": UNITS.velocity, "power": (2.0, 2.0),
               "prior_hidden": (4,), "hidden": (4,)}  # fmt: skip
    spec = UNITS.loss_spec("tau", ("q", "v", "a"), architecture="prior", options=options)
    phi = spec.init_phi(torch.Generator().manual_seed(0))
    return LearnedLoss(spec=spec, phi=phi, provenance={"units": UNITS.to_dict()})


@pytest.fixture
def give(graph, tmp_path):
    """Return a function that gives a loss to a node; by topic, or by service with its answer."""

    def send(node, arm, way, loss):
        if way == "service":
            loss.save(tmp_path / "late_ml3_shaped.safetensors")
            answer = call(graph, arm.probe, LoadLearnedLoss, LOAD, file="late_ml3_shaped")
            return answer.message
        losses = arm.probe.create_publisher(LearnedLossMsg, "learned_loss", LATCHED_10)
        before, rejected = dict(node._shelf.born), node.diagnostics.counts["rejected messages"]
        losses.publish(message_of(loss))
        graph.until(
            lambda: (
                node._shelf.born != before
                or node.diagnostics.counts["rejected messages"] > rejected
            )
        )
        return ""

    return send


def of_files(optimizer, tmp_path, **parameters):
    a_loss().save(tmp_path / "mine.safetensors")
    return optimizer(
        losses=[f"ml3_shaped={tmp_path / 'mine.safetensors'}"], loss_folder=str(tmp_path),
        learn_duration=60.0, **parameters,
    )  # fmt: skip


def running(node):
    return node._worker._online.methods["ml3_shaped"].loss


@pytest.mark.parametrize("way", ["topic", "service"])
def test_a_loss_that_comes_later_is_carried_over_as_one_that_was_there(
    graph, optimizer, give, tmp_path, way
):
    node, arm = of_files(optimizer, tmp_path, **SCALES)
    up(node)
    arm.stream(100)
    graph.until(lambda: arm.adaptation)
    first = running(node)
    assert first.spec.target.scale == (4.0, 4.0)
    give(node, arm, way, a_loss())
    assert running(node) is not first
    assert running(node).sha256() == first.sha256()


@pytest.mark.parametrize("way", ["topic", "service"])
@pytest.mark.parametrize("moment", ["inactive", "active", "learning"])
def test_a_prior_in_other_units_is_rejected_whenever_it_comes(
    graph, optimizer, give, tmp_path, capfd, way, moment
):
    node, arm = of_files(optimizer, tmp_path, **SCALES)
    assert node.trigger_configure() == SUCCESS
    if moment != "inactive":
        assert node.trigger_activate() == SUCCESS
    if moment == "learning":
        arm.stream(100)
        graph.until(lambda: arm.adaptation)
    used = node._shelf.losses["ml3_shaped"]
    answer = give(node, arm, way, with_prior())
    assert REJECTION in (answer or capfd.readouterr().err)
    assert node._shelf.losses["ml3_shaped"] is used
    if moment == "inactive":
        assert node.trigger_activate() == SUCCESS
    arm.stream(100)
    graph.until(lambda: arm.adaptation)
    assert not node.failed


def test_a_prior_in_other_units_stops_configure_with_its_sentence(optimizer, tmp_path, capfd):
    with_prior().save(tmp_path / "prior.safetensors")
    losses = [f"ml3_prior={tmp_path / 'prior.safetensors'}"]
    node, _ = optimizer(losses=losses, **SCALES)
    assert node.trigger_configure() == FAILURE
    assert REJECTION in capfd.readouterr().err
    node.set_parameters([Parameter(name, value=scales) for name, scales in OWN.items()])
    assert node.trigger_configure() == SUCCESS


@pytest.mark.parametrize("losses", [True, False])
@pytest.mark.parametrize("scale", [[2.0], [2.0, 0.0], [2.0, float("nan")]])
def test_scales_that_do_not_fit_stop_configure(optimizer, tmp_path, capfd, losses, scale):
    make = of_files if losses else lambda make, _, **parameters: make(**parameters)
    node, _ = make(optimizer, tmp_path, **SCALES | {"units_effort": scale})
    assert node.trigger_configure() == FAILURE
    assert "effort scale" in capfd.readouterr().err


@pytest.mark.parametrize("losses", [True, False])
def test_one_scale_may_be_set_alone(graph, optimizer, tmp_path, losses):
    make = of_files if losses else lambda make, _, **parameters: make(**parameters)
    node, arm = make(optimizer, tmp_path, units_effort=[4.0, 5.0])
    up(node)
    arm.stream(100)
    graph.until(lambda: arm.adaptation)
    units = node._worker._online.optimizee.units
    assert units.effort == (4.0, 5.0)
    if losses:
        assert units == replace(UNITS, effort=(4.0, 5.0))


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({}, "these are not units of a robot"),
        ({"units": {}}, "these are not units of a robot"),
        ({"units": [1]}, "these are not units of a robot"),
        (
            {"units": replace(UNITS, joint_names=NAMES[::-1]).to_dict()},
            "it was of the joints b, a",
        ),
    ],
)
def test_a_run_is_not_resumed_with_units_that_are_invalid_or_of_other_joints(
    optimizer, tmp_path, capfd, config, sentence
):
    checkpoints = tmp_path / "out" / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "online.safetensors").write_bytes(b"")
    (tmp_path / "out" / "config.json").write_text(json.dumps(config))
    node, _ = optimizer(resume=True)
    assert node.trigger_configure() == FAILURE
    log = capfd.readouterr().err
    assert sentence in log
    assert "set resume to false" in log


def test_text_of_a_loss_that_cannot_be_sent_does_not_end_the_node(
    graph, optimizer, give, tmp_path
):
    node, arm = of_files(optimizer, tmp_path)
    up(node)
    loss = a_loss()
    odd = LearnedLoss(
        spec=loss.spec, phi=loss.phi, provenance=loss.provenance | {"robot": "half \ud800"}
    )
    assert "from now on" in give(node, arm, "service", odd)
