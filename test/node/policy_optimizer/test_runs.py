# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Runs of policy_optimizer over real topics: it learns, publishes, saves and resumes."""

from __future__ import annotations

import re
import resource

import numpy as np
import pytest
from rclpy.parameter import Parameter
from std_msgs.msg import Bool

from ml3_msgs.msg import LearnedModel
from ml3_ros.data.run_files import RunFolder
from ml3_ros.learners.inverse_dynamics.net_file import ModelReader
from ml3_ros.nodes.kit.qos import LATCHED_1, LATCHED_10
from ml3_ros.nodes.messages.ml3 import model_from_msg
from ml3_ros.nodes.policy_optimizer import node as policy_optimizer
from test.node.policy_optimizer.bench import (
    FAILURE,
    NAMES,
    SUCCESS,
    a_loss,
    up,
)


def test_errors_of_an_arm_without_power_are_published_as_finite_numbers(graph, optimizer):
    node, arm = optimizer(learn_duration=60.0)
    moving = arm.message

    def unpowered(k):
        msg = moving(k)
        if k > 100:
            msg.effort = [0.0] * len(msg.name)
        return msg

    arm.message = unpowered
    assert node.trigger_configure() == SUCCESS
    assert node.trigger_activate() == SUCCESS
    arm.stream(900)
    graph.until(lambda: arm.adaptation and arm.adaptation[-1].samples > 700)
    errors = np.array([msg.nmse for msg in arm.adaptation])
    assert (errors < 1e6).all()


def test_it_learns_tests_writes_and_ends(graph, optimizer, tmp_path):
    a_loss().save(tmp_path / "mine.safetensors")
    node, arm = optimizer(
        losses=[f"ml3_shaped={tmp_path / 'mine.safetensors'}"], steps_per_window=10
    )
    up(node)
    arm.stream(560)
    graph.until(lambda: node.state_name() == "inactive")
    run = RunFolder(tmp_path / "out")
    samples, predictions, heldout = run.load_samples(), run.load_predictions(), run.load_heldout()
    methods = {"ml3_shaped", "sgd_tuned", "adam_tuned"}
    assert set(predictions.methods) == set(heldout.methods) == methods
    assert samples.joint_names == NAMES
    assert samples.learn_until - samples.t[0] == pytest.approx(4.0, abs=0.02)
    assert samples.t[-1] - samples.learn_until == pytest.approx(1.0, abs=0.02)
    late = (predictions.t > samples.learn_until - 1.0) & (predictions.t <= samples.learn_until)
    error = (predictions.methods["adam_tuned"] - predictions.tau)[late]
    assert (error**2).mean() < 0.05 * predictions.tau[late].var()
    # the learned loss here is Adam on the squared error: on the same samples, the same models
    for at in (predictions, heldout):
        np.testing.assert_array_equal(at.methods["ml3_shaped"], at.methods["adam_tuned"])
    # on a busy machine the last status comes after the node has ended
    graph.until(
        lambda: {msg.method for msg in arm.adaptation if msg.samples == len(samples.t)} == methods
    )
    last = {msg.method: msg for msg in arm.adaptation}
    assert not last["adam_tuned"].learning
    assert list(last["adam_tuned"].joint_names) == list(NAMES)
    assert run.load_config()["seed"] == 0


def test_models_are_handed_out_while_they_are_learned_also_to_who_comes_late(graph, optimizer):
    node, arm = optimizer(model_period=0.05, learn_duration=60.0)
    models = graph.listen(arm.probe, LearnedModel, "learned_model", LATCHED_10)
    up(node)
    arm.stream(200)
    learned = {"sgd_tuned", "adam_tuned"}
    graph.until(lambda: {msg.method for msg in models if msg.update > 20} == learned)
    updates = [msg.update for msg in models if msg.method == "adam_tuned"]
    assert updates == sorted(updates)
    net, _ = ModelReader()(model_from_msg(models[-1], NAMES))
    assert net.units.joint_names == NAMES
    graph.until(lambda: node._worker.waiting == 0)
    newest = {msg.method: msg.update for msg in models}
    late = graph.listen(graph.plain("late"), LearnedModel, "learned_model", LATCHED_10)
    graph.until(lambda: {msg.method for msg in late} == {"sgd_tuned", "adam_tuned"})
    assert all(msg.update >= newest[msg.method] for msg in late)


def test_what_a_stream_may_hold_is_counted_and_the_rest_is_learned_from(graph, optimizer, capfd):
    node, arm = optimizer()
    up(node)
    arm.stream(100)
    nan, gripper, short, old = (arm.message(arm.k) for _ in range(4))
    nan.velocity[1] = float("nan")
    gripper.name = ["finger", "thumb"]
    short.effort = short.effort[:1]
    old.header.stamp.sec -= 5
    for msg in (nan, gripper, short, old):
        arm.states.publish(msg)
    arm.stream(200)
    graph.until(lambda: arm.adaptation)
    assert node.diagnostics.counts == {
        "not finite messages": 1,
        "rejected messages": 1,
        "stamps out of order": 1,
    }
    log = capfd.readouterr().err
    assert "velocity of b is NaN at 100" in log and "finger" not in log
    graph.until(lambda: arm.adaptation[-1].lost_samples == 3)  # the gripper's is none
    assert arm.adaptation[-1].update > 0


def test_a_rate_that_is_not_the_streams_is_named(graph, optimizer, capfd):
    node, arm = optimizer(rate=250.0)
    up(node)
    graph.connect("joint_states")
    for k in range(20):
        arm.states.publish(arm.message(k))
    graph.until(lambda: node.diagnostics.counts)
    log = capfd.readouterr().err
    assert "joint_states come at 100.0 Hz but the parameter `rate` is 250" in log


def test_a_folder_that_cannot_be_written_stops_configure(optimizer, tmp_path, capfd):
    (tmp_path / "file").write_text("")
    node, _ = optimizer(out=str(tmp_path / "file" / "out"))
    assert node.trigger_configure() == FAILURE
    assert "choose a folder that can" in capfd.readouterr().err


def test_a_disk_that_fills_up_is_logged_and_the_stream_goes_on(graph, optimizer, tmp_path, capfd):
    node, arm = optimizer(checkpoint_period=0.5, learn_duration=60.0)
    up(node)
    logged = []

    def is_full():
        arm.stream(20)
        logged.append(capfd.readouterr().err)
        return "the disk is full" in "".join(logged)

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        arm.stream(200)
        graph.until(is_full)
        graph.until(lambda: arm.adaptation)
        update = arm.adaptation[-1].update
        arm.stream(100)
        graph.until(lambda: arm.adaptation[-1].update > update)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_no_sample_is_lost_while_the_node_has_no_time(graph, optimizer):
    node, arm = optimizer(learn_duration=60.0)
    up(node)
    graph.connect("joint_states")
    for k in range(500):
        arm.states.publish(arm.message(k))  # and nobody spins
    graph.until(lambda: arm.received() == 500)
    assert not node.diagnostics.counts


def test_what_a_killed_process_left_half_written_is_removed(optimizer, tmp_path):
    node, _ = optimizer()
    checkpoints = tmp_path / "out" / "checkpoints"
    checkpoints.mkdir(parents=True)
    for folder in (checkpoints, checkpoints.parent):
        (folder / ".x.safetensors.1.part").write_text("")
        (folder / "x.safetensors").write_text("")
    up(node)
    assert not list(checkpoints.parent.rglob(".*.part"))
    assert len(list(checkpoints.parent.rglob("x.safetensors"))) == 2


def test_a_run_goes_on_where_it_was(graph, optimizer, tmp_path, capfd):
    node, arm = optimizer(learn_duration=60.0)
    up(node)
    arm.stream(200)
    graph.until(lambda: arm.adaptation)
    node.trigger_deactivate()
    graph.until(lambda: arm.adaptation[-1].update > 0)
    steps, rows = arm.adaptation[-1].update, len(RunFolder(tmp_path / "out").load_predictions().t)
    node.trigger_cleanup()
    node.set_parameters([Parameter("resume", value=True)])
    up(node)
    arm.stream(200)
    resumed = int(re.search(r"resumed after (\d+) updates", capfd.readouterr().err)[1])
    assert resumed >= steps
    graph.until(lambda: arm.adaptation[-1].update > resumed)  # late messages are of the first run
    node.trigger_deactivate()
    assert len(RunFolder(tmp_path / "out").load_predictions().t) > rows
    online = tmp_path / "out" / "checkpoints" / "online.safetensors"
    online.write_bytes(online.read_bytes()[:1000])
    node.trigger_activate()
    arm.stream(100)
    graph.until(lambda: node.state_name() == "finalized")
    assert "delete it to start anew" in capfd.readouterr().err


def test_its_process_gives_large_blocks_back(monkeypatch):
    done = []
    monkeypatch.setattr(policy_optimizer, "return_large_blocks", lambda: done.append("returned"))
    monkeypatch.setattr(policy_optimizer, "run", lambda make_node: done.append("run") or 0)
    assert policy_optimizer.main() == 0
    assert done == ["returned", "run"]


@pytest.fixture
def player(graph):
    """Return what says that the stream is finished."""
    return graph.plain("player").create_publisher(Bool, "stream_finished", LATCHED_1)


def test_what_is_queued_when_the_stream_is_finished_is_learned_from(
    graph, optimizer, player, tmp_path
):
    node, arm = optimizer(learn_duration=60.0)
    up(node)
    arm.stream(100)
    player.publish(Bool(data=True))
    arm.stream(60)  # no slower than they would come out of a queue
    graph.until(lambda: node.state_name() == "inactive")
    newest = RunFolder(tmp_path / "out").load_samples().t[-1]
    assert newest == pytest.approx(1.49)  # but for half a window


def test_silence_ends_a_run_and_the_log_says_so(graph, optimizer, capfd):
    node, arm = optimizer(learn_duration=60.0, silence_timeout=0.3)
    up(node)
    arm.stream(100)
    graph.until(lambda: node.state_name() == "inactive")
    assert "no joint_states that can be used for 0.3 s: the run ends" in capfd.readouterr().err
