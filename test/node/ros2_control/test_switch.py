# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Controllers change places around the bridge, also where the service answers late, or never."""

from __future__ import annotations

import pytest
from ml3_control_test_msgs.srv import SwitchController
from rclpy.task import Future
from std_srvs.srv import SetBool, Trigger

from ml3_ros.errors import ConfigError
from ml3_ros.nodes.effort_bridge.node import EffortBridge
from test.node.ros2_control.bench import SUCCESS, UR5E, Robot

EFFORT, HOLDING = "forward_effort_controller", "joint_trajectory_controller"
ON, OFF = ([EFFORT], [HOLDING]), ([HOLDING], [EFFORT])


class Manager:
    """A bridge beside a robot, and a controller_manager that answers when it is told to."""

    srv_name = "controller_manager/switch_controller"

    def __init__(self, graph):
        self.graph, self.robot = graph, Robot(graph, command_timeout=0.0)
        self.requests, self._answers = [], []
        self.robot.probe.destroy_publisher(self.robot.efforts)
        parameters = {"robot": str(UR5E.path), "preset": "ur", "holding_controller": HOLDING}
        parameters |= {"controller": EFFORT, "message_package": "ml3_control_test_msgs"}
        self.bridge = graph.add(EffortBridge, "effort_bridge", rate=100.0, **parameters)
        assert self.bridge.trigger_configure() == SUCCESS
        self.bridge._switch._client = self
        assert self.bridge.trigger_activate() == SUCCESS

    def service_is_ready(self):
        return True

    def call_async(self, request):
        self.requests.append(
            (list(request.activate_controllers), list(request.deactivate_controllers))
        )
        self._answers.append(Future())
        return self._answers[-1]

    def answer(self, ok=True):
        """Answer the newest request."""
        self._answers[-1].set_result(SwitchController.Response(ok=ok))

    def call(self, name, on=None):
        kind = Trigger if on is None else SetBool
        client = self.robot.probe.create_client(kind, f"effort_bridge/{name}")
        self.graph.until(client.service_is_ready)
        done = client.call_async(kind.Request() if on is None else kind.Request(data=on))
        self.graph.until(done.done)
        assert done.result().success

    def cycles(self, count=5):
        """Let the bridge's own clock go on."""
        driving, calls = self.bridge._driving, []
        cycle = driving.cycle
        driving.cycle = lambda now: calls.append(now) or cycle(now)
        self.graph.until(lambda: len(calls) >= count)
        del driving.cycle

    def until_requests(self, *wanted):
        self.graph.until(lambda: len(self.requests) >= len(wanted))
        assert self.requests == list(wanted)

    @property
    def armed(self):
        return self.bridge._driving.armed


def test_efforts_are_allowed_when_the_service_has_answered_and_not_before(graph):
    manager = Manager(graph)
    manager.call("enable", True)
    manager.until_requests(ON)
    manager.cycles()  # nothing takes the request back meanwhile
    assert not manager.armed
    manager.answer()
    assert manager.armed
    assert manager.requests == [ON] and manager.bridge._switch.torques_on
    manager.call("enable", False)
    manager.until_requests(ON, OFF)
    manager.answer()
    assert not manager.armed and not manager.bridge._switch.torques_on


@pytest.mark.parametrize("how", [("enable", False), ("stop", None)])
def test_who_takes_it_back_before_the_answer_is_obeyed(graph, how):
    manager = Manager(graph)
    manager.call("enable", True)
    manager.until_requests(ON)
    manager.call(*how)
    manager.answer()
    manager.until_requests(ON, OFF)
    manager.answer()
    manager.cycles()
    assert not manager.armed and not manager.bridge._switch.torques_on
    assert manager.requests == [ON, OFF]


def test_a_switch_that_fails_allows_nothing_and_can_be_tried_again(graph, capfd):
    manager = Manager(graph)
    manager.call("enable", True)
    manager.answer(ok=False)
    manager.cycles()
    assert not manager.armed and manager.requests == [ON]
    assert "controllers were not switched" in capfd.readouterr().err
    manager.call("enable", True)
    manager.until_requests(ON, ON)
    manager.answer()
    assert manager.armed


def test_a_deactivated_bridge_gives_the_arm_back(graph):
    manager = Manager(graph)
    manager.call("enable", True)
    manager.answer()
    assert manager.armed
    assert manager.bridge.trigger_deactivate() == SUCCESS
    assert manager.requests == [ON, OFF]


def test_the_service_is_called_where_there_is_one_and_missed_by_name(graph):
    probe, requests = graph.plain("manager"), []

    def switch(request, response):
        requests.append(list(request.activate_controllers))
        response.ok = True
        return response

    bridge = graph.add(
        EffortBridge,
        "effort_bridge",
        robot=str(UR5E.path),
        holding_controller=HOLDING,
        message_package="ml3_control_test_msgs",
    )
    assert bridge.trigger_configure() == SUCCESS
    with pytest.raises(ConfigError, match=r"no service .*switch_controller: check"):
        bridge._switch.check()
    probe.create_service(SwitchController, "controller_manager/switch_controller", switch)
    graph.until(bridge._switch._client.service_is_ready)
    bridge._switch.torques(True)
    graph.until(lambda: bridge._switch.torques_on)
    assert requests == [[EFFORT]]
