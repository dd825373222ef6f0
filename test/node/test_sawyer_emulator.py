"""The emulated Sawyer over real topics: names, rates, enabling, watchdog, stops, rejections."""

from __future__ import annotations

import time

import numpy as np
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Empty, Float64, String, UInt16
from std_srvs.srv import SetBool, Trigger

from ml3_ros.nodes.kit.qos import LATCHED_1, LATCHED_100, RELIABLE_1, RELIABLE_100
from ml3_ros.nodes.messages.joint_states import NANO, nanoseconds
from ml3_ros.nodes.sawyer_emulator.node import SawyerEmulator
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.sawyer import interface as sawyer
from ml3_ros.robots.sawyer.interface import ARM_JOINTS, EstopButton, EstopSource, Mode
from test.node.conftest import SAWYER_MESSAGES as PACKAGE

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
SAWYER = load_robot("sawyer")


class Client:
    """An emulator and a node beside it that reads all its topics and can publish to all of them.

    On a busy machine this process may lose messages at high rates and be late for anything.
    """

    def __init__(self, graph, messages, **parameters):
        self.graph, self.m = graph, messages
        self.modes_seen = 0
        self.node = graph.add(
            SawyerEmulator, "sawyer_emulator", message_package=PACKAGE, **parameters
        )
        self.probe = graph.plain()
        own = f"{graph.namespace}/sawyer_emulator"
        topics = {
            "states": (JointState, sawyer.JOINT_STATES, RELIABLE_100),
            "assembly": (messages.RobotAssemblyState, sawyer.ROBOT_STATE, RELIABLE_100),
            "gravity": (messages.SEAJointState, sawyer.GRAVITY_TORQUES, RELIABLE_100),
            "collision": (messages.CollisionDetectionState, sawyer.COLLISION_STATE, RELIABLE_100),
            "cuff": (messages.IODeviceStatus, sawyer.CUFF_STATE, RELIABLE_100),
            "endpoint": (messages.EndpointState, sawyer.ENDPOINT_STATE, RELIABLE_100),
            "modes": (String, f"{own}/mode", LATCHED_100),
            "delays": (Float64, f"{own}/watchdog_delay", LATCHED_1),
        }
        for name, (kind, topic, qos) in topics.items():
            setattr(self, name, graph.listen(self.probe, kind, topic, qos))
        self.out = {
            topic: self.probe.create_publisher(kind, topic, RELIABLE_1)
            for topic, kind in {
                sawyer.JOINT_COMMAND: messages.JointCommand,
                sawyer.COMMAND_TIMEOUT: Float64,
                sawyer.STATE_RATE: UInt16,
                sawyer.SUPER_ENABLE: Bool,
                sawyer.SUPER_STOP: Empty,
                sawyer.SUPER_RESET: Empty,
                sawyer.SUPPRESS_GRAVITY: Empty,
            }.items()
        }
        assert self.node.trigger_configure() == SUCCESS
        assert self.node.trigger_activate() == SUCCESS
        for topic in (*self.out, *(topic for _, topic, _ in topics.values())):
            graph.connect(topic)

    def publish(self, topic, msg=None):
        self.out[topic].publish(msg or Empty())

    def enable(self):
        self.publish(sawyer.SUPER_ENABLE, Bool(data=True))
        self.until_state(lambda state: state.enabled and state.ready)

    def command(self, mode=Mode.TORQUE, names=ARM_JOINTS, **arrays):
        arrays = arrays or {"effort": [0.0] * 7}
        self.publish(sawyer.JOINT_COMMAND, self.m.JointCommand(mode=mode, names=names, **arrays))

    def set_timeout(self, seconds):
        self.publish(sawyer.COMMAND_TIMEOUT, Float64(data=seconds))
        self.graph.until(lambda: self.node.diagnostic_values()["command timeout [s]"] == seconds)

    def torque_mode(self):
        self.set_timeout(1.0)
        self.enable()
        self.command()
        self.until_mode("torque")

    def call(self, name, on=None):
        kind = Trigger if on is None else SetBool
        client = self.probe.create_client(kind, f"sawyer_emulator/{name}")
        self.graph.until(client.service_is_ready)
        answer = client.call_async(kind.Request() if on is None else kind.Request(data=on))
        self.graph.until(answer.done)
        return answer.result()

    def until_state(self, condition):
        self.graph.until(lambda: self.assembly and condition(self.assembly[-1]))

    def until_mode(self, mode):
        """Wait for a change to `mode` after the change that was waited for before."""

        def came():
            words = [msg.data for msg in self.modes[self.modes_seen :]]
            if mode not in words:
                return False
            self.modes_seen += words.index(mode) + 1
            return True

        self.graph.until(came)

    def until_more(self, received, count=5):
        target = len(received) + count
        self.graph.until(lambda: len(received) >= target)

    def counted(self, kind, count=1):
        self.graph.until(lambda: self.node.diagnostics.counts[kind] == count)

    def estop(self):
        state = self.assembly[-1]
        return state.stopped, state.enabled, state.estop_button, state.estop_source


@pytest.fixture
def robot(graph, messages):
    return Client(graph, messages)


# what it publishes ------------------------------------------------------------------------------
def test_states_are_those_of_the_whole_robot_at_100_hz(robot):
    robot.until_more(robot.states, 60)
    robot.graph.until(lambda: len(robot.assembly) >= 40)
    for msg in robot.states:
        assert list(msg.name) == ["head_pan", *ARM_JOINTS, "torso_t0"]
        assert len(msg.position) == len(msg.velocity) == len(msg.effort) == 9
        assert (msg.position[-1], msg.velocity[-1], msg.effort[-1]) == (0.0, 0.0, 0.0)
    assert robot.states[-1].velocity[2] == -0.001  # a brake is on, and that is what rest reads
    step = robot.states[-1].position[2] / (1e-3 / 1024)
    assert step == pytest.approx(round(step), abs=1e-6)
    assert abs(robot.states[-1].effort[2]) > 5.0  # gravity load
    for received in (robot.states, robot.gravity, robot.collision, robot.endpoint):
        periods = np.diff([nanoseconds(msg.header.stamp) for msg in received])
        assert np.median(periods) == NANO // 100
        assert not (periods % (NANO // 100)).any()
    assert len(robot.assembly) == pytest.approx(len(robot.gravity), rel=0.2)


@pytest.mark.parametrize(("requested", "rate"), [(500, 500), (60_000, 800)])
def test_the_rate_of_states_is_set_and_has_a_maximum(robot, requested, rate):
    robot.publish(sawyer.STATE_RATE, UInt16(data=requested))
    robot.graph.until(lambda: robot.node.diagnostic_values()["state rate"] == rate)
    robot.until_more(robot.states)
    rate_of_states = robot.node.diagnostics.rates["joint_states"]
    start, count = robot.node._stamp(), rate_of_states.total
    robot.graph.until(lambda: rate_of_states.total >= count + 200)
    seconds = (robot.node._stamp() - start) / NANO
    assert (rate_of_states.total - count) / seconds == pytest.approx(rate, rel=0.03)
    robot.graph.until(lambda: nanoseconds(robot.states[-1].header.stamp) > start)
    assert robot.node._timer.timer_period_ns == NANO // rate  # one by one, not in bursts


def test_a_message_has_no_effect_on_what_was_before_it(robot):
    robot.enable()
    robot.node._timer.cancel()
    robot.graph.for_(0.1)
    before = robot.node._stamp()
    robot.command()
    robot.until_mode("torque")
    assert robot.node._stamp() >= before + 0.04 * NANO


def test_limits_and_description_reach_who_comes_late(robot, tmp_path):
    limits = robot.graph.listen(robot.probe, robot.m.JointLimits, sawyer.JOINT_LIMITS, LATCHED_1)
    urdf = robot.graph.listen(robot.probe, String, sawyer.ROBOT_DESCRIPTION, LATCHED_1)
    robot.graph.until(lambda: limits and urdf)
    assert tuple(limits[0].joint_names) == ARM_JOINTS
    for field, values in (
        ("position_lower", SAWYER.limits.lower),
        ("position_upper", SAWYER.limits.upper),
        ("velocity", SAWYER.limits.velocity),
        ("accel", SAWYER.limits.acceleration),
        ("effort", SAWYER.limits.effort),
    ):
        np.testing.assert_array_equal(getattr(limits[0], field), values)
    path = tmp_path / "robot.urdf"
    path.write_text(urdf[0].data)
    assert set(load_robot(path).names) == {"head_pan", *ARM_JOINTS}


def test_gravity_torques_are_those_that_are_added(robot):
    robot.torque_mode()

    def is_commanded():
        robot.command()
        return robot.gravity and len(robot.gravity[-1].commanded_effort)

    robot.graph.until(is_commanded)
    msg = robot.gravity[-1]
    assert tuple(msg.name) == ARM_JOINTS
    q = np.array(msg.actual_position)
    np.testing.assert_allclose(
        msg.gravity_only, PinocchioModel(SAWYER).nle(q, np.zeros(7)), atol=1e-6
    )
    np.testing.assert_allclose(msg.gravity_model_effort, msg.gravity_only, atol=0.2)
    assert list(msg.commanded_effort) == [0.0] * 7
    robot.graph.until(
        lambda: (
            robot.publish(sawyer.SUPPRESS_GRAVITY)
            or not any(robot.gravity[-1].gravity_model_effort)
        )
    )
    assert any(robot.gravity[-1].gravity_only)
    robot.graph.until(lambda: any(robot.gravity[-1].gravity_model_effort))  # nobody repeats it


def test_the_endpoint_is_where_the_hand_is(robot):
    robot.enable()
    robot.until_more(robot.endpoint)
    msg = robot.endpoint[-1]
    stamp = nanoseconds(msg.header.stamp)
    robot.graph.until(lambda: nanoseconds(robot.states[-1].header.stamp) >= stamp)
    (state,) = (msg for msg in robot.states if nanoseconds(msg.header.stamp) == stamp)
    q = np.array(state.position)[1:8]
    T = PinocchioModel(SAWYER).forward_kinematics(q)
    p = msg.pose.position
    np.testing.assert_allclose([p.x, p.y, p.z], T[:3, 3], atol=1e-9)
    assert msg.valid and msg.header.frame_id == "base"


# enabling and stops ------------------------------------------------------------------------------
def test_it_begins_disabled_and_only_enabling_turns_the_motors_on(robot):
    robot.until_more(robot.assembly)
    assert robot.estop() == (False, False, EstopButton.UNPRESSED, EstopSource.NONE)
    robot.command()
    robot.counted("rejected commands")
    assert not robot.node.diagnostic_values()["enabled"]
    robot.enable()
    robot.until_mode("position")
    robot.publish(sawyer.SUPER_ENABLE, Bool(data=False))
    robot.until_state(lambda state: not state.enabled)


def test_a_pressed_button_stops_and_cannot_be_reset(robot):
    robot.torque_mode()
    robot.call("press_estop", True)
    robot.until_state(lambda state: state.stopped)
    assert robot.estop() == (True, False, EstopButton.PRESSED, EstopSource.USER)
    robot.until_mode("disabled")
    robot.publish(sawyer.SUPER_RESET)
    robot.counted("rejected messages")
    robot.call("press_estop", False)
    robot.until_state(lambda state: state.estop_button == EstopButton.RELEASED)
    robot.publish(sawyer.SUPER_ENABLE, Bool(data=True))
    robot.counted("rejected messages", 2)
    robot.publish(sawyer.SUPER_RESET)
    robot.until_state(lambda state: not state.stopped)
    assert robot.estop() == (False, False, EstopButton.UNPRESSED, EstopSource.NONE)
    robot.enable()


def test_a_stop_by_software_needs_a_reset(robot):
    robot.torque_mode()
    robot.publish(sawyer.SUPER_STOP)
    robot.until_state(lambda state: state.stopped)
    assert robot.estop() == (True, False, EstopButton.UNKNOWN, EstopSource.UNKNOWN)
    robot.publish(sawyer.SUPER_RESET)
    robot.until_state(lambda state: not state.stopped)
    assert not robot.assembly[-1].enabled


def test_a_fault_of_a_joint_stops_with_an_error(robot):
    robot.enable()
    assert robot.call("joint_fault").success
    robot.until_state(lambda state: state.error)
    assert robot.estop() == (True, False, EstopButton.UNKNOWN, EstopSource.FAULT)


def test_a_robot_that_is_not_active_has_no_world_around_it(robot):
    robot.node.trigger_deactivate()
    answer = robot.call("press_estop", True)
    assert not answer.success
    assert "activate it" in answer.message


# commands and the watchdog -----------------------------------------------------------------------
def test_repeated_commands_keep_the_watchdog_quiet(robot):
    robot.torque_mode()
    sent = [time.monotonic()]
    while sent[-1] < sent[0] + 1.5:
        robot.command()
        sent.append(time.monotonic())
        robot.graph.for_(0.02)
    if np.diff(sent).max() > 0.5:
        pytest.skip("this machine stalled for as long as the watchdog waits")
    assert robot.node.diagnostic_values()["watchdog firings"] == 0
    assert robot.node.diagnostic_values()["mode"] == "torque"


@pytest.mark.parametrize("timeout", [0.2, 0.05])
def test_the_watchdog_holds_position_when_commands_end(graph, messages, timeout):
    robot = Client(graph, messages, brakes=list(ARM_JOINTS))
    q = np.array(robot.node._robot.arm.state().q)
    if timeout != 0.2:
        robot.set_timeout(timeout)
    robot.enable()
    sent = time.monotonic()
    robot.command()
    robot.until_mode("torque")
    robot.until_mode("position")
    elapsed = time.monotonic() - sent
    robot.graph.until(lambda: robot.delays)
    assert timeout - 0.002 <= robot.delays[-1].data <= elapsed
    assert robot.node.diagnostic_values()["watchdog firings"] == 1
    robot.until_more(robot.states, 20)
    np.testing.assert_allclose(robot.states[-1].position[1:8], q, atol=2e-3)
    assert robot.node.diagnostic_values()["held [s]"] > 0.0


def test_the_watchdog_can_also_disable_the_robot(graph, messages):
    robot = Client(graph, messages, timeout_outcome="disable")
    robot.torque_mode()
    robot.until_mode("disabled")
    robot.until_state(lambda state: not state.enabled)
    assert robot.node.diagnostic_values()["watchdog firings"] == 1


def test_arrays_are_read_by_name_and_efforts_clamped(robot):
    robot.set_timeout(1.0)
    robot.enable()
    effort = np.array([3.0, 2.0, 1.0, 1.0, 0.5, 0.5, 50.0])
    robot.command(names=ARM_JOINTS[::-1], effort=effort[::-1].tolist())
    robot.until_mode("torque")
    robot.graph.until(lambda: len(robot.gravity[-1].commanded_effort))
    np.testing.assert_array_equal(robot.gravity[-1].commanded_effort, [*effort[:6], 9.0])
    assert robot.node.diagnostic_values()["clamped commands"] == 1


@pytest.mark.parametrize(
    "arrays",
    [
        {"effort": [0.0] * 6},
        {"effort": [0.0] * 8},
        {"position": [0.0] * 7},  # no effort
        {"effort": [0.0] * 7, "acceleration": [0.0]},
        {"effort": [0.0] * 6 + [float("nan")]},
        {"names": ARM_JOINTS[:6], "effort": [0.0] * 6},
        {"names": (*ARM_JOINTS[:6], "head_pan"), "effort": [0.0] * 7},
        {"mode": 0, "effort": [0.0] * 7},
        {"mode": Mode.TRAJECTORY, "position": [0.0] * 7},
    ],
)
def test_a_malformed_command_is_rejected_and_counted(robot, arrays):
    robot.enable()
    robot.command(**arrays)
    robot.counted("rejected commands")
    assert robot.node.diagnostic_values()["mode"] == "position"


# the world around it -----------------------------------------------------------------------------
def test_a_squeezed_cuff_is_published_and_ends_following(robot):
    robot.torque_mode()
    robot.until_more(robot.cuff, 3)  # also while nothing happens
    robot.call("squeeze_cuff", True)
    robot.until_mode("zero gravity")

    def cuff():
        return {signal.name: signal.data for signal in robot.cuff[-1].signals}

    robot.graph.until(lambda: robot.cuff and cuff()[sawyer.CUFF_SIGNAL] == "[1]")
    assert [cuff()[name] for name in sawyer.CUFF_BUTTON_SIGNALS] == ["[0]", "[0]"]
    robot.command()
    robot.counted("rejected commands")
    robot.call("squeeze_cuff", False)
    robot.until_mode("position")
    robot.graph.until(lambda: cuff()[sawyer.CUFF_SIGNAL] == "[0]")


def test_a_collision_is_published_and_ends_following(robot):
    robot.torque_mode()
    robot.call("collide", True)
    robot.graph.until(lambda: robot.collision[-1].collision_state)
    robot.until_mode("collision")
    robot.command()
    robot.counted("rejected commands")
    robot.call("collide", False)
    robot.until_mode("position")
    robot.graph.until(lambda: not robot.collision[-1].collision_state)


def test_a_muted_robot_publishes_nothing_and_still_reads(robot):
    robot.enable()
    robot.call("mute", True)
    for publisher in (robot.node._states, robot.node._assembly, robot.node._cuff):
        assert publisher.wait_for_all_acked()  # what was published has come
    robot.graph.for_(0.1)
    published = len(robot.states), len(robot.assembly), len(robot.cuff)
    robot.command()
    robot.until_mode("torque")
    robot.graph.for_(0.1)
    assert published == (len(robot.states), len(robot.assembly), len(robot.cuff))
    robot.call("mute", False)
    robot.until_more(robot.states)


def test_without_the_messages_it_logs_how_to_get_them(graph, capfd):
    node = graph.add(SawyerEmulator, "sawyer_emulator", message_package="no_such_msgs")
    assert node.trigger_configure() == FAILURE
    assert "parameter_bridge" in capfd.readouterr().err
