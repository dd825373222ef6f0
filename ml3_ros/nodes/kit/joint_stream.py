# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Joint states in order of time: duplicates and late ones are rejected, gaps are counted.

Joints are found by name, also where a driver puts a prefix in front of all names; messages of
other devices on the same topic, such as a gripper's own, are left alone. What publisher, values
and stamps are worth is found in `intake`; angles that leap by a turn are made continuous.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from sensor_msgs.msg import JointState

from ml3_ros.data.repair.angles import AngleUnwrapper
from ml3_ros.data.repair.names import find_names, parse_rules
from ml3_ros.data.stamps import Pace
from ml3_ros.errors import DataError, MessageError
from ml3_ros.nodes.kit.connected_node import ConnectedNode
from ml3_ros.nodes.kit.intake.sources import ArmSource
from ml3_ros.nodes.kit.intake.times import SampleTimes
from ml3_ros.nodes.kit.intake.values import ValueChecks
from ml3_ros.nodes.kit.rclpy_versions import MessageInfo
from ml3_ros.nodes.messages.joint_states import (
    NANO,
    JointSample,
    PartialMessageError,
    listed,
    sample_from_msg,
)

RESTART_AFTER = 0.2  # [s] of samples in order among themselves, apart from the newest one
RESTART_LEAST = 5  # such samples, however slow
SET_BACK_LEAST = 3  # samples in order behind the newest one, until they have caught up with it
RESTART_GAP = NANO  # in `seconds`, so that filters see that two moments do not belong together
LONGEST_GAP = NANO  # between samples that belong together
SETTLED_AFTER = 2.0  # [s] from which the sampling period is known to a percent
MOST_KEPT = 10_000  # stamps
MOST_PARTS = 20  # sets of joints that are remembered of partial messages
MOST_SENDERS = 20  # sets of names in messages that are remembered
OTHERS_IN_A_ROW = 50  # messages of other devices alone after which the arm's own are missed


class BackwardsError(MessageError):
    """A stamp does not follow on that of the sample before."""

    kind = "stamps out of order"


class SplitMessageError(MessageError):
    """A message holds a part of the joints, and others held the rest."""

    kind = "joints in separate messages"


class OtherDeviceError(MessageError):
    """A message is of other joints altogether, as a gripper's own: nothing is lost by it."""

    ignored = True


class JointStream:
    """Reads joint states one by one and keeps their time increasing.

    A sample whose stamp does not increase, or leaps by more than `LONGEST_GAP`, is dropped: its
    stamp may be wrong. When samples in a row lie apart but in order for `RESTART_AFTER`, their
    source was restarted or its clock was set: the stream goes on from there, `restarts` is raised,
    and `seconds` goes on one second after where it was. So it does, without a restart, when a few
    samples in order behind the newest one catch up with it: the clock was set back by little.

    Attributes:
        called: What the newest message calls the joints.
        pace: The sampling period [ns].
    """

    def __init__(
        self,
        names: Sequence[str],
        counts: Counter[str],
        rename: str = "",
        report: Callable[[str], object] = lambda sentence: None,
        source: ArmSource | None = None,
        *,
        any_velocity: bool = False,
    ) -> None:
        """Read `names`.

        Args:
            names: Of the joints, in the order of all arrays.
            counts: Lost samples are counted there.
            rename: Names in messages in terms of `names`, as in `data.repair.names`; empty: one
                prefix that tells all names apart is found.
            report: Called once with the sentence that says which names are taken for which, or
                which times.
            source: Tells several publishers of these joints apart.
            any_velocity: Samples whose velocity was never filled are returned, see `unfilled`.

        Raises:
            DataError: The renaming cannot be used.
        """
        self.names = self.called = tuple(names)
        self.restarts = 0
        self._rename, self._report = rename, report
        parse_rules(rename)
        self._called: dict[tuple[str, ...], tuple[str, ...]] = {}  # by the names of a message
        self._told: set[str] = set()
        self._others = 0  # messages of other devices since the last of the arm
        self._counts, self._source = counts, source
        self._any_velocity = any_velocity
        self._values = ValueChecks(self.names, any_velocity=any_velocity)
        self._times = SampleTimes(report)
        self._angles = AngleUnwrapper(len(self.names))
        self._newest: int | None = None
        self._origin = 0
        self._apart: list[int] = []
        self._parts: set[frozenset[str]] = (
            set()
        )  # joints of the partial messages since a whole one
        self.pace = Pace(round(SETTLED_AFTER * NANO), MOST_KEPT)

    def read(self, msg: JointState, info: MessageInfo | None = None) -> JointSample:
        """Return the sample of a message, of which `info` says how it came.

        Raises:
            MessageError: The message must not be used; its `kind` says how to count it.
        """
        called = self._names_in(msg)
        try:
            sample = sample_from_msg(msg, called, any_velocity=self._any_velocity)
        except PartialMessageError:
            self._raise_if_other(msg, called)
            self._raise_if_split(msg, called)
            raise
        self._parts.clear()
        self._others, self.called = 0, called
        sample = self._taken_in(sample, info)
        if self._newest is not None:
            if not _follows(sample.stamp, self._newest):
                self._accept_restart_or_raise(sample.stamp)
            elif len(self._apart) >= SET_BACK_LEAST and _follows(sample.stamp, self._apart[-1]):
                self._counts["clocks set back"] += 1
                self._origin -= RESTART_GAP
        if self._newest is None:
            self._origin = sample.stamp
        self._count_losses(sample.stamp)
        self._apart.clear()
        self._newest = sample.stamp
        q = self._angles.push(self.seconds(sample.stamp), sample.q)
        return sample if q is sample.q else replace(sample, q=q)

    @property
    def unfilled(self) -> np.ndarray:
        """Which joints (n,) have no velocity: it is missing, or 0 while they move."""
        return self._values.unfilled

    @property
    def period(self) -> float | None:
        """Time between samples over the last seconds [s]; None before there are some."""
        return self.pace.period / NANO if self.pace.period is not None else None

    def seconds(self, stamp: int) -> float:
        """Return a stamp relative to the first sample of the stream [s]; it never runs back."""
        return (stamp - self._origin) / NANO

    def stamp(self, seconds: float) -> int:
        """Return the stamp [ns] of a time of the stream."""
        return self._origin + round(seconds * NANO)

    def _names_in(self, msg: JointState) -> tuple[str, ...]:
        """Return what a message calls the joints: their own names, unless it has others."""
        present = tuple(msg.name)
        if not self._rename and not set(self.names).isdisjoint(present):
            return self.names
        if present not in self._called:
            if len(self._called) >= MOST_SENDERS:
                self._called.clear()
            self._called[present] = self._found_in(present)
        return self._called[present]

    def _found_in(self, present: tuple[str, ...]) -> tuple[str, ...]:
        try:
            found = find_names(present, self.names, self._rename)
        except DataError as error:  # several prefixes fit
            if self._newest is not None:  # the arm's messages are others
                return self.names
            raise PartialMessageError(f"joint_states: {error}") from error
        if len(found.recorded) < len(self.names):
            return self.names
        if found.sentence and found.sentence not in self._told:
            self._told.add(found.sentence)
            self._report(f"joint_states: {found.sentence}")
        return tuple(found.recorded[name] for name in self.names)

    def _raise_if_other(self, msg: JointState, called: tuple[str, ...]) -> None:
        """Raise OtherDeviceError for a message without any of the joints.

        Where such messages alone come, the arm's own are missed, and that is logged.
        """
        if set(called).isdisjoint(msg.name):
            self._others += 1
            if self._others <= OTHERS_IN_A_ROW:
                raise OtherDeviceError(f"joint_states is of {listed(msg.name)}, not of this arm")

    def _raise_if_split(self, msg: JointState, called: tuple[str, ...]) -> None:
        """Raise SplitMessageError if partial messages in a row hold all joints together."""
        part = frozenset(called).intersection(msg.name)
        if not part:  # of other joints
            return
        if len(self._parts) >= MOST_PARTS:
            self._parts.clear()
        self._parts.add(part)
        if frozenset().union(*self._parts) == frozenset(called):
            rest = [name for name in called if name not in part]
            raise SplitMessageError(
                f"joint_states come in separate messages, {listed(sorted(part))} apart from "
                f"{listed(rest)}: all of them are skipped; let one driver publish all joints in "
                "every message, or put a node that merges them between"
            )

    def _taken_in(self, sample: JointSample, info: MessageInfo | None) -> JointSample:
        """Return a sample of the arm's publisher with its time.

        Raises:
            MessageError: It is another publisher's, or its values or stamp are worth nothing.
        """
        received = time.time_ns()
        if info is not None:
            received = info.get("received_timestamp") or received
            if self._source and self._source.check(info, sample, time.monotonic()):
                self._counts["changes of the publisher"] += 1
                self.restarts += 1  # no filter may mix them
                self._angles.clear()
        stamp = self._times.choose(sample, received)
        return self._values.check(
            sample if stamp == sample.stamp else replace(sample, stamp=stamp)
        )

    def _count_losses(self, stamp: int) -> None:
        missing = self.pace.push(stamp)
        if missing:
            self._counts["lost samples"] += missing

    def _accept_restart_or_raise(self, stamp: int) -> None:
        if self._apart and stamp != self._apart[-1] and not _follows(stamp, self._apart[-1]):
            self._apart.clear()
        if self._apart[-1:] != [stamp]:  # messages may be sent twice
            self._apart.append(stamp)
        assert self._newest is not None
        lasting = stamp - self._apart[0] >= RESTART_AFTER * NANO
        if not lasting or len(self._apart) < RESTART_LEAST:
            step = (stamp - self._newest) * 1e-9
            where = f"{abs(step):.3f} s {'before' if step <= 0.0 else 'after'}"
            several = self._source.sentence() if self._source else ""
            raise BackwardsError(
                f"joint_states is stamped {where} its predecessor{several}: the sample is "
                "dropped; let one driver publish the arm's joints and keep its clock monotonic"
            )
        self.restarts += 1
        self._counts["restarts of the stream"] += 1
        self._origin += stamp - self._newest - RESTART_GAP
        self._newest = stamp - RESTART_GAP
        self._angles.clear()
        self.pace.clear()


def stream_of(node: ConnectedNode, names: Sequence[str], rename: str) -> JointStream:
    """Return the joint states that a node reads, which logs what is found in them."""
    source, report = ArmSource(node, "joint_states"), node.get_logger().info
    return JointStream(names, node.diagnostics.counts, rename, report, source)


def _follows(stamp: int, before: int) -> bool:
    """Return whether a stamp [ns] may be that of the sample after `before` [ns]."""
    return 0 < stamp - before <= LONGEST_GAP
