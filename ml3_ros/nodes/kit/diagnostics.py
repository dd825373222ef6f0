# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Diagnostics of a node, published once a second: rates, counts of rejections, ages."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.timer import Timer

from ml3_ros.core.checks import printable

LOGGED_EVERY = 10.0  # [s]
SILENT_S = 2.0  # after which a stream that is due counts as missing
NO_HARDWARE = "none"  # as other nodes say, too
ERRORS = "errors in callbacks"  # count of unexpected exceptions
_STEADY = Clock(clock_type=ClockType.STEADY_TIME)
OK, WARN = DiagnosticStatus.OK, DiagnosticStatus.WARN
ERROR, STALE = DiagnosticStatus.ERROR, DiagnosticStatus.STALE


class Rate:
    """Counts events, and returns their rate since it was last read."""

    def __init__(self) -> None:
        """Start counting now."""
        self.total = 0
        self.newest = -math.inf  # monotonic time [s]
        self._seen = 0
        self._since = time.monotonic()

    def tick(self) -> None:
        """Count one event."""
        self.total += 1
        self.newest = time.monotonic()

    def per_second(self) -> float:
        """Return the mean rate since the last call [1/s]."""
        now = time.monotonic()
        span, count = max(now - self._since, 1e-6), self.total - self._seen
        self._since, self._seen = now, self.total
        return count / span


class Diagnostics:
    """Publishes one DiagnosticStatus a second.

    Its level is ERROR while there is a fault, or while the count of `ERRORS` grows; STALE while
    the node is active and a stream that it needs does not come; WARN while another count grows,
    or there is a complaint. All of them are in its message.

    Attributes:
        rates: Of events, by name.
        counts: Of what was rejected, lost or cut down, by kind.
        values: Returns further values to show.
        complaint: Returns a sentence on what is wrong now, "" for nothing; it is logged.
        fault: Returns why nothing works until somebody acts, an emergency stop for instance, ""
            for nothing; its beginning and its end are logged.
        failure: Of the last transition, likewise, which the node has logged.
        hardware: Returns the name of the robot, "" for none.
    """

    def __init__(
        self, node: Node, state: Callable[[], str], guarded: Callable[..., Callable[..., object]]
    ) -> None:
        """Publish on /diagnostics for `node`.

        Args:
            node: Whose status it is.
            state: Names its lifecycle state.
            guarded: Makes a callback that never ends the node.
        """
        self.rates: dict[str, Rate] = {}
        self.counts: Counter[str] = Counter()
        self.values: Callable[[], dict[str, object]] = dict
        self.complaint: Callable[[], str] = str
        self.fault: Callable[[], str] = str
        self.failure = ""
        self.hardware: Callable[[], str] = str
        self._node = node
        self._state = state
        self._due: set[str] = set()  # rates of streams that the node needs
        self._since = -math.inf  # monotonic time from which they are due [s]
        self._fault = ""
        self._published: Counter[str] = Counter()
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self._timer = steady_timer(node, 1.0, guarded(self.publish))

    def tick(self, name: str) -> None:
        """Count one event of the rate `name`."""
        self.rates.setdefault(name, Rate()).tick()

    def expect(self, *names: str) -> None:
        """Show that these streams, each a rate, are missing whenever they do not come."""
        self._due.update(names)

    def begin(self) -> None:
        """Expect streams from now on: the node has become active."""
        self._since = time.monotonic()

    def log_fault(self) -> str:
        """Return the fault of this moment, "" for none; log it if it is new, or the last is over.

        It is called every second; a node that knows of a fault may call it at once.
        """
        fault = self.fault()
        if fault != self._fault:
            if fault:
                self._node.get_logger().error(fault)
            else:
                self._node.get_logger().info(f"is over: {self._fault}")
            self._fault = fault
        return fault

    def status(self) -> DiagnosticStatus:
        """Return the status of this second."""
        state = self._state()
        status = DiagnosticStatus(name=self._node.get_fully_qualified_name().lstrip("/"))
        status.hardware_id = self.hardware() or NO_HARDWARE
        fault, silence = self.log_fault() or self.failure, self._silence(state)
        grown = [name for name, count in self.counts.items() if count > self._published[name]]
        self._published = Counter(self.counts)
        complaint = self.complaint()
        if complaint:
            self._node.get_logger().warning(complaint, throttle_duration_sec=LOGGED_EVERY)
        wrong = [*grown, complaint] if complaint else grown
        status.level = WARN if wrong else OK
        if silence:
            status.level = STALE
        if fault or ERRORS in grown:
            status.level = ERROR
        now = f"now: {', '.join(wrong)}" if wrong else ""
        status.message = printable("; ".join(filter(None, (state, fault, silence, now))))
        shown: dict[str, object] = {"state": state}
        shown |= {f"{name} [Hz]": f"{r.per_second():.1f}" for name, r in self.rates.items()}
        shown |= dict(self.counts)
        shown |= self.values()
        status.values = [KeyValue(key=key, value=_text(value)) for key, value in shown.items()]
        return status

    def publish(self) -> None:
        """Publish the status of this second."""
        array = DiagnosticArray(status=[self.status()])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)

    def _silence(self, state: str) -> str:
        """Return which streams are missing and for how long, "" for none."""
        if state != "active":
            return ""
        now, silent = time.monotonic(), {}
        for name in sorted(self._due):
            newest = self.rates[name].newest if name in self.rates else -math.inf
            if now - max(newest, self._since) > SILENT_S:
                silent[name] = now - max(newest, self._since)
        return f"no {', no '.join(silent)} for {min(silent.values()):.0f} s" if silent else ""


def steady_timer(node: Node, period_s: float, callback: Callable[[], object]) -> Timer:
    """Call `callback` every `period_s` [s] on the steady clock.

    Timers of rclpy run on the system's clock by default: if it is set back by an hour, they stand
    still for an hour.
    """

    def on_time() -> None:
        callback()

    return node.create_timer(period_s, on_time, clock=_STEADY)


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
