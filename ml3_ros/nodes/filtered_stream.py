"""Joint states in, samples with accelerations out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sensor_msgs.msg import JointState

from ml3_ros.errors import ConfigError
from ml3_ros.nodes.joint_stream import JointStream
from ml3_ros.nodes.parameters import Param, ParameterTable
from ml3_ros.robots.filters import AccelerationFilter, FilteredSample

HIGHEST_RATE = 2000.0  # [Hz]
RATE_TOLERANCE = 0.2  # a stream that is further from its announced rate is refused

FILTER_PARAMETERS = (
    Param(name="rate", default=0.0, help="joint states per second; 0: measured [Hz]",
          limits=(0.0, HIGHEST_RATE)),
    Param(name="filter_window", default=21, help="samples of the Savitzky-Golay filter, odd",
          limits=(5, 201), check=lambda n: None if n % 2 else "it must be odd"),
    Param(name="filter_order", default=3, help="its polynomial order", limits=(2, 5)),
)  # fmt: skip


class FilteredStream:
    """A JointStream behind a Savitzky-Golay filter; the result is half a window late.

    The sampling period is that of `rate`, or the median of the first steps.
    """

    def __init__(self, names: Sequence[str], counts: Counter[str], p: ParameterTable) -> None:
        """Read `names` as the FILTER_PARAMETERS in `p` say; lost samples are counted."""
        self.stream = JointStream(names, counts)
        self.rate = 0.0  # of the filter [Hz]; 0 before it is known
        self._announced = p["rate"]
        self._window, self._order = p["filter_window"], p["filter_order"]
        self._filter: AccelerationFilter | None = None

    @property
    def resets(self) -> int:
        """How often a gap in time emptied the filter."""
        return self._filter.resets if self._filter is not None else 0

    def read(self, msg: JointState) -> FilteredSample | None:
        """Return the sample at the centre of the window, timed from the stream's beginning [s].

        Returns:
            None while the window fills.

        Raises:
            MessageError: The message must not be used.
            ConfigError: The messages come at another rate than announced, or at none of a robot.
        """
        sample = self.stream.read(msg)
        if self._filter is None:
            if self.stream.period is None:
                return None
            self._filter = self._make_filter(self.stream.period)
        t = self.stream.seconds(sample.stamp)
        return self._filter.push(t, sample.q, sample.v, sample.tau)

    def _make_filter(self, period: float) -> AccelerationFilter:
        rate = self._announced or round(1.0 / period, 1)
        if not 0.0 < rate <= HIGHEST_RATE:
            raise ConfigError(
                f"joint_states are stamped {period:.3g} s apart, which is no rate of a robot: "
                "check the clock of the arm's driver"
            )
        if abs(rate * period - 1.0) > RATE_TOLERANCE:
            raise ConfigError(
                f"joint_states come at {1.0 / period:.1f} Hz but the parameter `rate` is "
                f"{rate:g}: set it to that, or to 0.0 to have it measured"
            )
        self.rate = rate
        n = len(self.stream.names)
        return AccelerationFilter(n, 1.0 / rate, self._window, self._order)
