# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Base class of every lifecycle node of ml3_ros: transitions, parameters, guarded callbacks."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar, get_args, get_origin

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from ml3_ros.core.checks import printable
from ml3_ros.errors import ConfigError, Ml3Error, reason_of
from ml3_ros.nodes.kit.connected_node import ConnectedNode
from ml3_ros.nodes.kit.diagnostics import ERRORS
from ml3_ros.nodes.kit.name_guard import reject_duplicate
from ml3_ros.nodes.kit.parameters.annotated import NodeParameters
from ml3_ros.nodes.kit.parameters.declared import DeclaredParameters
from ml3_ros.nodes.kit.rclpy_versions import given_parameters

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
ERROR = TransitionCallbackReturn.ERROR

P = TypeVar("P", bound=NodeParameters)


class Ml3Node(ConnectedNode, Generic[P]):
    """A lifecycle node with parameters P; what fails ends in a log line that names the cure.

    A node fills four hooks, each of which may raise `Ml3Error`: `load` (configure: read the
    parameters, load, check, create publishers and subscriptions), `start` (activate), `stop`
    (deactivate: whatever commands a robot ends at once) and `unload` (cleanup). The message of
    an error is logged and the transition fails; the process lives on. Two more, `check` and
    `retune`, follow parameters that are set while it runs.
    """

    parameters_type: type[P]
    robot = ""  # of a node without a parameter `robot`
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
        try:
            self._declared = DeclaredParameters(
                self,
                self.parameters_type,
                lambda: self.state_name() != "unconfigured",
                lambda new: self.check(new) if self.configured else None,
                self.guarded(lambda: self.retune() if self.configured else None, ERRORS),
            )
        except ConfigError:
            self.destroy_node()
            raise
        self.diagnostics.values = self._values
        self.diagnostics.fault = self._fault
        self.diagnostics.hardware = lambda: (
            Path(getattr(self.parameters, "robot", self.robot)).stem
        )
        given = given_parameters(self, node_arguments.get("parameter_overrides") or ())
        for sentence in self._declared.unknown(given):
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

    def fault(self) -> str:
        """Return why a configured node can do nothing until somebody acts, "" for no reason."""
        return ""

    def check(self, new: P) -> None:
        """Raise an `Ml3Error` where `live` parameters must not be set so while configured."""

    def retune(self) -> None:
        """Use `live` parameters that have just been set and are not read where they are used."""

    def diagnostic_values(self) -> dict[str, object]:
        """Return what /diagnostics shows of a configured node beside rates and counts."""
        return {}

    # what the nodes use ------------------------------------------------------------------------
    @property
    def parameters(self) -> P:
        """The present values; those that are not `live` stay from configure to cleanup."""
        return self._declared.value

    @property
    def configured(self) -> bool:
        """Whether what `load` makes is there."""
        return self.state_name() in ("inactive", "active")

    def fail(self, reason: str) -> None:
        """End the node, log the reason, and let its process exit with code 1."""
        self.failed = True
        self.diagnostics.failure = reason
        self.get_logger().error(reason)
        self.trigger_shutdown()

    def _fault(self) -> str:
        faults: list[str] = []
        if self.configured:
            self.guarded(lambda: faults.append(self.fault()), ERRORS)()
        return "".join(faults)

    def _values(self) -> dict[str, object]:
        values: dict[str, object] = {}
        if self.configured:
            self.guarded(lambda: values.update(self.diagnostic_values()), ERRORS)()
        return values | self.connection_values()

    # lifecycle ---------------------------------------------------------------------------------
    def destroy_node(self) -> None:
        """Shut down, then destroy: threads that a run has started end with the node."""
        if self.configured:
            self.trigger_shutdown()
        super().destroy_node()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Reject a second node of this name, then load."""
        return self.passing("configuring", "inactive", self._configure, state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Enable the publishers, then start."""
        return self.passing("activating", "active", self._activate, state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Silence every callback, then stop."""
        return self.passing("deactivating", "inactive", self._deactivate, state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unload, and destroy what `load` created."""
        return self.passing("cleaningup", "unconfigured", self._clean_up, state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop and unload from any state."""
        return self.passing("shuttingdown", "finalized", self._shut_down, state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Fall back to unconfigured, so that the node can be configured again."""
        return self.passing("errorprocessing", "unconfigured", self._shut_down, state)

    def _configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        until = self._born + self.parameters.duplicate_wait
        result = self._attempt(lambda: reject_duplicate(self, until), self.load)
        if result == SUCCESS:
            self.diagnostics.failure = ""
        else:
            self._clear()
        return result

    def _activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        super().on_activate(state)
        self.active = True
        result = self._attempt(self.start)
        if result == SUCCESS:
            self.diagnostics.failure = ""
            self.diagnostics.begin()
        else:
            self.active = False
            super().on_deactivate(state)
        return result

    def _deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.active = False
        self._attempt(self.stop)
        return super().on_deactivate(state)

    def _clean_up(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._clear()
        return super().on_cleanup(state)

    def _shut_down(self, state: LifecycleState) -> TransitionCallbackReturn:
        was_active, self.active = self.active, False
        if was_active:
            self._attempt(self.stop)
        self._clear()
        return super().on_shutdown(state)

    def _clear(self) -> None:
        self._attempt(self.unload)
        self.disconnect()

    def _attempt(self, *hooks: Callable[[], None]) -> TransitionCallbackReturn:
        try:
            for hook in hooks:
                hook()
        except Ml3Error as error:
            self.diagnostics.failure = str(error)
            self.get_logger().error(printable(str(error)))
            return FAILURE
        except Exception as error:  # rclpy would swallow it
            self.diagnostics.failure = reason_of(error)
            self.get_logger().error(printable(traceback.format_exc()))
            return ERROR
        return SUCCESS
