"""Diagnostics of a node, published once a second: rates, counts of rejections, ages."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.timer import Timer

LOGGED_EVERY = 10.0  # [s]
ERRORS = "errors in callbacks"  # count of unexpected exceptions
_STEADY = Clock(clock_type=ClockType.STEADY_TIME)
OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR


class Rate:
    """Counts events, and returns their rate since it was last read."""

    def __init__(self) -> None:
        """Start counting now."""
        self.total = 0
        self._seen = 0
        self._since = time.monotonic()

    def tick(self) -> None:
        """Count one event."""
        self.total += 1

    def per_second(self) -> float:
        """Return the mean rate since the last call [1/s]."""
        now = time.monotonic()
        span, count = max(now - self._since, 1e-6), self.total - self._seen
        self._since, self._seen = now, self.total
        return count / span


class Diagnostics:
    """Publishes one DiagnosticStatus a second.

    `rates` and `counts` are filled by the node; a count that grows raises the level to WARN, that
    of `ERRORS` to ERROR, for as long as it grows. A `complaint`, a sentence on what is wrong now,
    "" for nothing, raises it to WARN and is logged. `values` returns further values to show.
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
        self._node = node
        self._state = state
        self._published: Counter[str] = Counter()
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self._timer = steady_timer(node, 1.0, guarded(self.publish))

    def tick(self, name: str) -> None:
        """Count one event of the rate `name`."""
        self.rates.setdefault(name, Rate()).tick()

    def status(self) -> DiagnosticStatus:
        """Return the status of this second."""
        state = self._state()
        status = DiagnosticStatus(name=self._node.get_name(), hardware_id="ml3_ros")
        grown = [name for name, count in self.counts.items() if count > self._published[name]]
        self._published = Counter(self.counts)
        complaint = self.complaint()
        if complaint:
            self._node.get_logger().warning(complaint, throttle_duration_sec=LOGGED_EVERY)
        wrong = [*grown, complaint] if complaint else grown
        status.level = ERROR if ERRORS in grown else WARN if wrong else OK
        status.message = f"{state}; now: {', '.join(wrong)}" if wrong else state
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
