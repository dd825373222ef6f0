# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Client of another node's lifecycle: requests transitions, with deadlines and clear errors."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.client import Client
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future

from ml3_ros.errors import Ml3Error

POLL_S = 0.5
REQUEST_AGAIN_S = 3.0  # a state, when no answer has come

LABELS = {
    State.PRIMARY_STATE_UNCONFIGURED: "unconfigured",
    State.PRIMARY_STATE_INACTIVE: "inactive",
    State.PRIMARY_STATE_ACTIVE: "active",
    State.PRIMARY_STATE_FINALIZED: "finalized",
}
SHUTDOWNS = {
    "unconfigured": Transition.TRANSITION_UNCONFIGURED_SHUTDOWN,
    "inactive": Transition.TRANSITION_INACTIVE_SHUTDOWN,
    "active": Transition.TRANSITION_ACTIVE_SHUTDOWN,
}


class BringupError(Ml3Error):
    """A node did not come up, or did not do what was requested."""


class InterruptError(Ml3Error):
    """The wait was ended from outside."""


class Waiter:
    """Spins an executor until a condition holds; logs once a second what it waits for."""

    def __init__(
        self,
        executor: SingleThreadedExecutor,
        interrupted: Callable[[], bool],
        log: Callable[[str], None],
    ) -> None:
        """Wait on `executor`; `log` is called once a second with what is waited for."""
        self._executor, self._interrupted, self._log = executor, interrupted, log
        self._logged = time.monotonic()

    def until(
        self,
        done: Callable[[], object],
        doing: str | Callable[[], str],
        timeout_s: float | Callable[[], float],
        cure: str,
    ) -> None:
        """Return when `done()` is true.

        Args:
            done: The condition, cheap.
            doing: What is going on, for the progress line.
            timeout_s: Deadline [s]; a function where it may change meanwhile.
            cure: What to do if the deadline passes.

        Raises:
            BringupError: The deadline passed.
            InterruptError: A signal came.
        """
        begun = time.monotonic()
        while not done():
            now = time.monotonic()
            text = doing if isinstance(doing, str) else doing()
            if self._interrupted():
                raise InterruptError(f"interrupted while {text}")
            limit = timeout_s() if callable(timeout_s) else timeout_s
            if now - begun > limit:
                raise BringupError(f"{text} took longer than {limit:g} s: {cure}")
            if now - self._logged >= 1.0:
                self._logged = now
                self._log(text)
            self._executor.spin_once(timeout_sec=0.05)

    def pause(self, seconds: float, doing: Callable[[], str]) -> None:
        """Wait for `seconds` [s]; see `until`."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= end, doing, 2.0 * seconds + 1.0, "")

    def result(self, future: Future[Any], doing: str, timeout_s: float, cure: str) -> Any:
        """Return the result of a future; see `until`."""
        self.until(future.done, doing, timeout_s, cure)
        return future.result()


class LifecycleClient:
    """The lifecycle services of one node."""

    def __init__(
        self, node: Node, name: str, waiter: Waiter, *, start_timeout_s: Callable[[], float]
    ) -> None:
        """Call the services of `name` from `node`; `start_timeout_s()`: its time to appear [s]."""
        self.name = name
        self._waiter, self._start_timeout = waiter, start_timeout_s
        self._get: Client[Any, Any] = node.create_client(GetState, f"{name}/get_state")
        self._change: Client[Any, Any] = node.create_client(ChangeState, f"{name}/change_state")

    def state(self) -> str:
        """Return the label of the node's state, once the node is there."""
        self._waiter.until(
            lambda: self._get.service_is_ready() and self._change.service_is_ready(),
            f"waiting for {self.name} to start",
            self._start_timeout,
            "look for its error above; is it in the same ROS_DOMAIN_ID?",
        )
        return self._state_now(lambda: f"requesting the state of {self.name}")

    def activate(self) -> None:
        """Bring the node to active from wherever it is."""
        state = self.state()
        if state == "unconfigured":
            self._transition(Transition.TRANSITION_CONFIGURE, "configuring")
            state = "inactive"
        if state == "inactive":
            self._transition(Transition.TRANSITION_ACTIVATE, "activating")
        elif state != "active":
            raise BringupError(f"{self.name} is {state}: start its process again")

    def deactivate(self) -> None:
        """Bring an active node to inactive."""
        if self.state() == "active":
            self._transition(Transition.TRANSITION_DEACTIVATE, "deactivating")

    def shut_down(self) -> None:
        """End the node; its process ends with it."""
        state = self.state()
        if state in SHUTDOWNS:
            self._transition(SHUTDOWNS[state], "shutting down")

    def wait_while_active(self, doing: Callable[[], str], timeout_s: Callable[[], float]) -> str:
        """Return the state that follows on active; see `Waiter.until`.

        Raises:
            BringupError: The node does not answer any more, or is still active at the deadline.
        """
        begun = time.monotonic()
        while (state := self._state_now(doing)) == "active":
            if time.monotonic() - begun > timeout_s():
                raise BringupError(f"{self.name} is still active after {timeout_s():g} s: stop it")
            self._waiter.pause(POLL_S, doing)
        return state

    def _state_now(self, doing: Callable[[], str]) -> str:
        sent: list[tuple[float, Future[Any]]] = []

        def answers() -> list[Future[Any]]:
            # While two sides discover each other an answer may be lost: then request again.
            if not sent or time.monotonic() - sent[-1][0] > REQUEST_AGAIN_S:
                sent.append((time.monotonic(), self._get.call_async(GetState.Request())))
            return [future for _, future in sent if future.done()]

        cure = f"{self.name} does not answer; look at its output above"
        self._waiter.until(answers, doing, 30.0, cure)
        answer = answers()[0].result()
        assert answer is not None
        state = answer.current_state
        return LABELS.get(state.id, state.label)

    def _transition(self, transition: int, doing: str) -> None:
        request = ChangeState.Request(transition=Transition(id=transition))
        answer = self._call(self._change, request, f"{doing} {self.name}", 60.0)
        if not answer.success:
            raise BringupError(f"{doing} {self.name} failed: its message above says why")

    def _call(self, client: Client[Any, Any], request: Any, doing: str, timeout_s: float) -> Any:
        cure = "the node hangs or has ended; look at its output above"
        return self._waiter.result(client.call_async(request), doing, timeout_s, cure)
