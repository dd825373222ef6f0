# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Switch of controllers: lets the one that takes efforts change places with one that holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ml3_ros.errors import ConfigError
from ml3_ros.nodes.effort_bridge.parameters import EffortBridgeParameters
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.messages.ros2_control import switch_controller_type, switch_request


def _nothing() -> None:
    pass


class ControllerSwitch:
    """Calls switch_controller; without a holding controller there is nothing to switch.

    One request is under way at a time. What is requested meanwhile waits for its answer, and the
    newest request alone counts: efforts that were enabled and disabled before the service answered
    stay disabled.

    Attributes:
        torques_on: Whether the controller that takes efforts is the active one, by the answers.
    """

    def __init__(self, node: Ml3Node[EffortBridgeParameters]) -> None:
        """Connect.

        Raises:
            ConfigError: The service's type is not installed.
        """
        p = node.parameters
        self._node, self._efforts, self._holding = node, p.controller_name, p.holding_controller
        self.torques_on = not self._holding
        self._wanted = self.torques_on
        self._under_way = False
        self._then: Callable[[], None] = _nothing
        self._kind: Any = None
        if self._holding:
            self._kind = switch_controller_type(p.message_package)
            name = f"{p.controller_manager}/switch_controller"
            self._client = node.client(self._kind, name)

    @property
    def turning_on(self) -> bool:
        """Whether the controller that takes efforts is about to become active."""
        return self._wanted and not self.torques_on

    def check(self) -> None:
        """Raise a ConfigError if nobody would switch."""
        if self._holding and not self._client.service_is_ready():
            raise ConfigError(
                f"there is no service {self._client.srv_name}: check controller_manager, or leave "
                "holding_controller empty and switch controllers yourself"
            )

    def torques(self, on: bool, then: Callable[[], None] = _nothing) -> None:
        """Let the other controller take over, and call `then` when that is done.

        What an earlier request was to be followed by is not called any more.
        """
        if not self._holding:
            then()
            return
        self._wanted, self._then = on, then
        self._go_on()

    def _go_on(self) -> None:
        """Request what is wanted, or do what follows it, unless an answer is awaited."""
        if self._under_way:
            return
        if self.torques_on == self._wanted:
            then, self._then = self._then, _nothing
            then()
            return
        pair = (self._efforts, self._holding)
        on = self._wanted
        request = switch_request(self._kind, *(pair if on else pair[::-1]))
        self._under_way = True
        self._client.call_async(request).add_done_callback(lambda done: self._on_answer(done, on))

    def _on_answer(self, done: Any, on: bool) -> None:
        self._node.guarded(self._take)(done, on)

    def _take(self, done: Any, on: bool) -> None:
        if not self._node.configured:
            return
        self._under_way = False
        answer = done.result()
        if answer is None or not answer.ok:
            self._wanted, self._then = self.torques_on, _nothing
            why = getattr(answer, "message", "") or "no reason is given"
            raise ConfigError(
                f"controllers were not switched ({why}): are {self._efforts} and {self._holding} "
                "loaded, and free to change places?"
            )
        self.torques_on = on
        self._go_on()
