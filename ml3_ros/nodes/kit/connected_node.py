# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Lifecycle node with guarded connections: errors of callbacks are logged, cleanup ends them."""

from __future__ import annotations

import functools
import math
import time
import traceback
from collections.abc import Callable
from typing import Any

from rclpy.client import Client
from rclpy.lifecycle import LifecyclePublisher
from rclpy.qos import QoSProfile
from rclpy.timer import Timer

from ml3_ros.core.checks import printable
from ml3_ros.errors import Ml3Error, reason_of
from ml3_ros.nodes.kit.diagnostics import ERRORS, Diagnostics, steady_timer
from ml3_ros.nodes.kit.latched import is_latched, message_of, subscribe_latched
from ml3_ros.nodes.kit.one_master.arbiter import CommandArbiter
from ml3_ros.nodes.kit.rclpy_versions import MessageInfo, taking_info
from ml3_ros.nodes.kit.stateful_node import StatefulNode

LOGGED_EVERY_S = 2.0  # errors of one kind


class ConnectedNode(StatefulNode):
    """A lifecycle node that makes publishers, subscriptions, timers, services and clients.

    What a callback raises is counted for /diagnostics and logged; the node goes on.

    Attributes:
        active: Whether messages are acted upon and timers call.
        diagnostics: What the node publishes about itself.
    """

    def __init__(self, name: str, **node_arguments: Any) -> None:
        """Begin without connections.

        Args:
            name: Name of the node.
            node_arguments: Passed on to rclpy's Node (context, parameter_overrides, ...).
        """
        super().__init__(name, **node_arguments)
        self._entities: list[tuple[Callable[[Any], object], Any]] = []
        self._arbiters: list[CommandArbiter] = []
        self._logged: dict[str, float] = {}  # when an error of each kind was logged last [s]
        self.active = False
        self.diagnostics = Diagnostics(self, self.state_name, self.guarded)

    # connections --------------------------------------------------------------------------------
    def publisher(self, msg_type: Any, topic: str, qos: QoSProfile) -> LifecyclePublisher[Any]:
        """Create a publisher that is silent unless the node is active; ends with cleanup."""
        publisher: LifecyclePublisher[Any] = self.create_lifecycle_publisher(msg_type, topic, qos)
        self._entities.append((self.destroy_lifecycle_publisher, publisher))
        return publisher

    def subscribe(
        self,
        msg_type: type,
        topic: str,
        callback: Callable[..., None],
        qos: QoSProfile,
        *,
        always: bool = False,
        exclusive: bool = False,
        informed: bool = False,
    ) -> None:
        """Subscribe while configured; the callback runs while active, or `always`.

        What it raises is counted and logged, and the stream goes on. With `exclusive` messages are
        rejected while more than one publisher sends them; of a queue of 1 only the last one would
        ever be seen. With `informed` the callback also gets what the middleware says of the
        message, which names its publisher. A latched profile also hears publishers that latch
        nothing.
        """
        accepted = self.guarded(callback)
        from_one = self._sole_sender(topic) if exclusive else lambda _: True

        def from_any(msg: Any) -> None:
            if self.active or always:
                accepted(msg)

        def from_known(msg: Any, info: MessageInfo) -> None:
            if (self.active or always) and from_one(info):
                accepted(msg)

        def from_informed(msg: Any, info: MessageInfo) -> None:
            if self.active or always:
                accepted(msg, info)

        if is_latched(qos):
            read = self.guarded(lambda raw: from_any(message_of(raw, msg_type)))
            made = subscribe_latched(self, msg_type, topic, read, qos)
        else:
            on_message: Callable[..., None] = from_any  # what needs no MessageInfo is quicker
            if exclusive or informed:
                on_message = taking_info(from_known if exclusive else from_informed)
            made = [self.create_subscription(msg_type, topic, on_message, qos)]
        self._entities += [(self.destroy_subscription, one) for one in made]

    def _sole_sender(self, topic: str) -> Callable[[MessageInfo], bool]:
        """Return a check of whether a message of `topic` comes from its only sender."""
        arbiter = CommandArbiter(self, topic)
        self._arbiters.append(arbiter)
        self._entities.append((self._arbiters.remove, arbiter))
        return self.guarded(lambda info: arbiter.check(info, time.monotonic()))

    def every(self, period_s: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` every `period_s` [s] while active; ends with cleanup.

        What it raises is counted and logged, and it is called again when the time has come.
        """
        safe = self.guarded(callback, ERRORS)
        timer = steady_timer(self, period_s, lambda: self.active and safe())
        self._entities.append((self.destroy_timer, timer))
        return timer

    def serve(self, srv_type: type, name: str, callback: Callable[[Any, Any], Any]) -> None:
        """Offer a service while configured; see `answering`."""
        service = self.create_service(srv_type, name, self.answering(srv_type, callback))
        self._entities.append((self.destroy_service, service))

    def client(self, srv_type: Any, name: str) -> Client[Any, Any]:
        """Create a client of a service; ends with cleanup."""
        client: Client[Any, Any] = self.create_client(srv_type, name)
        self._entities.append((self.destroy_client, client))
        return client

    def disconnect(self) -> None:
        """Destroy all that was created here, the newest first."""
        while self._entities:
            destroy, entity = self._entities.pop()
            destroy(entity)

    def connection_values(self) -> dict[str, object]:
        """Return what /diagnostics shows of topics that one publisher alone may send on."""
        values: dict[str, object] = {}
        for arbiter in self._arbiters:
            values |= arbiter.diagnostic_values()
        return values

    # guards -------------------------------------------------------------------------------------
    def guarded(
        self, callback: Callable[..., object], kind: str | None = None
    ) -> Callable[..., bool]:
        """Return a callback that never ends the node, and returns whether nothing was raised.

        What is raised is counted, as `kind` if that is given, and logged; the caller goes on.
        """

        @functools.wraps(callback)  # executors look at its parameters
        def call(*arguments: Any) -> bool:
            try:
                callback(*arguments)
            except Exception as error:
                self.reject(error, kind=kind)
                return False
            return True

        return call

    def answering(
        self, srv_type: Any, callback: Callable[[Any, Any], Any]
    ) -> Callable[[Any, Any], Any]:
        """Return a callback that always answers: an error becomes `success` and `message`.

        What is unexpected, or has no place in the answer, is also counted and logged.
        """

        def answer(request: Any, response: Any) -> Any:
            try:
                return callback(request, response)
            except Exception as error:
                failure = srv_type.Response()
                if not (isinstance(error, Ml3Error) and hasattr(failure, "message")):
                    self.reject(error, kind=ERRORS)
                for field, value in (("success", False), ("message", printable(reason_of(error)))):
                    if hasattr(failure, field):
                        setattr(failure, field, value)
                return failure

        return answer

    def reject(self, error: Exception, *, kind: str | None = None) -> None:
        """Count and log why something was not used; the stream goes on.

        The first error of a kind is always logged, later ones at most every 2 s. An unexpected
        error is logged with its traceback. What is marked as `ignored` is neither.
        """
        if getattr(error, "ignored", False):
            return
        if isinstance(error, Ml3Error):
            counted = kind or str(getattr(error, "kind", "rejected messages"))
            self.diagnostics.counts[counted] += 1
            # a throttle of the logger would be one for all kinds
            now = time.monotonic()
            if now - self._logged.get(counted, -math.inf) >= LOGGED_EVERY_S:
                self._logged[counted] = now
                self.get_logger().warning(printable(str(error)))
            return
        self.diagnostics.counts[kind or ERRORS] += 1
        text = printable("".join(traceback.format_exception(error)))
        self.get_logger().error(text, throttle_duration_sec=2.0)
