# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Many wrong messages among good ones on a topic, and what the node does meanwhile and after."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from rclpy.qos import QoSProfile

from faults.mutations.messages_with_files import mutated
from faults.rig.counted import INJECTED, VARIANTS_REQUESTED, Counter
from faults.rig.processes import RunningProcess
from faults.rig.result import Row
from faults.rig.rig import Rig
from faults.rig.waiting import BenchError, until
from ml3_ros.nodes.kit.diagnostics import ERRORS
from ml3_ros.nodes.kit.qos import RELIABLE_1

RECOVERY_S = 30.0
READ_S = 5.0  # a message that has not been read after this is lost
GIVE_UP = 15  # chunks in a row of which something is not read
DAMAGED_READ_S = 0.003  # most damaged bytes never reach a node: the middleware drops them
CHUNK = 20  # of a queue of 100
VARIANTS = 28  # of each message that comes, see `counted`; some are dropped as by DDS
IN_ALL = 34  # wrong messages, at least, for each that is sent: 10,000 for 300

Mutate = Callable[[Any, random.Random], tuple[str, Any]]


@dataclass(slots=True)
class Watch:
    """Checks every message that a node publishes; `check` returns what is wrong with it."""

    what: str
    check: Callable[[Any], str | None]
    received: int = 0
    wrong: list[str] = field(default_factory=list)

    def __call__(self, msg: Any) -> None:
        """Check a message."""
        self.received += 1
        reason = self.check(msg)
        if reason is not None:
            self.wrong.append(reason)

    def row(self) -> Row:
        """Return the row of the table."""
        first = f", first {self.wrong[0]}" if self.wrong else ""
        return Row(
            self.what,
            f"{len(self.wrong)} of {self.received}{first}",
            "none, and some received",
            not self.wrong and self.received > 0,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A topic that a node reads.

    Attributes:
        node: Its name.
        topic: Name in full.
        good: Returns the next good message.
        recovered: Whether the node does its work again, checked while good messages come.
        qos: Of the publisher.
        mutate: What makes messages wrong.
        mark: Called before good messages come alone, to note where the node is.
        between: Called between chunks of wrong messages.
        period: Between good messages that come alone [s].
        variants: Of each message, made in the node's process.
    """

    node: str
    topic: str
    good: Callable[[], Any]
    recovered: Callable[[], bool]
    qos: QoSProfile = field(default_factory=lambda: RELIABLE_1)
    mutate: Mutate = mutated
    mark: Callable[[], object] = lambda: None
    between: Callable[[], object] = lambda: None
    period: float = 0.01
    variants: int = VARIANTS


def bombard(rig: Rig, target: Target, count: int) -> Row:
    """Send `count` mutated messages, as many good ones among them, then good ones alone.

    While they are sent, the node's own process makes `VARIANTS` of each of both.
    """
    node = rig.processes[target.node]
    rng = random.Random(target.node + target.topic)
    first = target.good()
    publisher = rig.bench.publisher(type(first), target.topic, target.qos)
    try:
        if _recover(rig, target, publisher) is None:
            raise BenchError(f"{target.node} does not work before:\n{node.output()[-2000:]}")
        node.counter(target.topic + VARIANTS_REQUESTED).put(target.variants)
        sent, read = _send(rig, node, target, publisher, count, rng)
        node.counter(target.topic + VARIANTS_REQUESTED).put(0)
        injected = node.counter(target.topic + INJECTED).value
        alive = node.alive
        seconds = _recover(rig, target, publisher) if alive else None
    finally:
        rig.bench.remove(publisher)
    state = "alive" if node.alive else "DEAD"
    back = "no recovery" if seconds is None else f"works again after {seconds:.1f} s"
    unexpected = rig.bench.diagnostic_count(target.node, ERRORS)
    required = count * IN_ALL if target.variants else count
    return Row(
        f"{target.node}: `{target.topic.lstrip('/')}`, {type(first).__name__}",
        f"{sent} sent, {injected} more in the process, {read} read; {state}, "
        f"{unexpected} unexpected errors, {back}",
        f"{required} wrong ones, alive, no unexpected error, works again within {RECOVERY_S:g} s",
        sent + injected >= required and node.alive and not unexpected and seconds is not None,
    )


def _send(
    rig: Rig,
    node: RunningProcess,
    target: Target,
    publisher: Any,
    count: int,
    rng: random.Random,
) -> tuple[int, int]:
    """Send mutated messages among good ones; return how many were sent, and how many of both read.

    It is given up when the node reads nothing any more.
    """
    counter = node.counter(target.topic)
    before, sent = counter.value, 0
    chunk = CHUNK if target.qos.depth >= 100 else 1
    unread = 0
    good = False
    while sent < count and node.alive and unread < GIVE_UP:
        target.between()
        start, whole, damaged = counter.value, 0, False
        for _ in range(chunk):
            good = not good
            msg = target.good() if good else target.mutate(target.good(), rng)[1]
            publisher.publish(msg)
            if isinstance(msg, bytes):
                damaged = True
            else:
                whole += 1
            sent += not good
        all_read = until(partial(_read_or_dead, node, counter, start + whole), READ_S)
        unread = 0 if all_read else unread + 1
        if damaged and chunk == 1:
            until(partial(counter.reached, start + 1), DAMAGED_READ_S)
    return sent, counter.value - before


def _read_or_dead(node: RunningProcess, counter: Counter, count: int) -> bool:
    return counter.reached(count) or not node.alive


def works(rig: Rig, target: Target) -> float | None:
    """Send good messages and return after how many seconds the node works, or None."""
    publisher = rig.bench.publisher(type(target.good()), target.topic, target.qos)
    try:
        return _recover(rig, target, publisher)
    finally:
        rig.bench.remove(publisher)


def _recover(rig: Rig, target: Target, publisher: Any) -> float | None:
    time.sleep(0.2)  # what has been published by now is read
    target.mark()
    rig.bench.forget_diagnostics(target.node)  # only what comes from now on is a sign
    began = time.monotonic()
    while time.monotonic() - began < RECOVERY_S:
        publisher.publish(target.good())
        time.sleep(target.period)
        if target.recovered():
            return time.monotonic() - began
    return None
