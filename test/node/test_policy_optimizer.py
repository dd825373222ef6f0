"""policy_optimizer over real topics: it learns, publishes, saves, and stands a faulty stream."""

from __future__ import annotations

import re
import resource
from dataclasses import replace

import numpy as np
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter

from ml3_msgs.msg import Adaptation, LearnedModel
from ml3_msgs.msg import LearnedLoss as LearnedLossMsg
from ml3_msgs.srv import LoadLearnedLoss, ResetOptimizee
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.data.run_files import RunFolder
from ml3_ros.learners.inverse_dynamics.net_file import ModelReader
from ml3_ros.learners.inverse_dynamics.squared_error import squared_error
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.nodes.kit.qos import LATCHED_1, LATCHED_10, RELIABLE_100
from ml3_ros.nodes.messages.ml3 import loss_to_msg, model_from_msg
from ml3_ros.nodes.policy_optimizer import node as policy_optimizer
from ml3_ros.nodes.policy_optimizer.node import PolicyOptimizer

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
NAMES = ("a", "b")
UNITS = Units(joint_names=NAMES, velocity=(1, 1), acceleration=(2, 2), effort=(2, 1))


def a_loss(names=NAMES, inner_lr=0.003):
    """Return a loss that needs no training, as a learned one."""
    units = replace(UNITS, joint_names=names)
    loss = squared_error(units, "tau", "adam", inner_lr)
    provenance = {"task_family": "inverse_dynamics", "robot": "toy", "units": units.to_dict()}
    return LearnedLoss(spec=loss.spec, phi=loss.phi, provenance=provenance)


def message_of(loss, name="ml3_shaped"):
    return loss_to_msg(
        name, loss.to_bytes(), stamp=0, task_family="inverse_dynamics", robot="toy",
        joint_names=loss.spec.target.labels,
    )  # fmt: skip


@pytest.fixture
def optimizer(graph, tmp_path):
    """Return a function that makes a policy_optimizer and the arm that it listens to."""

    def make(**parameters):
        defaults = {"joints": list(NAMES), "loss": "none", "out": str(tmp_path / "out"),
                    "learn_duration": 4.0, "hold_out_duration": 1.0, "steps_per_window": 2,
                    "units_samples": 50}  # fmt: skip
        node = graph.add(PolicyOptimizer, "policy_optimizer", **(defaults | parameters))
        arm = graph.arm(node)
        arm.adaptation = graph.listen(arm.probe, Adaptation, "adaptation", RELIABLE_100)
        return node, arm

    return make


def up(node):
    assert node.trigger_configure() == SUCCESS
    assert node.trigger_activate() == SUCCESS


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


def test_only_the_selected_shipped_losses_are_used(graph, optimizer):
    node, _ = optimizer(
        robot="reacher", joints=["joint0", "joint1"], loss="shipped", shipped_losses=["ml3_prior"]
    )
    assert node.trigger_configure() == SUCCESS
    assert list(node._shelf.losses) == ["ml3_prior"]


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
        "partial messages": 1,
        "rejected messages": 1,
        "stamps out of order": 1,
    }
    assert "velocity of b is nan" in capfd.readouterr().err
    graph.until(lambda: arm.adaptation[-1].lost_samples == 4)
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


def call(graph, node, srv_type, name, **request):
    client = node.create_client(srv_type, name)
    graph.until(client.service_is_ready)
    future = client.call_async(srv_type.Request(**request))
    graph.until(future.done)
    return future.result()


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


def test_its_process_gives_large_blocks_back(monkeypatch):
    done = []
    monkeypatch.setattr(policy_optimizer, "return_large_blocks", lambda: done.append("returned"))
    monkeypatch.setattr(policy_optimizer, "run", lambda make_node: done.append("run") or 0)
    assert policy_optimizer.main() == 0
    assert done == ["returned", "run"]
