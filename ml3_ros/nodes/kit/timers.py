"""Timers of a clock that nobody sets."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.timer import Timer

_STEADY = Clock(clock_type=ClockType.STEADY_TIME)


def steady_timer(node: Node, period_s: float, callback: Callable[[], object]) -> Timer:
    """Call `callback` every `period_s` [s], also while the system's clock is set.

    The timers that a node makes by itself run on the system's clock: set back by an hour, they
    stand still for an hour.
    """
    return node.create_timer(period_s, callback, clock=_STEADY)
