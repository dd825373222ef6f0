# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""First samples of a stream: kept until learning begins, and the scales of an arm by them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np

from ml3_ros.data.filters import FilteredSample
from ml3_ros.learners.inverse_dynamics.units import Units

MOVING = 0.02  # velocity of some joint above which an arm moves [rad/s, m/s]
MOST = 5  # samples that are kept while the arm moves now and then, in units of those needed


class FirstSamples:
    """Samples that nothing has learned from yet; scales are measured on those in motion.

    An arm that stands still shows nothing but noise, by which every network would be misscaled.
    """

    def __init__(self, needed: int) -> None:
        """Measure scales on `needed` samples in motion."""
        self.needed = needed
        self.moving = 0  # samples in motion among those kept
        self._samples: deque[tuple[FilteredSample, bool]] = deque()

    def __iter__(self) -> Iterator[FilteredSample]:
        """Return the samples that are kept, in order."""
        return (sample for sample, _ in self._samples)

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._samples)

    @property
    def enough(self) -> bool:
        """Whether scales can be measured."""
        return self.moving >= self.needed

    def add(self, sample: FilteredSample) -> None:
        """Keep a sample."""
        moves = bool(np.abs(sample.v).max() > MOVING)
        self._samples.append((sample, moves))
        self.moving += moves

    def forget(self, most: int) -> None:
        """Let go the rest before the first motion, and what is older than the newest `most`."""
        while self._samples and (len(self._samples) > most or not self._samples[0][1]):
            self.moving -= self._samples.popleft()[1]

    def clear(self) -> None:
        """Begin anew."""
        self._samples.clear()
        self.moving = 0

    def units(self, joint_names: Sequence[str]) -> Units:
        """Return the standard deviations of what is in motion."""
        moving = [sample for sample, moves in self._samples if moves]
        v, a, tau = (np.stack([getattr(s, name) for s in moving]) for name in ("v", "a", "tau"))
        return Units.from_samples(joint_names, v, a, tau)
