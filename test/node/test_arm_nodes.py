"""sim_arm, excitation and rigid_body_prior over real topics."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from rclpy.lifecycle import TransitionCallbackReturn
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger

from ml3_msgs.msg import InertiaPrior
from ml3_ros.nodes.excitation import ExcitationNode
from ml3_ros.nodes.kit.qos import RELIABLE_1, RELIABLE_100, SENSOR_1
from ml3_ros.nodes.messages.joint_states import NANO, effort_to_msg, nanoseconds, sample_from_msg
from ml3_ros.nodes.messages.ml3 import prior_from_msg
from ml3_ros.nodes.messages.poses import pose_from_msg
from ml3_ros.nodes.rigid_body_prior import RigidBodyPrior
from ml3_ros.nodes.sim_arm import SimArm
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
REACHER = load_robot("reacher")
NAMES = REACHER.names


def up(node):
    assert node.trigger_configure() == SUCCESS
    assert node.trigger_activate() == SUCCESS
    return node


@pytest.fixture
def make_arm(graph):
    """Return a function that makes a noiseless Reacher with its states and a way to command it.

    A command that comes late is taken, as long as `command_timeout` is not set.
    """

    def make(**parameters):
        patient = {"command_timeout": 5.0, "patience": 0.0}
        values = {"robot": "reacher", "velocity_noise": 0.0} | patient | parameters
        node = graph.add(SimArm, "sim_arm", **values)
        node.probe = graph.plain()
        node.states = graph.listen(node.probe, JointState, "joint_states", RELIABLE_100)
        node.commands = node.probe.create_publisher(JointState, "joint_command", RELIABLE_1)
        up(node)
        graph.connect("joint_states")
        graph.connect("joint_command")
        graph.until(lambda: node.states)
        return node

    return make


@pytest.fixture
def arm(make_arm):
    """A noiseless Reacher that is patient with commands."""
    return make_arm()


def publish(arm, tau, age_s=0.0, names=NAMES):
    """Send one command for the newest state."""
    stamp = nanoseconds(arm.states[-1].header.stamp) - round(age_s * NANO)
    arm.commands.publish(effort_to_msg(np.asarray(tau), names, stamp))


def is_led(arm):
    """Return whether the arm follows a command."""
    return arm.diagnostic_values()["held by"] == "joint_command"


def lead(arm, graph, tau):
    """Send one command and wait until the arm follows it."""
    publish(arm, tau)
    graph.until(lambda: is_led(arm))


def step(arm, graph, states=None):
    """Wait for a joint state from after this moment."""
    now, states = arm._stamp(), arm.states if states is None else states
    graph.until(lambda: nanoseconds(states[-1].header.stamp) > now)


# Reads joint states, and prints at the first, and at every 250th, how many it has missed.
LISTENER = """
import sys, rclpy
from sensor_msgs.msg import JointState
from ml3_ros.nodes.kit.qos import RELIABLE_5000
stamps = []
def on_state(msg):
    stamps.append(msg.header.stamp.sec * 10**9 + msg.header.stamp.nanosec)
    if len(stamps) % 250 == 1:
        print(round((stamps[-1] - stamps[0]) / 1e6) + 1 - len(stamps), flush=True)
rclpy.init()
node = rclpy.create_node("listener", namespace=sys.argv[1])
node.create_subscription(JointState, "joint_states", on_state, RELIABLE_5000)
rclpy.spin(node)
"""
LEASE_S = 2.0  # who sends no sign of life for 3 s, as in `fastdds.xml`, counts as gone


def missed_by_a_stopped_listener(graph, node):
    """Return what a process prints that was stopped for 1300 samples; None if it was for long."""
    command = [sys.executable, "-c", LISTENER, graph.namespace]
    sent = node.diagnostics.rates["joint_states"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as listener:
        try:
            os.set_blocking(listener.stdout.fileno(), False)
            graph.until(listener.stdout.read)
            target, since = sent.total + 1300, time.monotonic()
            listener.send_signal(signal.SIGSTOP)
            graph.until(lambda: sent.total > target or time.monotonic() > since + LEASE_S)
            listener.send_signal(signal.SIGCONT)
            if time.monotonic() > since + LEASE_S:
                return None
            output = bytearray()
            graph.until(
                lambda: output.extend(listener.stdout.read() or b"") or output.count(b"\n") > 3
            )
        finally:
            listener.kill()
    return {int(line) for line in output.splitlines(keepends=True) if line.endswith(b"\n")}


def test_a_reader_stopped_for_1300_samples_misses_none(graph):
    fast = {"publish_rate": 1000.0, "real_time_factor": 5.0}
    node = up(graph.add(SimArm, "sim_arm", robot="reacher", **fast))
    missed = [missed_by_a_stopped_listener(graph, node)]
    while missed[-1] is None and len(missed) < 5:
        missed.append(missed_by_a_stopped_listener(graph, node))
    if missed[-1] is None:
        pytest.skip(f"this machine never sent 1300 samples in {LEASE_S} s")
    assert missed[-1] == {0}


def test_stamps_are_the_start_plus_a_multiple_of_dt(graph, arm):
    graph.until(lambda: len(arm.states) >= 40)
    stamps = [nanoseconds(msg.header.stamp) for msg in arm.states]
    assert set(np.diff(stamps)) == {NANO // 100}


def test_an_arm_without_commands_holds_itself_against_gravity(graph):
    arm = graph.add(SimArm, "sim_arm", robot="sawyer", payload=1.0, real_time_factor=4.0)
    states = graph.listen(graph.plain(), JointState, "joint_states", RELIABLE_100)
    up(arm)
    graph.until(lambda: len(states) >= 60)
    moved = np.abs(np.array(states[-1].position) - load_robot("sawyer").home).max()
    assert moved < 0.01
    assert arm.diagnostic_values()["held by"] == "itself (no fresh command)"


def test_an_arm_that_holds_itself_at_a_low_rate_does_not_shake(graph):
    rates = {"publish_rate": 25.0, "real_time_factor": 10.0}
    arm = graph.add(SimArm, "sim_arm", robot="sawyer", **rates)
    states = graph.listen(graph.plain(), JointState, "joint_states", RELIABLE_100)
    up(arm)
    graph.until(lambda: len(states) >= 50)
    assert np.abs(states[-1].velocity).max() < 0.02  # the noise is 0.001


def test_a_fresh_command_moves_the_arm_and_an_old_one_stops_to(graph, make_arm):
    arm = make_arm(command_timeout=0.1)
    graph.until(lambda: publish(arm, [0.03, 0.0]) or is_led(arm))  # one of them is fresh
    graph.until(lambda: arm.states[-1].effort[0] == pytest.approx(0.03))
    graph.until(lambda: not is_led(arm))
    graph.until(lambda: abs(arm.states[-1].velocity[0]) < 0.01)


def test_a_slow_controller_is_waited_for_so_that_each_state_gets_its_answer(graph, make_arm):
    arm = make_arm(patience=1.0)
    commanded = {}

    def on_state(msg):
        if len(commanded) < 12:
            time.sleep(0.03)  # three periods of the arm
            stamp = nanoseconds(msg.header.stamp)
            tau = np.array([0.01 * (1 + len(commanded)), 0.0])
            if is_led(arm):
                commanded[stamp] = tau[0]
            arm.commands.publish(effort_to_msg(tau, NAMES, stamp))

    arm.probe.create_subscription(JointState, "joint_states", on_state, RELIABLE_1)
    graph.until(lambda: len(commanded) == 12)
    newest = max(commanded)
    graph.until(lambda: nanoseconds(arm.states[-1].header.stamp) > newest)
    applied = {nanoseconds(msg.header.stamp): msg.effort[0] for msg in arm.states}
    answered = sorted(commanded)[1:]  # the first one may not have been the newest state
    assert np.diff(answered).tolist() == [NANO // 100] * 10
    for stamp in answered:
        assert applied[stamp + NANO // 100] == pytest.approx(commanded[stamp])


@pytest.mark.parametrize(
    ("how", "kind", "sentence"),
    [
        ({"tau": [np.nan, 0.0]}, "not finite messages", "effort of .* is nan"),
        ({"age_s": 60.0}, "stale commands", "copy its stamp"),
        ({"age_s": -60.0}, "commands from the future", "copy the stamp"),
        ({"names": ("x", "y")}, "rejected messages", "is for x, y, which this arm does not have"),
        ({"names": NAMES[:1], "tau": [0.1]}, "partial messages", f"has no {NAMES[1]}"),
    ],
)
def test_a_command_that_must_not_be_used_is_rejected_and_counted(
    graph, arm, capfd, how, kind, sentence
):
    publish(arm, **({"tau": [0.3, 0.0]} | how))
    graph.until(lambda: arm.diagnostics.counts.total())
    assert arm.diagnostics.counts == {kind: 1}
    assert arm.diagnostic_values()["held by"] == "itself (no fresh command)"
    assert re.search(sentence, capfd.readouterr().err)


def test_a_command_beyond_a_limit_is_cut_down_and_counted(graph, arm, capfd):
    lead(arm, graph, [0.7, 0.0])
    graph.until(lambda: arm.states[-1].effort[0] > 0.3)
    assert max(state.effort[0] for state in arm.states) == pytest.approx(0.4)
    assert arm.diagnostics.counts["effort limit"] > 0
    assert "effort limit of joint0: the command was cut down" in capfd.readouterr().err


def test_with_on_violation_stop_the_arm_holds_itself_until_it_is_reset(graph, make_arm):
    arm = make_arm(on_violation="stop")
    reset = arm.probe.create_client(Trigger, "reset_arm")
    graph.until(reset.service_is_ready)
    publish(arm, [0.7, 0.0])
    stopped = "itself (stopped: effort limit of joint0)"
    graph.until(lambda: arm.diagnostic_values()["held by"] == stopped)
    step(arm, graph)
    assert max(state.effort[0] for state in arm.states) < 0.1
    publish(arm, [0.03, 0.0])  # even a good command passes no more
    graph.until(lambda: arm.diagnostics.counts["safety stops"] == 2)
    assert arm.diagnostic_values()["held by"] == stopped
    done = reset.call_async(Trigger.Request())
    graph.until(done.done)
    lead(arm, graph, [0.03, 0.0])


def test_an_arm_whose_model_returns_nonsense_holds_itself_and_takes_the_next_command(
    graph, arm, capfd, monkeypatch
):
    lead(arm, graph, [0.03, 0.0])
    with monkeypatch.context() as broken:
        broken.setattr(arm._nominal, "nle", lambda q, v: np.array([0.0, np.nan]))
        graph.until(lambda: arm.diagnostics.counts.total())
        assert not is_led(arm)
    assert arm.diagnostics.counts == {"periods without a safe torque": 1}
    assert "gravity torque of joint1 is nan: nothing is sent" in capfd.readouterr().err
    step(arm, graph)
    assert np.isfinite([state.effort for state in arm.states]).all()
    lead(arm, graph, [0.03, 0.0])


def test_an_arm_that_diverged_begins_at_home_without_the_command_of_before(graph, arm):
    lead(arm, graph, [0.03, 0.0])
    arm._arm._data.qvel[:] = np.nan
    graph.until(lambda: arm.diagnostics.counts["divergences"])
    assert not is_led(arm)
    np.testing.assert_allclose(arm._arm.state().q, REACHER.home, atol=1e-3)
    lead(arm, graph, [0.03, 0.0])
    assert arm.diagnostics.counts["divergences"] == 1


def test_a_deactivated_arm_is_silent_and_goes_on_later_in_time(graph, arm):
    arm.trigger_deactivate()
    last = arm._stamp()
    graph.until(lambda: nanoseconds(arm.states[-1].header.stamp) == last)
    count = len(arm.states)
    graph.for_(0.2)
    assert len(arm.states) == count
    arm.trigger_activate()
    graph.until(lambda: len(arm.states) > count)
    assert nanoseconds(arm.states[count].header.stamp) > last


def test_where_the_hand_is_comes_with_every_joint_state(graph, arm):
    poses = graph.listen(arm.probe, PoseStamped, "hand_pose", RELIABLE_100)
    graph.connect("hand_pose")
    graph.until(lambda: len(poses) > 3)
    stamp, pose = pose_from_msg(poses[-1], "hand_pose")
    graph.until(lambda: nanoseconds(arm.states[-1].header.stamp) >= stamp)
    (state,) = (msg for msg in arm.states if nanoseconds(msg.header.stamp) == stamp)
    T = PinocchioModel(REACHER).forward_kinematics(np.array(state.position))
    np.testing.assert_allclose(pose[:3], T[:3, 3], atol=1e-9)
    np.testing.assert_allclose(Rotation.from_quat(pose[3:]).as_matrix(), T[:3, :3], atol=1e-9)


def test_a_reset_puts_the_arm_at_rest_near_home_and_forgets_the_command(graph, make_arm):
    home = [-0.6, 1.2]
    arm = make_arm(home=home, home_spread=0.1)
    reset = arm.probe.create_client(Trigger, "reset_arm")
    graph.until(reset.service_is_ready)
    starts = []
    for _ in range(2):
        publish(arm, [0.3, 0.2])
        graph.until(lambda: abs(arm.states[-1].velocity[0]) > 0.05)
        answer = reset.call_async(Trigger.Request())
        graph.until(answer.done)
        assert answer.result().success
        assert arm.diagnostic_values()["held by"] == "itself (no fresh command)"
        step(arm, graph)
        away = np.array(arm.states[-1].position) - home
        assert 1e-4 < np.abs(away).max() <= 0.1
        np.testing.assert_allclose(arm.states[-1].velocity, 0.0, atol=1e-6)
        starts.append(away)
    assert np.abs(starts[1] - starts[0]).max() > 1e-3
    stamps = [nanoseconds(msg.header.stamp) for msg in arm.states]
    assert (np.diff(stamps) > 0).all()
    arm.trigger_deactivate()
    rejected = reset.call_async(Trigger.Request())
    graph.until(rejected.done)
    assert not rejected.result().success and "activate it" in rejected.result().message


@pytest.mark.parametrize("compensated", [True, False])
def test_gravity_is_added_to_commands_only_on_request(graph, compensated):
    settings = {"gravity_compensation": compensated, "command_timeout": 5.0}
    arm = graph.add(SimArm, "sim_arm", robot="sawyer", **settings)
    probe = graph.plain()
    states = graph.listen(probe, JointState, "joint_states", RELIABLE_100)
    commands = probe.create_publisher(JointState, "joint_command", RELIABLE_1)
    names = load_robot("sawyer").names
    zero = np.zeros(len(names))

    def answer(msg):
        commands.publish(effort_to_msg(zero, names, nanoseconds(msg.header.stamp)))

    probe.create_subscription(JointState, "joint_states", answer, SENSOR_1)
    up(arm)
    graph.connect("joint_command")
    graph.until(lambda: is_led(arm))
    seen = len(states)
    graph.until(lambda: len(states) > seen + 40)
    moved = np.abs(np.array(states[-1].position) - load_robot("sawyer").home).max()
    assert (moved < 0.01) == compensated


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"robot": "r2d2"}, "there is no robot 'r2d2'"),
        ({"mass_scale": [1.0, 1.0, 1.0]}, "mass_scale has 3 values"),
        ({"home": [9.0, 9.0]}, "limits of joint"),
    ],
)
def test_an_arm_that_cannot_be_built_logs_why(graph, capfd, parameters, sentence):
    node = graph.add(SimArm, "sim_arm", **({"robot": "reacher"} | parameters))
    assert node.trigger_configure() == FAILURE
    assert sentence in capfd.readouterr().err


def test_random_arms_are_equal_for_equal_seeds(graph):
    nodes = [
        graph.add(SimArm, f"sim_arm{i}", robot="reacher", perturbation_seed=seed)
        for i, seed in enumerate((3, 3, 4))
    ]
    for node in nodes:
        assert node.trigger_configure() == SUCCESS
    M = [node._arm.M(REACHER.home) for node in nodes]
    np.testing.assert_array_equal(M[0], M[1])
    assert np.abs(M[2] - M[0]).max() > 1e-3


def test_the_excitation_leads_the_arm_along_its_trajectory_without_a_jump(graph):
    start = [REACHER.home[0] + 0.3, REACHER.home[1] - 0.3]
    patient = {"command_timeout": 5.0, "patience": 0.2}  # else the arm brakes on a busy machine
    arm = graph.add(
        SimArm, "sim_arm", robot="reacher", home=start, real_time_factor=4.0, **patient
    )
    excitation = graph.add(
        ExcitationNode, "excitation", robot="reacher", fade_seconds=1.0, piece_seconds=2.0
    )
    probe = graph.plain()
    states = graph.listen(probe, JointState, "joint_states", RELIABLE_100)
    commands = graph.listen(probe, JointState, "joint_command", RELIABLE_100)
    assert excitation.trigger_configure() == SUCCESS
    up(arm)
    graph.until(lambda: len(states) > 5)
    excitation.trigger_activate()
    graph.until(lambda: len(states) > 500 and commands)
    samples = [sample_from_msg(msg, NAMES) for msg in states]
    v = np.array([sample.v for sample in samples])
    q = np.array([sample.q for sample in samples])
    assert np.abs(np.diff(v, axis=0)).max() < 0.3  # 30 rad/s^2: no jump
    assert np.ptp(q[-200:], axis=0).min() > 0.2  # it moves
    assert excitation.diagnostic_values()["largest tracking error [rad]"] < 0.1
    assert set(commands[-1].name) == set(NAMES)
    excitation.trigger_deactivate()
    last = arm._stamp()
    for _ in range(3):
        step(arm, graph, states)
    assert max(nanoseconds(msg.header.stamp) for msg in commands) <= last


@pytest.mark.parametrize(
    "noticed", [{"lost_error": 0.1, "standstill": 0.0}, {"lost_error": 10.0, "standstill": 0.2}]
)
def test_an_arm_that_somebody_else_holds_is_led_anew_from_where_it_is(graph, noticed):
    excitation = graph.add(
        ExcitationNode, "excitation", robot="reacher", fade_seconds=0.5, **noticed
    )
    probe = graph.plain()
    commands = graph.listen(probe, JointState, "joint_command", RELIABLE_100)
    states = probe.create_publisher(JointState, "joint_states", RELIABLE_100)
    up(excitation)
    graph.connect("joint_states")
    graph.connect("joint_command")
    held = JointState(name=list(NAMES), velocity=[0.0, 0.0], effort=[0.0, 0.0])
    held.position = [float(REACHER.home[0]) + 0.5, float(REACHER.home[1])]
    for k in range(300):
        held.header.stamp.sec, held.header.stamp.nanosec = divmod(NANO + k * NANO // 100, NANO)
        states.publish(held)
        graph.until(lambda k=k: len(commands) + excitation.diagnostics.counts["arms lost"] > k)
    assert excitation.diagnostics.counts["arms lost"] > 1
    assert excitation.diagnostic_values()["largest tracking error [rad]"] <= 0.2


def test_the_prior_is_the_models_at_the_stamped_state(graph):
    up(graph.add(RigidBodyPrior, "rigid_body_prior", robot="reacher"))
    probe = graph.plain()
    priors = graph.listen(probe, InertiaPrior, "inertia_prior", RELIABLE_100)
    states = probe.create_publisher(JointState, "joint_states", RELIABLE_100)
    graph.connect("joint_states")
    graph.connect("inertia_prior")
    q, v = np.array([0.4, -1.1]), np.array([1.0, -2.0])
    msg = JointState(name=[*reversed(NAMES), "extra"], effort=[0.0] * 3)
    msg.position, msg.velocity = [q[1], q[0], 7.0], [v[1], v[0], 7.0]
    msg.header.stamp.sec = 12
    states.publish(msg)
    graph.until(lambda: priors)
    stamp, M, nle = prior_from_msg(priors[0], NAMES)
    model = PinocchioModel(REACHER)
    assert stamp == 12 * NANO
    np.testing.assert_allclose(M, model.M(q), atol=1e-12)
    np.testing.assert_allclose(nle, model.nle(q, v), atol=1e-12)


def test_of_two_controllers_none_is_followed_and_both_are_named(graph, make_arm, capfd):
    arm = make_arm(command_timeout=0.5)
    rivals = [graph.plain(name) for name in ("left", "right")]
    left, right = (
        node.create_publisher(JointState, "joint_command", RELIABLE_1) for node in rivals
    )
    graph.connect("joint_command")

    def command(*publishers):
        stamp = nanoseconds(arm.states[-1].header.stamp)
        for publisher in publishers:
            tau = [0.03, 0.0] if publisher is left else [np.nan, 0.0]  # whatever the other sends
            publisher.publish(effort_to_msg(np.array(tau), NAMES, stamp))
        graph.for_(0.01)

    def rejected():
        return arm.diagnostics.counts["messages of several publishers"]

    graph.until(lambda: command(left, right) or (rejected() > 10 and not is_led(arm)))
    log = capfd.readouterr().err
    assert f"({graph.namespace}/left, {graph.namespace}/right)" in log
    # the other publisher still exists, but sends nothing
    graph.until(lambda: command(left) or is_led(arm))
