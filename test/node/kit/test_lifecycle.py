# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The lifecycle that nodes keep themselves is that of rclpy's machine, on every version of it."""

from __future__ import annotations

import pytest
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState

from ml3_ros.errors import RobotError
from ml3_ros.nodes.kit.node import SUCCESS, Ml3Node
from ml3_ros.nodes.kit.parameters.annotated import NodeParameters

CONFIGURE, CLEAN_UP = Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_CLEANUP
ACTIVATE, DEACTIVATE = Transition.TRANSITION_ACTIVATE, Transition.TRANSITION_DEACTIVATE


class Hooked(Ml3Node[NodeParameters]):
    """Raises `trouble` in the hook `where`, and notes the state in which each hook runs."""

    trouble: Exception | None = None
    where = ""

    def __init__(self, name, **node_arguments):
        self.seen = []
        super().__init__(name, **node_arguments)

    def note(self, hook):
        self.seen.append(self.state_name())
        if hook == self.where and self.trouble is not None:
            raise self.trouble

    def load(self):
        self.note("load")

    def start(self):
        self.note("start")

    def stop(self):
        self.note("stop")

    def unload(self):
        self.note("unload")


class Remote:
    """A lifecycle node that is managed by its services."""

    def __init__(self, graph):
        self.graph, self.node = graph, graph.add(Hooked, "hooked")
        probe = graph.plain()
        self.states = probe.create_client(GetState, "hooked/get_state")
        self.changes = probe.create_client(ChangeState, "hooked/change_state")
        graph.until(lambda: self.states.service_is_ready() and self.changes.service_is_ready())

    def answer(self, client, request):
        future = client.call_async(request)
        self.graph.until(future.done)
        return future.result()

    def change(self, transition):
        request = ChangeState.Request(transition=Transition(id=transition))
        return self.answer(self.changes, request).success

    def state(self):
        """Return what rclpy says, which is what the node itself says."""
        state = self.answer(self.states, GetState.Request()).current_state.label
        assert self.node.state_name() == state
        return state


@pytest.fixture
def remote(graph):
    return Remote(graph)


def test_a_node_knows_its_state_through_all_transitions(remote):
    assert remote.state() == "unconfigured"
    for transition, state in (
        (CONFIGURE, "inactive"),
        (ACTIVATE, "active"),
        (DEACTIVATE, "inactive"),
        (CLEAN_UP, "unconfigured"),
        (CONFIGURE, "inactive"),
        (Transition.TRANSITION_INACTIVE_SHUTDOWN, "finalized"),
    ):
        assert remote.change(transition)
        assert remote.state() == state
    assert remote.node.seen == [
        *("configuring", "activating", "deactivating", "cleaningup"),
        *("configuring", "shuttingdown"),
    ]


@pytest.mark.parametrize(
    ("where", "trouble", "state"),
    [
        ("load", RobotError("no arm"), "unconfigured"),
        ("load", ZeroDivisionError(), "unconfigured"),
        ("start", RobotError("no arm"), "inactive"),
        ("start", ZeroDivisionError(), "unconfigured"),
    ],
)
def test_a_node_knows_its_state_when_a_hook_fails(remote, where, trouble, state):
    remote.node.where, remote.node.trouble = where, trouble
    if where == "start":
        assert remote.change(CONFIGURE)
    assert not remote.change(CONFIGURE if where == "load" else ACTIVATE)
    assert remote.state() == state
    remote.node.trouble = None
    assert remote.state() == "inactive" or remote.change(CONFIGURE)
    assert remote.change(ACTIVATE)
    assert remote.state() == "active"


def test_an_impossible_transition_is_answered_and_the_node_lives_on(remote):
    assert not remote.change(ACTIVATE)  # not configured yet
    assert not remote.change(Transition.TRANSITION_ACTIVE_SHUTDOWN)
    assert remote.state() == "unconfigured"
    assert remote.node.trigger_configure() == SUCCESS
    assert not remote.change(CONFIGURE)
    assert remote.state() == "inactive"
