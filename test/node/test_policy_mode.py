"""policy_optimizer in its mode "policy": episodes over real topics, and torques only in them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from geometry_msgs.msg import PoseStamped
from rclpy.lifecycle import TransitionCallbackReturn
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64
from std_srvs.srv import Trigger

from ml3_msgs.msg import Adaptation
from ml3_ros.bridges.messages import NANO, JointSample, effort_from_msg, nanoseconds, sample_to_msg
from ml3_ros.bridges.poses import pose_to_msg
from ml3_ros.core.learned_loss import LearnedLoss
from ml3_ros.core.loss_spec import InputSpec, LossSpec
from ml3_ros.nodes.base import LATCHED_100, RELIABLE_1, RELIABLE_100
from ml3_ros.nodes.policy_optimizer import PolicyOptimizer
from ml3_ros.tasks.reaching.arm_task import KEY, ArmTask
from ml3_ros.tasks.reaching.reach_files import ReachFolder

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
NAMES = ("a", "b")
STEP = NANO // 100  # of the plant's joint states
TASK = ArmTask(
    joints=NAMES,
    observation="planar",
    limits=(2.0, 1.0),
    period=0.03,
    horizon=4,
    scales=((1.0,) * 4, (1.0, 1.0)),
    hidden=(8,),
    home=(0.0, 0.5),
    spread=0.1,
    reach=(0.2, 2.0),
    height=(-0.1, 0.1),
)
GOAL = np.array([1.0, 0.5, 0.0, 0.0, 0.0, 0.0, 1.0])


def a_loss(task=TASK, names=NAMES, **provenance):
    """Return a loss of the right shape that nobody has trained."""
    spec = LossSpec(
        architecture="desired_action",
        target=InputSpec(name="action", unit="N m", scale=task.limits, labels=names),
        context=tuple(
            InputSpec(name=name, unit="", scale=(1.0, 1.0))
            for name in ("error", "elbow", "velocity")
        ),
        options={"hidden": (8,), "step_hidden": (4,)},
        inner_lr=0.1,
    )
    phi = spec.init_phi(torch.Generator().manual_seed(0))
    return LearnedLoss(spec=spec, phi=phi, provenance={KEY: task.to_dict(), **provenance})


class Plant:
    """Two masses at home after a reset; the test tells when their time goes on."""

    def __init__(self, graph, node):
        self.graph, self.node, self.k, self.resets = graph, node, 0, 0
        self.q, self.v, self.tau = np.array(TASK.home), np.zeros(2), np.zeros(2)
        self.answer, self.sent = "", []
        self.probe = graph.plain("arm")
        self.states = self.probe.create_publisher(JointState, "joint_states", RELIABLE_100)
        self.poses = self.probe.create_publisher(PoseStamped, "hand_pose", RELIABLE_100)
        self.goals = self.probe.create_publisher(PoseStamped, "goal", LATCHED_100)
        self.probe.create_subscription(JointState, "joint_command", self.on_command, RELIABLE_1)
        self.probe.create_service(Trigger, "reset_arm", self.on_reset)

    def connect(self):
        for topic in ("joint_states", "hand_pose", "goal", "joint_command"):
            self.graph.connect(topic)

    def on_command(self, msg):
        self.tau = effort_from_msg(msg, NAMES)
        self.sent.append((nanoseconds(msg.header.stamp), self.tau))

    def on_reset(self, _request, response):
        self.resets += 1
        self.q, self.v = np.array(TASK.home) + 0.05, np.zeros(2)
        response.success, response.message = not self.answer, self.answer
        return response

    @property
    def stamp(self):
        return 1_000 * NANO + self.k * STEP

    def state(self):
        return sample_to_msg(
            JointSample(stamp=self.stamp, q=self.q, v=self.v, tau=self.tau), NAMES
        )

    def tell(self, state=None):
        """Send where the hand is and a joint state, and spin until the node has heard both."""
        heard = self.heard()
        hand = np.array([*self.q, 0.0, 0.0, 0.0, 0.0, 1.0])
        self.poses.publish(pose_to_msg(hand, self.stamp))
        self.states.publish(self.state() if state is None else state)
        self.graph.until(lambda: self.heard() > heard or self.done())

    def heard(self):
        rate = self.node.diagnostics.rates.get("joint_states")
        return (rate.total if rate else 0) + sum(self.node.diagnostics.counts.values())

    def done(self):
        return self.node.state_name() != "active"

    def phase(self):
        return self.node._policy_mode._phase

    def step(self):
        """Let 10 ms pass, and answer the phase that needs no time of the arm."""
        self.k += 1
        self.v = self.v + 0.01 * self.tau
        self.q = self.q + 0.01 * self.v
        self.tell()
        self.graph.until(
            lambda: (
                self.done()
                or self.phase() == "settling"
                or (self.phase() == "acting" and self.sent[-1:] and self.sent[-1][0] == self.stamp)
            )
        )

    def until(self, condition, steps=200):
        for _ in range(steps):
            if condition():
                return
            self.step()
        raise AssertionError("condition not met in time")

    def goal(self, pose=GOAL):
        self.goals.publish(pose_to_msg(np.asarray(pose, dtype=float), 0))


@pytest.fixture
def plant(graph, tmp_path):
    """Return a function that makes a policy_optimizer and the arm that it moves."""

    def make(loss=None, *, activate=True, **parameters):
        (loss or a_loss()).save(tmp_path / "reach.safetensors")
        defaults = {"mode": "policy", "reach_loss": str(tmp_path / "reach.safetensors"),
                    "out": str(tmp_path / "out"), "goals": 1, "updates": 2,
                    "settle_time": 0.05}  # fmt: skip
        node = graph.add(PolicyOptimizer, "policy_optimizer", **(defaults | parameters))
        plant = Plant(graph, node)
        if activate:
            assert node.trigger_configure() == SUCCESS
            plant.connect()
            assert node.trigger_activate() == SUCCESS
        return plant

    return make


def test_episodes_train_a_policy_and_leave_their_results(graph, plant, tmp_path):
    arm = plant()
    told = graph.listen(arm.probe, Adaptation, "adaptation", RELIABLE_100)
    distances = graph.listen(arm.probe, Float64, "goal_distance", RELIABLE_100)
    arm.connect()
    arm.goal()
    arm.until(arm.done)
    assert arm.node.state_name() == "inactive"
    assert arm.resets == 3
    folder = ReachFolder(tmp_path / "out")
    episodes = folder.load_episodes()
    np.testing.assert_array_equal(episodes.goals, [GOAL])
    np.testing.assert_array_equal(episodes.number, [0, 1, 2])
    assert episodes.hand.shape == (3, TASK.horizon + 1, 2)
    np.testing.assert_allclose(
        episodes.distance, np.linalg.norm(episodes.hand - GOAL[:2], axis=-1), atol=1e-12
    )
    np.testing.assert_allclose(episodes.hand[:, 0], [[0.05, 0.55]] * 3)
    assert np.isfinite(episodes.value[:2]).all() and np.isnan(episodes.value[2])
    assert not np.array_equal(episodes.hand[0], episodes.hand[1])  # the policy has changed
    assert folder.load_config()["experiment"] == "reach_live"
    graph.until(lambda: len(told) == 3 and len(distances) == 3)
    assert [msg.update for msg in told] == [0, 1, 2]
    assert [msg.data for msg in distances] == episodes.distance[:, -1].tolist()
    # torques: one for each joint state of an episode and nothing else, the last one zero
    n = 3 * TASK.horizon + 1
    assert len(arm.sent) == 3 * n
    for i in range(3):
        stamps = [stamp for stamp, _ in arm.sent[i * n : (i + 1) * n]]
        torques = np.array([tau for _, tau in arm.sent[i * n : (i + 1) * n]])
        assert set(np.diff(stamps)) == {STEP}
        assert (np.abs(torques) <= TASK.limits).all()
        assert (torques[-1] == 0.0).all()
        held = torques[:-1].reshape(TASK.horizon, 3, 2)
        assert (held == held[:, :1]).all()  # for a period
        assert len(np.unique(held[:, 0, 0])) == TASK.horizon


def test_torques_keep_to_their_share_of_the_limits(plant):
    wide = ArmTask(**{**TASK.to_dict(), "limits": (1e3, 1e3)})
    arm = plant(a_loss(wide), torque_share=0.05)
    arm.goal()
    arm.until(lambda: arm.sent)
    arm.node._policy_mode._run.learner.theta["net.bias_1"] += 100.0  # saturates
    arm.until(lambda: arm.phase() != "acting")
    largest = np.abs([tau for _, tau in arm.sent]).max()
    assert largest == pytest.approx(50.0)


def test_no_torque_leaves_but_in_an_episode(graph, plant):
    arm = plant(activate=False)
    assert arm.node.trigger_configure() == SUCCESS
    arm.connect()
    arm.goal()
    for _ in range(5):
        arm.k += 1
        arm.poses.publish(pose_to_msg(GOAL, arm.stamp))
        arm.states.publish(arm.state())
    graph.for_(0.2)
    assert not arm.sent and not arm.resets  # inactive
    arm.node.trigger_activate()
    graph.until(lambda: arm.phase() == "settling")
    arm.v = np.array([0.0, 0.2])
    for _ in range(8):
        arm.step()
    assert not arm.sent  # the arm still moves
    arm.v = np.zeros(2)
    arm.until(lambda: len(arm.sent) > 3)
    assert np.abs(arm.sent[-1][1]).max() > 0.0
    arm.node.trigger_deactivate()
    graph.until(lambda: (arm.sent[-1][1] == 0.0).all())
    count = len(arm.sent)
    for _ in range(5):
        arm.k += 1
        arm.poses.publish(pose_to_msg(GOAL, arm.stamp))
        arm.states.publish(arm.state())
    graph.for_(0.2)
    assert len(arm.sent) == count


def test_without_a_goal_nothing_is_asked_of_the_arm(graph, plant):
    arm = plant()
    for _ in range(3):
        arm.k += 1
        arm.tell()
    graph.for_(0.1)
    assert not arm.resets and not arm.sent


REFUSED = {
    "3.000 m from the arm's axis": [3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
    "choose one from 0.2 to 2 m": [0.1, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
    "0.500 m above the base": [1.0, 0.0, 0.5, 0.0, 0.0, 0.0, 1.0],
    "goal holds NaN": [np.nan, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
    "the quaternion of goal": [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
}


def test_a_goal_that_must_not_be_used_is_refused(graph, plant, monkeypatch):
    arm = plant()
    told = []
    refuse = arm.node.refuse
    monkeypatch.setattr(
        arm.node, "refuse", lambda error, **how: (told.append(str(error)), refuse(error, **how))
    )
    for pose in REFUSED.values():
        arm.goal(pose)
    graph.until(lambda: len(told) == len(REFUSED))
    for sentence, text in zip(REFUSED, told, strict=True):
        assert sentence in text
    assert arm.node.diagnostics.counts == {
        "refused goals": 3,
        "not finite messages": 1,
        "refused messages": 1,
    }
    graph.for_(0.1)
    assert not arm.resets and not arm.sent


def nan_state(arm):
    msg = arm.state()
    msg.position[1] = float("nan")
    return msg


def old_state(arm):
    msg = arm.state()
    msg.header.stamp.sec -= 1
    return msg


def foreign_state(arm):
    msg = arm.state()
    msg.name = ["x", "y"]
    return msg


def test_a_joint_state_that_must_not_be_used_gets_no_torque(graph, plant):
    arm = plant()
    arm.goal()
    for bad in (nan_state, old_state, foreign_state):
        arm.step()
        arm.until(lambda: arm.phase() == "acting" and len(arm.sent) > 2)
        count = len(arm.sent)
        arm.k += 1
        arm.tell(bad(arm))
        graph.for_(0.05)
        assert len(arm.sent) == count
    arm.until(arm.done)  # the episode goes on with the next one
    assert len(arm.node._policy_mode._run.outcomes) == 3


def test_a_hand_pose_of_another_time_gets_no_torque(graph, plant):
    arm = plant()
    arm.goal()
    arm.until(lambda: len(arm.sent) > 2)
    count = len(arm.sent)
    arm.k += 1
    arm.states.publish(arm.state())  # and no hand pose
    graph.for_(0.1)
    assert len(arm.sent) == count
    nan = GOAL.copy()
    nan[0] = np.nan
    arm.poses.publish(pose_to_msg(nan, arm.stamp))
    graph.until(lambda: arm.node.diagnostics.counts["not finite messages"])
    arm.poses.publish(pose_to_msg(GOAL, arm.stamp - NANO // 2))  # out of order
    graph.until(lambda: arm.node.diagnostics.counts["refused messages"])
    assert len(arm.sent) == count


def test_an_episode_with_a_gap_is_broken_off_and_made_again(graph, plant, capfd):
    arm = plant()
    arm.goal()
    arm.until(lambda: len(arm.sent) > 2)
    arm.k += 6  # 60 ms
    arm.tell()
    graph.until(lambda: arm.node.diagnostics.counts["broken episodes"] == 1)
    graph.until(lambda: (arm.sent[-1][1] == 0.0).all())
    assert "no joint state came for 0.060 s" in capfd.readouterr().err
    arm.until(arm.done)
    outcomes = arm.node._policy_mode._run.outcomes
    assert [o.number for o in outcomes] == [0, 1, 2]
    assert arm.resets == 4


def test_a_silent_arm_ends_the_episode_and_in_the_end_the_node(graph, plant, capfd):
    arm = plant(state_timeout=0.1, retries=1, reset_timeout=0.3)
    arm.goal()
    arm.until(lambda: len(arm.sent) > 2)
    graph.until(lambda: (arm.sent[-1][1] == 0.0).all())
    graph.until(lambda: arm.node.state_name() == "finalized")
    told = capfd.readouterr().err
    assert "no joint state with its hand pose came for 0.1 s amid an episode" in told
    assert "2 episodes in a row were broken off: no joint state with its hand pose shows" in told


def test_torques_that_are_not_finite_stay_here(graph, plant, capfd):
    arm = plant(retries=0)
    arm.goal()
    arm.until(lambda: len(arm.sent) > 2)
    theta = arm.node._policy_mode._run.learner.theta
    theta["net.weight_0"] = theta["net.weight_0"] * float("nan")
    arm.k += 1
    for _ in range(3):
        arm.k += 1
        arm.tell()
    graph.until(lambda: arm.node.state_name() == "finalized")
    assert "torques are not finite" in capfd.readouterr().err
    assert np.isfinite([tau for _, tau in arm.sent]).all()


def test_an_arm_that_is_not_where_episodes_begin_is_not_moved(graph, plant, capfd):
    arm = plant(retries=0)
    arm.goal()
    graph.until(lambda: arm.phase() == "settling")
    arm.q = np.array([0.0, 0.9])
    for _ in range(10):
        arm.k += 1
        arm.tell()
    graph.until(lambda: arm.node.state_name() == "finalized")
    assert "after its reset b is at 0.900 rad" in capfd.readouterr().err
    assert not arm.sent


def test_a_reset_that_is_refused_is_asked_for_again_and_then_told(graph, plant, capfd):
    arm = plant(retries=0, reset_timeout=1.0)
    arm.answer = "the arm is stopped"
    arm.goal()
    graph.until(lambda: arm.resets == 2)
    assert not arm.sent
    arm.answer = ""
    arm.until(lambda: arm.sent)
    assert not arm.node.diagnostics.counts
    arm.answer = "the arm is stopped"
    arm.until(lambda: arm.phase() != "acting")
    graph.until(lambda: arm.node.state_name() == "finalized")
    assert "broken off: the arm could not be reset: the arm is stopped" in capfd.readouterr().err


def test_random_search_reaches_the_same_goals_beside_it(plant, tmp_path):
    arm = plant(baseline=True)
    arm.goal()
    arm.until(arm.done)
    episodes = ReachFolder(tmp_path / "out").load_episodes()
    assert episodes.method.tolist() == [0.0] * 3 + [1.0] * 3
    np.testing.assert_allclose(episodes.hand[0], episodes.hand[3])  # the same random policy


def test_a_loss_that_does_not_fit_stops_configure_with_a_sentence(plant, capfd):
    arm = plant(activate=False, joints=["b", "a"])
    assert arm.node.trigger_configure() == FAILURE
    assert "was trained for the joints ['a', 'b']" in capfd.readouterr().err


def test_a_run_can_be_made_again(plant, tmp_path):
    arm = plant()
    arm.goal()
    arm.until(arm.done)
    first = ReachFolder(tmp_path / "out").load_episodes()
    assert arm.node.trigger_activate() == SUCCESS
    arm.until(arm.done)
    again = ReachFolder(tmp_path / "out").load_episodes()
    np.testing.assert_allclose(again.hand, first.hand)
