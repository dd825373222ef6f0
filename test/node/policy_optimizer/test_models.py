# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Physical models of policy_optimizer: beside networks or alone, over real topics."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_msgs.msg import LearnedModel
from ml3_ros.data.run_files import RunFolder
from ml3_ros.errors import ConfigError
from ml3_ros.identification.live.model_file import physical_from_bytes
from ml3_ros.identification.live.payload import LearnedPayloadConfig, PayloadChangeConfig
from ml3_ros.nodes.kit.qos import LATCHED_10
from ml3_ros.nodes.messages.ml3 import model_from_msg
from ml3_ros.nodes.policy_optimizer.node import PolicyOptimizer
from ml3_ros.nodes.policy_optimizer.parameters import PolicyOptimizerParameters
from ml3_ros.nodes.policy_optimizer.physical import arm_of, companion_of
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from test.node.policy_optimizer.bench import FAILURE, up

REACHER = load_robot("reacher")
ALL = ["network", "physical", "physical_and_network"]


@pytest.fixture
def reacher(graph, tmp_path):
    """Return a function that makes a policy_optimizer of a Reacher, and its arm."""

    def make(**parameters):
        defaults = {"robot": "reacher", "loss": "none", "out": str(tmp_path / "out"),
                    "learn_duration": 4.0, "hold_out_duration": 1.0, "steps_per_window": 2,
                    "units_samples": 50}  # fmt: skip
        node = graph.add(PolicyOptimizer, "policy_optimizer", **(defaults | parameters))
        arm = graph.arm(node)
        arm.adaptation = graph.listen_to_methods(
            arm.probe, "adam_tuned", "sgd_tuned", "physical_model", "physical_and_network"
        )
        made = arm.message

        def message(k):
            msg = made(k)
            msg.name = list(REACHER.names)
            msg.effort = [0.01 * x for x in msg.effort]  # of a light arm
            return msg

        arm.message = message
        return node, arm

    return make


def test_three_models_of_an_arm_learn_side_by_side(graph, reacher, tmp_path):
    node, arm = reacher(models=ALL, model_period=0.2)
    models = graph.listen(arm.probe, LearnedModel, "learned_model", LATCHED_10)
    up(node)
    arm.stream(560)
    graph.until(lambda: node.state_name() == "inactive")
    methods = {"sgd_tuned", "adam_tuned", "physical_model", "physical_and_network"}
    run = RunFolder(tmp_path / "out")
    predictions, heldout = run.load_predictions(), run.load_heldout()
    assert set(predictions.methods) == set(heldout.methods) == methods
    for name in ("physical_model", "physical_and_network"):
        assert np.isfinite(predictions.methods[name]).all()
        assert run.checkpoint(name).exists()
        graph.until(
            lambda name=name: any(
                msg.method == name and msg.update >= 5 and np.isfinite(msg.nmse_mean)
                for msg in arm.adaptation
            )
        )
    graph.until(lambda: {msg.method for msg in models} == methods)
    sent = {msg.method: msg for msg in models}
    torque = physical_from_bytes(
        model_from_msg(sent["physical_model"], REACHER.names), PinocchioModel(REACHER)
    )
    # the stream is not that of a Reacher, so what was learned is not what is described
    state = (REACHER.home, np.ones(2), np.ones(2))
    assert np.abs(torque(*state) - PinocchioModel(REACHER).rnea(*state)).max() > 1e-4


def test_a_physical_model_alone_names_the_joints_itself(graph, reacher, tmp_path):
    node, arm = reacher(models=["physical"], physical_loss="robust", loss="shipped")
    up(node)
    arm.stream(560)
    graph.until(lambda: node.state_name() == "inactive")
    assert set(RunFolder(tmp_path / "out").load_predictions().methods) == {"physical_model"}
    graph.until(lambda: arm.adaptation)
    assert {msg.method for msg in arm.adaptation} == {"physical_model"}


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (["magic"], "name some of network, physical, physical_and_network"),
        (["physical", "physical"], "each once"),
    ],
)
def test_models_that_do_not_exist_are_rejected(reacher, wrong, reason):
    with pytest.raises(ConfigError, match=reason):
        reacher(models=wrong)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"robot": "no_robot"}, "no_robot"),
        ({"joints": ["a", "b"]}, "set the parameter model to the arm that streams"),
    ],
)
def test_an_arm_that_is_none_or_another_is_rejected(reacher, capfd, wrong, reason):
    node, _ = reacher(models=["physical"], **wrong)
    assert node.trigger_configure() == FAILURE
    assert reason in capfd.readouterr().err


@pytest.mark.parametrize(
    ("told", "expected"),
    [("no", type(None)), ("rule", PayloadChangeConfig), ("learned", LearnedPayloadConfig)],
)
def test_payloads_are_told_as_the_parameter_says(told, expected):
    parameters = PolicyOptimizerParameters(model="reacher", tell_payload=told)
    companion = companion_of(REACHER.names, ["physical_model"], parameters, print)
    assert isinstance(companion._model.config.payload, expected)


def test_joints_that_the_stream_does_not_have_are_held():
    parameters = PolicyOptimizerParameters(model="sawyer")
    joints = ("right_j1", "right_j3")
    assert arm_of(parameters, joints).names == joints
    assert arm_of(parameters, ()).names == load_robot("sawyer").names
