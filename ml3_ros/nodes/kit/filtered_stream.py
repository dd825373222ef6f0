# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Filtered joint states: adds accelerations to a stream of them by a Savitzky-Golay filter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from sensor_msgs.msg import JointState

from ml3_ros.data.filters import AccelerationFilter, Array, FilteredSample
from ml3_ros.errors import ConfigError, MessageError
from ml3_ros.nodes.kit.intake.sources import ArmSource, SecondPublisherError
from ml3_ros.nodes.kit.intake.velocities import StreamVelocities
from ml3_ros.nodes.kit.joint_stream import JointStream, OtherDeviceError
from ml3_ros.nodes.kit.parameters.annotated import Param
from ml3_ros.nodes.kit.parameters.names import NameParameters
from ml3_ros.nodes.kit.rclpy_versions import MessageInfo
from ml3_ros.nodes.messages.joint_states import NANO, JointSample, listed

HIGHEST_RATE = 2000.0  # [Hz]
RATE_TOLERANCE = 0.2  # a stream that is further from its announced rate is rejected
QUICK_TOLERANCE = 0.5  # likewise while its rate is known roughly
ROUNDING = 1e-6  # of the period: smaller changes are rounding
CHECKED_EVERY = 2.0  # [s] of the stream
LEAST_SHARE = 0.9  # of the samples received that must be used


@dataclass(frozen=True, kw_only=True)
class FilterParameters(NameParameters):
    """The rate of the joint states, and the filter that differentiates them."""

    rate: Annotated[
        float,
        Param("rate at which joint_states come; 0: it is measured [Hz]", (0.0, HIGHEST_RATE)),
    ] = 0.0
    filter_seconds: Annotated[
        float,
        Param(
            "length of the Savitzky-Golay filter that gives accelerations, at low rates at least "
            "as many samples as its polynomial needs; lengthen it where stamps are uneven [s]",
            (0.01, 1.0),
        ),
    ] = 0.2
    filter_order: Annotated[
        int, Param("order of the polynomial that the filter fits [-]", (2, 5))
    ] = 3


class FilteredStream:
    """A JointStream behind a Savitzky-Golay filter; the result is half a window late.

    The sampling period is measured, and that of `rate` only until it is known to a percent.
    Velocities that are never filled are taken from positions, see `StreamVelocities`.

    Attributes:
        stream: What is read.
        rate: Of the stream [Hz]; 0 before it is known.
        share: Of the samples received lately, those that came out [-].
        newest: The newest joint state with velocities, as it was measured, if the last message
            brought one; else None.
        complaint: What is wrong if these are few, and what to do; "" while all is well.
    """

    def __init__(
        self,
        names: Sequence[str],
        counts: Counter[str],
        parameters: FilterParameters,
        report: Callable[[str], object] = lambda sentence: None,
        source: ArmSource | None = None,
    ) -> None:
        """Read the joints `names`; see `JointStream`."""
        self.stream = JointStream(
            names, counts, parameters.rename, report, source, any_velocity=True
        )
        self._velocities = StreamVelocities(names, report)
        self.rate = 0.0
        self.share = 1.0
        self.complaint = ""
        self.newest: JointSample | None = None
        self._announced = parameters.rate
        self._seconds, self._order = parameters.filter_seconds, parameters.filter_order
        self._filter: AccelerationFilter | None = None
        self._period = 0.0  # of the filter [s]
        self._restarts = 0  # of the stream, that the filter knows of
        self._received = self._used = 0  # since the last check
        self._checked: float | None = None  # when that was [s]
        self._began = False  # samples have come out
        self._reason = "the window of the filter has not filled yet"

    @property
    def resets(self) -> int:
        """How often a gap in time emptied the filter."""
        return self._filter.resets if self._filter is not None else 0

    def diagnostic_values(self) -> dict[str, object]:
        """Return what /diagnostics shows of the stream."""
        return {
            "share of samples used": self.share,
            "filter resets": self.resets,
            "jitter of stamps [ms]": 1e3 * self.stream.pace.jitter / NANO,
            "velocities from positions": self._velocities.listed(),
        }

    def read(self, msg: JointState, info: MessageInfo | None = None) -> list[FilteredSample]:
        """Return the samples whose window is complete, timed from the stream's beginning [s].

        Returns:
            One as a rule; none while the window fills.

        Raises:
            MessageError: The message must not be used.
            ConfigError: The messages come at another rate than announced, or at none of a robot.
        """
        self._received += 1
        try:
            sample = self.stream.read(msg, info)
        except (OtherDeviceError, SecondPublisherError):
            self._received -= 1  # it is none of the arm's
            raise
        except MessageError as error:
            self._reason = str(error)
            raise
        t = self.stream.seconds(sample.stamp)
        samples = self._push(t, sample.q, sample.v, sample.tau)
        self._used += len(samples)
        self._check_share(t, bool(samples))
        return samples

    def _push(self, t: float, *signals: Array) -> list[FilteredSample]:
        self._measure()
        self.newest = None
        if self._filter is None:
            if not self.stream.unfilled.any():
                self._note(t, *signals)
            return []
        resets, thin = self._filter.resets, self._filter.thin
        if self.stream.restarts > self._restarts:  # a long window would reach across
            self._reset("the source was restarted, or its clock was set")
        self._restarts = self.stream.restarts
        if self._velocities.change(self.stream.unfilled, self._period):
            self._reset("velocities of other joints are taken from positions")
            self._began = False  # the window fills anew, of which nobody needs to complain
        samples = []
        for signals_at in self._velocities.push(t, *signals):
            self._note(*signals_at)
            samples += self._filter.push(*signals_at)
        if self._filter.resets > resets:
            self._reason = self._filter.last_reset
        elif self._filter.thin > thin:
            self._reason = "too few samples are around those that are left out"
        return samples

    def _note(self, t: float, q: Array, v: Array, tau: Array) -> None:
        self.newest = JointSample(stamp=self.stream.stamp(t), q=q, v=v, tau=tau)

    def _reset(self, reason: str) -> None:
        assert self._filter is not None
        self._velocities.reset()
        self._filter.reset(reason)

    def _measure(self) -> None:
        """Make the filter as soon as there is a rate, and keep its period up to date."""
        period, pace = self.stream.period, self.stream.pace
        if period is not None:
            self._check(period, RATE_TOLERANCE if pace.settled else QUICK_TOLERANCE)
        if self._announced and not pace.settled:
            period = 1.0 / self._announced
        if period is None or abs(period - self._period) <= ROUNDING * period:
            return
        self._period, self.rate = period, self._announced or round(1.0 / period, 1)
        if self._filter is None:
            n = len(self.stream.names)
            self._filter = AccelerationFilter(n, period, self._seconds, self._order)
        else:
            self._filter.retime(period)
            self._velocities.retime(period)

    def _check(self, period: float, tolerance: float) -> None:
        if period * (1.0 + tolerance) < 1.0 / HIGHEST_RATE:
            self.stream.pace.clear()
            raise ConfigError(
                f"joint_states are stamped {period:.3g} s apart, which is no rate of a robot: "
                "check the clock of the arm's driver"
            )
        if self._announced and abs(self._announced * period - 1.0) > tolerance:
            raise ConfigError(
                f"joint_states come at {1.0 / period:.1f} Hz but the parameter `rate` is "
                f"{self._announced:g}: set it to that, or to 0.0 to have it measured"
            )

    def _check_share(self, t: float, some: bool) -> None:
        """Complain unless enough of what came since the last check came out."""
        if self._checked is None or (some and not self._began):
            self._began = self._began or some
            self._received, self._used, self._checked = 0, 0, t
        if t - self._checked < CHECKED_EVERY or not self._received:
            return
        self.share = min(self._used / self._received, 1.0)
        self.complaint = self._sentence(t - self._checked) if self.share < LEAST_SHARE else ""
        self._received, self._used, self._checked = 0, 0, t

    def _sentence(self, seconds: float) -> str:
        jitter = 1e3 * self.stream.pace.jitter / NANO
        return (
            f"only {100.0 * self.share:.0f} % of the last {seconds:.1f} s of joint_states "
            f"({listed(self.stream.names)}) can be used: {self._reason}; they come at "
            f"{self.rate:.1f} Hz, their stamps are off an even clock by {jitter:.2f} ms: let the "
            "driver stamp samples where it measures them and lose none, or lengthen "
            "`filter_seconds`"
        )
