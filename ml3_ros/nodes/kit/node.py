"""The base of every node of ml3_ros: lifecycle, parameters, guarded callbacks."""

from __future__ import annotations

import functools
import time
import traceback
from collections.abc import Callable
from typing import Any, Generic, TypeVar, get_args, get_origin

from rclpy.client import Client
from rclpy.lifecycle import (
    LifecycleNode,
    LifecyclePublisher,
    LifecycleState,
    TransitionCallbackReturn,
)
from rclpy.qos import QoSProfile
from rclpy.subscription import MessageInfo
from rclpy.timer import Timer

from ml3_ros.core.checks import printable
from ml3_ros.errors import ConfigError, Ml3Error, reason_of
from ml3_ros.nodes.kit.command_arbiter import CommandArbiter
from ml3_ros.nodes.kit.declared_parameters import DeclaredParameters
from ml3_ros.nodes.kit.diagnostics import ERRORS, Diagnostics, steady_timer
from ml3_ros.nodes.kit.name_guard import reject_duplicate
from ml3_ros.nodes.kit.parameters import NodeParameters

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
ERROR = TransitionCallbackReturn.ERROR

P = TypeVar("P", bound=NodeParameters)


class Ml3Node(LifecycleNode, Generic[P]):
    """A lifecycle node with parameters P that fails in sentences.

    A node fills four hooks, each of which may raise `Ml3Error`: `load` (configure: read the
    parameters, load, check, create publishers and subscriptions), `start` (activate), `stop`
    (deactivate: whatever commands a robot ends at once) and `unload` (cleanup). The message of
    an error is logged and the transition fails; the process lives on.
    """

    parameters_type: type[P]
    failed = False  # then the process exits with code 1

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Keep the P of Ml3Node[P], by which a node says what its parameters are."""
        super().__init_subclass__(**arguments)
        for base in vars(cls).get("__orig_bases__", ()):
            if get_origin(base) is Ml3Node:
                (cls.parameters_type,) = get_args(base)

    def __init__(self, name: str, **node_arguments: Any) -> None:
        """Declare the parameters.

        Args:
            name: Name of the node.
            node_arguments: Passed on to rclpy's Node (context, parameter_overrides, ...).

        Raises:
            ConfigError: A parameter is outside what it may be.
        """
        super().__init__(name, **node_arguments)
        self._born = time.monotonic()
        self._entities: list[tuple[Callable[[Any], object], Any]] = []
        self.active = False
        self.diagnostics = Diagnostics(self, self.state_name, self.guarded)
        try:
            self._declared = DeclaredParameters(
                self, self.parameters_type, lambda: self.state_name() != "unconfigured"
            )
        except ConfigError:
            self.destroy_node()
            raise
        self.diagnostics.values = self._values
        for sentence in self._declared.unknown(list(self._parameter_overrides)):
            self.get_logger().warning(sentence)

    # hooks of the nodes ------------------------------------------------------------------------
    def load(self) -> None:
        """Configure: load and check everything that `start` will need."""

    def start(self) -> None:
        """Activate: from now on messages are acted upon."""

    def stop(self) -> None:
        """Deactivate: no command leaves the node after this."""

    def unload(self) -> None:
        """Clean up what `load` made, apart from publishers, subscriptions, timers, services."""

    def diagnostic_values(self) -> dict[str, object]:
        """Return what /diagnostics shows of a configured node beside rates and counts."""
        return {}

    # what the nodes use ------------------------------------------------------------------------
    @property
    def parameters(self) -> P:
        """The present values; those that are not `live` stay from configure to cleanup."""
        return self._declared.value

    def state_name(self) -> str:
        """Return the label of the lifecycle state: unconfigured, inactive, active, finalized."""
        return self._state_machine.current_state[1]

    def publisher(self, msg_type: Any, topic: str, qos: QoSProfile) -> LifecyclePublisher[Any]:
        """Create a publisher that is silent unless the node is active; ends with cleanup."""
        publisher: LifecyclePublisher[Any] = self.create_lifecycle_publisher(msg_type, topic, qos)
        self._entities.append((self.destroy_lifecycle_publisher, publisher))
        return publisher

    def subscribe(
        self,
        msg_type: type,
        topic: str,
        callback: Callable[[Any], None],
        qos: QoSProfile,
        *,
        always: bool = False,
        exclusive: bool = False,
    ) -> None:
        """Subscribe while configured; the callback runs while active, or `always`.

        What it raises is counted and logged, and the stream goes on. With `exclusive` messages are
        rejected while more than one publisher sends them; of a queue of 1 only the last one would
        ever be seen.
        """
        accepted, arbiter = self.guarded(callback), CommandArbiter(self, topic)
        from_known = self.guarded(lambda info: arbiter.check(info, time.monotonic()))

        def from_any(msg: Any) -> None:
            if self.active or always:
                accepted(msg)

        def from_one(msg: Any, info: MessageInfo) -> None:
            if (self.active or always) and from_known(info):
                accepted(msg)

        # what asks for a MessageInfo cannot run on the events executor
        on_message = from_one if exclusive else from_any
        subscription = self.create_subscription(msg_type, topic, on_message, qos)
        self._entities.append((self.destroy_subscription, subscription))

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

    def client(self, srv_type: Any, name: str) -> Client[Any, Any]:
        """Create a client of a service; ends with cleanup."""
        client: Client[Any, Any] = self.create_client(srv_type, name)
        self._entities.append((self.destroy_client, client))
        return client

    def fail(self, reason: str) -> None:
        """End the node, log the reason, and let its process exit with code 1."""
        self.failed = True
        self.get_logger().error(reason)
        self.trigger_shutdown()

    def reject(self, error: Exception, *, kind: str | None = None) -> None:
        """Count and log why something was not used; the stream goes on.

        The first error of a kind is always logged, later ones at most every 2 s. An unexpected
        error is logged with its traceback.
        """
        if isinstance(error, Ml3Error):
            counted = kind or str(getattr(error, "kind", "rejected messages"))
            self.diagnostics.counts[counted] += 1
            if self.diagnostics.counts[counted] == 1:
                self.get_logger().warning(printable(str(error)))
            else:
                self.get_logger().warning(printable(str(error)), throttle_duration_sec=2.0)
            return
        self.diagnostics.counts[kind or ERRORS] += 1
        text = printable("".join(traceback.format_exception(error)))
        self.get_logger().error(text, throttle_duration_sec=2.0)

    def _values(self) -> dict[str, object]:
        values: dict[str, object] = {}
        if self.state_name() in ("inactive", "active"):
            self.guarded(lambda: values.update(self.diagnostic_values()), ERRORS)()
        return values

    # lifecycle ---------------------------------------------------------------------------------
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Reject a second node of this name, then load."""
        until = self._born + self.parameters.duplicate_wait
        result = self._attempt(lambda: reject_duplicate(self, until), self.load)
        if result != SUCCESS:
            self._clear()
        return result

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Enable the publishers, then start."""
        super().on_activate(state)
        self.active = True
        result = self._attempt(self.start)
        if result != SUCCESS:
            self.active = False
            super().on_deactivate(state)
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Silence every callback, then stop."""
        self.active = False
        self._attempt(self.stop)
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unload, and destroy what `load` created."""
        self._clear()
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop and unload from any state."""
        was_active, self.active = self.active, False
        if was_active:
            self._attempt(self.stop)
        self._clear()
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Fall back to unconfigured, so that the node can be configured again."""
        return self.on_shutdown(state)

    def _clear(self) -> None:
        self._attempt(self.unload)
        while self._entities:
            destroy, entity = self._entities.pop()
            destroy(entity)

    def _attempt(self, *hooks: Callable[[], None]) -> TransitionCallbackReturn:
        try:
            for hook in hooks:
                hook()
        except Ml3Error as error:
            self.get_logger().error(printable(str(error)))
            return FAILURE
        except Exception:  # rclpy would swallow it
            self.get_logger().error(printable(traceback.format_exc()))
            return ERROR
        return SUCCESS
