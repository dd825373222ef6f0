# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Samples of a stream are kept with the prior of their own stamp."""

from __future__ import annotations

import numpy as np

from ml3_ros.data.filters import FilteredSample
from ml3_ros.data.stream_memory import StreamMemory


def test_samples_meet_the_prior_of_their_own_stamp():
    memory = StreamMemory(10.0)
    z = np.zeros(1)
    for k in range(5):
        if k != 2:
            memory.add_prior(k, np.full((1, 1), float(k)), np.full(1, 10.0 * k))
    for k in range(5):
        memory.add(k, FilteredSample(0.1 * k, z + k, z, z, z))
    assert memory.count(with_prior=False) == 5
    arrays = memory.arrays(3, with_prior=True)
    assert arrays["q"].ravel().tolist() == [1, 3, 4]
    assert arrays["inertia"].ravel().tolist() == [1, 3, 4]
    assert arrays["nle"].ravel().tolist() == [10, 30, 40]
    memory.add(9, FilteredSample(10.25, z, z, z, z))
    assert memory.count(with_prior=False) == 3  # older ones than 10 s are forgotten
