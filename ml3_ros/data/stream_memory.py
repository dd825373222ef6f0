# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Newest samples of a stream, each with its rigid-body prior where that is known."""

from __future__ import annotations

from collections import deque

import numpy as np

from ml3_ros.data.filters import FilteredSample
from ml3_ros.errors import DataError

PRIORS_KEPT = 1000  # that wait for the filter, which is late by half its window


class StreamMemory:
    """Keeps the newest samples, and pairs each with the prior of the very same stamp.

    Attributes:
        seconds: How long a sample is kept [s].
    """

    def __init__(self, seconds: float) -> None:
        """Keep the samples of the last `seconds` [s]."""
        self.seconds = seconds
        self._samples: deque[tuple[FilteredSample, tuple[np.ndarray, np.ndarray] | None]]
        self._samples = deque()
        self._priors: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def add_prior(self, stamp: int, M: np.ndarray, nle: np.ndarray) -> None:
        """Keep M [kg m^2] (n, n) and nle [N m] (n,) of the joint state stamped `stamp` [ns]."""
        self._priors[stamp] = (M, nle)
        if len(self._priors) > PRIORS_KEPT:
            del self._priors[next(iter(self._priors))]

    def add(self, stamp: int, sample: FilteredSample) -> None:
        """Keep a sample; `stamp` [ns] is that of its joint state."""
        self._samples.append((sample, self._priors.pop(stamp, None)))
        while self._samples[0][0].t < sample.t - self.seconds:
            self._samples.popleft()

    def count(self, *, with_prior: bool) -> int:
        """Return the number of samples, or of those whose prior is known."""
        if not with_prior:
            return len(self._samples)
        return sum(prior is not None for _, prior in self._samples)

    def arrays(self, newest: int, *, with_prior: bool) -> dict[str, np.ndarray]:
        """Return q, v, a, tau (T, n), and with the prior inertia (T, n, n) and nle (T, n).

        Args:
            newest: Largest T; older samples are left out.
            with_prior: Take only samples whose prior is known, and give it.

        Raises:
            DataError: There are none.
        """
        rows = [row for row in self._samples if row[1] is not None or not with_prior][-newest:]
        if not rows:
            raise DataError("no samples have come: let the arm move and stream joint_states")
        arrays = {
            name: np.stack([getattr(sample, name) for sample, _ in rows])
            for name in ("q", "v", "a", "tau")
        }
        if with_prior:
            arrays["inertia"] = np.stack([prior[0] for _, prior in rows if prior])
            arrays["nle"] = np.stack([prior[1] for _, prior in rows if prior])
        return arrays
