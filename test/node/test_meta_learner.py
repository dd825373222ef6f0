"""meta_learner over real topics: one goal at a time, cancelled, resumed, latched, rejected."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient, GoalResponse
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, QoSProfile

from ml3_msgs.action import MetaTrain
from ml3_msgs.msg import InertiaPrior
from ml3_msgs.msg import LearnedLoss as LearnedLossMsg
from ml3_msgs.srv import LoadLearnedLoss, SaveLearnedLoss
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.data.filters import FilteredSample
from ml3_ros.data.stream_memory import StreamMemory
from ml3_ros.nodes.kit.qos import RELIABLE_100
from ml3_ros.nodes.messages.joint_states import nanoseconds
from ml3_ros.nodes.messages.ml3 import loss_from_msg, prior_to_msg
from ml3_ros.nodes.meta_learner import action
from ml3_ros.nodes.meta_learner.node import MetaLearner
from ml3_ros.tasks.inverse_dynamics.stream_training import MetaTrainingWorker

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
JOINTS = ("a", "b")
GOAL = {"name": "ml3_unshaped", "task": "inverse_dynamics", "nle": "learned",
        "architecture": "structured", "iterations": 3}  # fmt: skip


class Client:
    """Sends goals and keeps what comes back."""

    def __init__(self, graph, node):
        self.graph, self.feedback = graph, []
        self.action = ActionClient(node, MetaTrain, "meta_train")

    def send(self, **fields):
        """Return the handle of a goal, accepted or not."""
        goal = GOAL | fields
        self.graph.until(self.action.server_is_ready)
        future = self.action.send_goal_async(
            MetaTrain.Goal(**goal), lambda msg: self.feedback.append(msg.feedback)
        )
        self.graph.until(future.done)
        return future.result()

    def result(self, handle):
        """Return status and result of an accepted goal."""
        future = handle.get_result_async()
        self.graph.until(future.done)
        return future.result().status, future.result().result


@pytest.fixture
def learner(graph, tmp_path):
    """Return a function that makes an active meta_learner, its arm and a client."""

    def make(**parameters):
        defaults = {
            "joints": list(JOINTS),
            "robot": "toy",
            "out": str(tmp_path / "out"),
            "record_seconds": 2.0,
            "segment_seconds": 1.0,
            "checkpoint_period": 0.1,
        }
        node = graph.add(MetaLearner, "meta_learner", **(defaults | parameters))
        assert node.trigger_configure() == SUCCESS
        assert node.trigger_activate() == SUCCESS
        arm = graph.arm(node)
        return node, arm, Client(graph, arm.probe)

    return make


def latched(graph, node):
    """Return the list of losses that a subscriber gets which comes now."""
    qos = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    return graph.listen(node, LearnedLossMsg, "learned_loss", qos)


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
    assert np.isfinite(result.task_loss)
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


def test_one_goal_at_a_time_and_a_cancelled_one_goes_on_when_sent_again(graph, learner):
    node, arm, client = learner()
    arm.stream(260)
    handle = client.send(iterations=1_000_000)
    assert not client.send(name="second").accepted
    graph.until(lambda: client.feedback and client.feedback[-1].iteration > 2)
    graph.until(handle.cancel_goal_async().done)
    status, result = client.result(handle)
    assert status == GoalStatus.STATUS_CANCELED
    assert "send the same goal again" in result.message
    assert not result.success
    done = result.iterations
    client.feedback.clear()
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
    second = graph.add(MetaLearner, "second", joints=list(JOINTS), robot="toy", out=str(kept),
                       segment_seconds=1.0)  # fmt: skip
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
    second = graph.add(MetaLearner, "second", joints=list(JOINTS), robot="toy",
                       out=str(tmp_path / "out"), segment_seconds=1.0)  # fmt: skip
    assert second.trigger_configure() == SUCCESS
    assert not half.exists()
    assert second.trigger_activate() == SUCCESS
    assert client.result(client.send())[1].success  # no stream any more
    assert file.read_bytes() == loss
    client.feedback.clear()
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


@pytest.mark.parametrize(
    ("goal", "sentence"),
    [
        ({"task": "cooking"}, "there is no task 'cooking': use 'inverse_dynamics'"),
        ({"nle": "maybe"}, "nle must be one of given, learned"),
        ({"architecture": "tree"}, "architecture must be one of mlp, structured"),
        ({"seed": -1}, "seed must be >= 0"),
        ({"name": "../../evil"}, "is not inside"),
    ],
)
def test_a_goal_that_cannot_be_trained_is_aborted_with_the_reason(learner, goal, sentence):
    _, _, client = learner()
    status, result = client.result(client.send(**goal))
    assert status == GoalStatus.STATUS_ABORTED
    assert sentence in result.message


def test_a_training_that_cannot_be_kept_is_not_begun(graph, learner, tmp_path):
    _, arm, client = learner()
    (tmp_path / "out" / "training").write_text("a file where the folder should be")
    arm.stream(260)
    status, result = client.result(client.send())
    assert status == GoalStatus.STATUS_ABORTED
    assert "choose a folder that can" in result.message


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


def test_samples_meet_the_prior_of_their_own_stamp():
    memory = StreamMemory(10.0)
    z = np.zeros(1)
    for k in range(5):
        if k != 2:
            memory.add_prior(k, np.full((1, 1), float(k)), np.full(1, 10.0 * k))
    for k in range(5):
        memory.add(k, FilteredSample(0.1 * k, z + k, z, z, z))
    assert memory.count(with_prior=False) == 5
    arrays = memory.arrays(3, with_prior=True)
    assert arrays["q"].ravel().tolist() == [1, 3, 4]
    assert arrays["inertia"].ravel().tolist() == [1, 3, 4]
    assert arrays["nle"].ravel().tolist() == [10, 30, 40]
    memory.add(9, FilteredSample(10.25, z, z, z, z))
    assert memory.count(with_prior=False) == 3  # older ones than 10 s are forgotten


def test_a_folder_that_cannot_be_made_stops_configure(graph, tmp_path, capfd):
    (tmp_path / "file").write_text("")
    node = graph.add(MetaLearner, "meta_learner", joints=["a"], out=str(tmp_path / "file" / "out"))
    assert node.trigger_configure() == FAILURE
    assert "choose another `out`" in capfd.readouterr().err


def test_a_goal_whose_beginning_fails_is_answered_whatever_the_error(
    graph, learner, monkeypatch, capfd
):
    node, arm, client = learner()
    arm.stream(260)

    def breaks(*_args, **_how):
        raise ZeroDivisionError("nobody thought of this")

    with monkeypatch.context() as patch:
        patch.setattr(node._memory, "arrays", breaks)
        status, result = client.result(client.send())
    assert status == GoalStatus.STATUS_ABORTED
    assert "ZeroDivisionError: nobody thought of this" in result.message
    assert client.result(client.send())[1].success  # and the next one is trained


def test_a_training_that_breaks_is_answered_with_the_error(graph, learner, monkeypatch):
    _, arm, client = learner()
    arm.stream(260)

    def breaks(_worker, _trainer):
        raise ZeroDivisionError("nobody thought of this")

    monkeypatch.setattr(MetaTrainingWorker, "_train", breaks)
    status, result = client.result(client.send())
    assert status == GoalStatus.STATUS_ABORTED
    assert "the training failed: ZeroDivisionError: nobody thought of this" in result.message


def test_of_two_goals_at_once_each_gets_its_answer(graph, learner, monkeypatch):
    """Both are accepted before the first is begun."""
    node, arm, client = learner()
    arm.stream(260)
    accept = lambda _goal: GoalResponse.ACCEPT  # noqa: E731
    monkeypatch.setattr(node._action._server, "_goal_callback", accept)
    results = [client.result(handle) for handle in (client.send(name="a"), client.send(name="b"))]
    assert [result.success for _, result in results] == [True, False]
    assert "the goal came too late" in results[1][1].message


def test_a_goal_that_is_accepted_just_before_the_end_gets_its_answer(graph, learner, monkeypatch):
    node, _, client = learner()
    accept = node._action._on_goal

    def late(goal):
        answer = accept(goal)
        node.trigger_deactivate()
        return answer

    monkeypatch.setattr(node._action._server, "_goal_callback", late)
    status, result = client.result(client.send())
    assert status == GoalStatus.STATUS_ABORTED
    assert "the goal came too late: send the same goal again" in result.message


def test_an_outer_step_that_does_not_end_holds_up_neither_the_node_nor_its_folder(
    graph, learner, monkeypatch, capfd
):
    node, arm, client = learner()
    arm.stream(260)
    begun, step, go_on = threading.Event(), MetaTrainingWorker._train, threading.Event()

    def hangs(worker, trainer):
        begun.set()
        go_on.wait(60.0)
        step(worker, trainer)

    monkeypatch.setattr(action, "JOIN_S", 0.1)
    monkeypatch.setattr(MetaTrainingWorker, "_train", hangs)
    handle = client.send()
    graph.until(begun.is_set)
    assert node.trigger_deactivate() == SUCCESS
    assert client.result(handle)[0] == GoalStatus.STATUS_ABORTED
    assert "so the training ends later" in capfd.readouterr().err
    assert node.trigger_cleanup() == node.trigger_configure() == node.trigger_activate() == SUCCESS
    result = client.result(client.send())[1]
    assert "the training before this one is still ending" in result.message
    go_on.set()
    graph.until(node._worker.ended.is_set)
    assert client.result(client.send())[1].success
