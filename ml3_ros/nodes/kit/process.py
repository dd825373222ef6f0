# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Process of a node: runs it until a signal, its parent's end or a shutdown transition."""

from __future__ import annotations

import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence

import rclpy
from rclpy.executors import Executor, SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.signals import SignalHandlerOptions

from ml3_ros.bringup.parent import parent_lives
from ml3_ros.errors import Ml3Error
from ml3_ros.nodes.kit.name_guard import claim_name
from ml3_ros.nodes.kit.node import Ml3Node

SUCCESS = TransitionCallbackReturn.SUCCESS
EXIT_DEADLINE_S = 4.0  # a node that shall end is gone after this, whatever it was doing
LINGER_S = 0.3  # the answer to the request that ends a node, and its last log, leave within this


def run(
    node_class: Callable[[], Ml3Node],
    arguments: Sequence[str] | None = None,
    *,
    executor_class: Callable[[], Executor] = SingleThreadedExecutor,
) -> int:
    """Run a node until SIGINT, SIGTERM, SIGHUP or its shutdown transition; return the exit code.

    It is 0 unless the node failed, or could not be made.

    Signals only set a flag that the loop reads, so a second one cannot hit the clean-up, and
    every node goes through its own shutdown transition before the process ends. The second node of
    a name on this machine ends before it answers anything that was meant for the first.
    """
    signals = requests_to_end()
    rclpy.init(
        args=None if arguments is None else list(arguments),
        signal_handler_options=SignalHandlerOptions.NO,
    )
    try:
        node = node_class()
        claim = claim_name(node)
    except Ml3Error as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        rclpy.try_shutdown()
        return 2
    executor = executor_class()
    executor.add_node(node)
    try:
        if node.parameters.autostart and not signals and node.trigger_configure() == SUCCESS:
            node.trigger_activate()
        while not signals and node.state_name() != "finalized":
            executor.spin_once(timeout_sec=0.1)
    except Exception:
        traceback.print_exc()
        node.failed = True
    finally:
        signal.setitimer(signal.ITIMER_REAL, EXIT_DEADLINE_S)  # ends what cannot end itself
        if node.state_name() == "finalized":
            _spin_for(executor, LINGER_S)
        else:
            node.trigger_shutdown()
        executor.shutdown()
        node.destroy_node()
        rclpy.try_shutdown()
        claim.close()
        ignore_signals()
    return int(node.failed)


def requests_to_end() -> list[int]:
    """Return a list that takes the signals which end a node; the end of its parent is one."""
    signals: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
            signal.signal(number, lambda received, _frame: signals.append(received))
    if not parent_lives():
        signals.append(signal.SIGTERM)
    return signals


def ignore_signals() -> None:
    """Let the interpreter's own end be what ends the process now: it takes a moment."""
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))


def _spin_for(executor: Executor, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        executor.spin_once(timeout_sec=0.05)
