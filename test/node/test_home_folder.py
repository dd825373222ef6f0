# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""~ is the home folder in the parameters of nodes and in what their services are asked for."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from rclpy.lifecycle import TransitionCallbackReturn

from ml3_msgs.srv import LoadLearnedLoss
from ml3_ros.data.bags.writer import write_joint_states
from ml3_ros.data.laps_file import Lap, load_laps
from ml3_ros.data.recording import JointRecording
from ml3_ros.errors import DataError, LossFileError
from ml3_ros.nodes.bag_player import BagPlayer
from ml3_ros.nodes.kit.loss_files import inside
from ml3_ros.nodes.meta_learner.node import MetaLearner
from ml3_ros.nodes.policy_optimizer.node import PolicyOptimizer
from ml3_ros.nodes.reach_optimizer.node import ReachOptimizer
from ml3_ros.nodes.recorder import Recorder
from ml3_ros.nodes.sim_arm import SimArm
from ml3_ros.nodes.tracking_controller.node import TrackingControllerNode
from ml3_ros.robots.registry import load_robot
from ml3_ros.zoo import shipped

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Another home folder with an arm, a loss and a recording in it; nothing is made beside it."""
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(work)
    shutil.copy(load_robot("reacher").path, home / "arm.xml")
    for name in ("reacher_ml3_reach", "reacher_ml3_shaped"):
        shutil.copy(shipped()[name], home / f"{name}.safetensors")
    rows = np.arange(40.0).reshape(20, 2)
    write_joint_states(
        home / "bag",
        JointRecording(names=load_robot("reacher").names, t=0.01 * np.arange(20), q=rows, v=rows,
                       tau=rows, start_ns=10**9, topic="/joint_states"),
    )  # fmt: skip
    yield home
    assert not list(work.iterdir())


@pytest.mark.parametrize(
    ("kind", "parameters", "made"),
    [
        (MetaLearner, {"joints": ["a"], "out": "~/run"}, "run/losses"),
        (PolicyOptimizer, {"joints": ["a"], "loss": "none", "out": "~/run"}, "run/checkpoints"),
        (
            PolicyOptimizer,
            {
                "losses": ["mine=~/reacher_ml3_shaped.safetensors"],
                "loss": "none",
                "robot": "reacher",
                "out": "~/run",
            },
            "run/checkpoints",
        ),
        (
            ReachOptimizer,
            {"robot": "reacher", "loss_file": "~/reacher_ml3_reach.safetensors", "out": "~/run"},
            "run/checkpoints",
        ),
        (BagPlayer, {"bag": "~/bag", "robot": "~/arm.xml"}, ""),
        (SimArm, {"robot": "~/arm.xml"}, ""),
        (Recorder, {"out": "~/run"}, "run/bag"),
    ],
)
def test_parameters_of_nodes(graph, home, kind, parameters, made):
    node = graph.add(kind, "node", **parameters)
    assert node.trigger_configure() == SUCCESS
    if kind is Recorder:  # its bag begins with the recording
        assert node.trigger_activate() == SUCCESS
        assert node.trigger_deactivate() == SUCCESS
    assert (home / made).is_dir()


def test_laps_of_a_controller(graph, home):
    node = graph.add(TrackingControllerNode, "node", robot="~/arm.xml", out="~/run")
    assert node.trigger_configure() == node.trigger_activate() == SUCCESS
    rms = (0.1,) * len(load_robot("reacher").names)
    node._done.append(Lap(feedforward="feedback_only", ended=1.0, update=0, rms=rms))
    node._save()
    assert len(load_laps(home / "run")[1]) == 1


def test_a_home_folder_that_does_not_exist_fails_in_a_sentence(graph, home, capfd):
    node = graph.add(MetaLearner, "node", joints=["a"], out="~nobody_of_this_name/run")
    assert node.trigger_configure() == FAILURE
    assert "begins in a home folder that does not exist" in capfd.readouterr().err


def test_files_of_services(home):
    folder = home / "losses"
    assert inside(folder, "~/losses/mine") == folder / "mine.safetensors"
    with pytest.raises(LossFileError, match="is not inside"):
        inside(folder, "~/mine")
    with pytest.raises(DataError, match="home folder that does not exist"):
        inside(folder, "~nobody_of_this_name/mine")


def test_a_loss_is_loaded_from_a_folder_below_home(graph, home):
    parameters = {"joints": list(load_robot("reacher").names), "loss": "train"}
    node = graph.add(
        PolicyOptimizer, "node", robot="reacher", loss_folder="~", out="~/run", **parameters
    )
    assert node.trigger_configure() == node.trigger_activate() == SUCCESS
    probe = graph.plain()
    client = probe.create_client(LoadLearnedLoss, "node/load_learned_loss")
    graph.until(client.service_is_ready)
    file = "~/reacher_ml3_shaped.safetensors"
    future = client.call_async(LoadLearnedLoss.Request(file=file))
    graph.until(future.done)
    assert future.result().success, future.result().message
    assert f"uses {home / 'reacher_ml3_shaped.safetensors'}" in future.result().message
