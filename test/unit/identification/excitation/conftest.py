# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A motion of the planar arm, found once."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.identification.excitation.knowledge import known_before
from ml3_ros.identification.excitation.limits import MotionLimits
from ml3_ros.identification.excitation.search import SearchConfig, most_telling_motion
from ml3_ros.identification.excitation.series import FourierSeries

START = np.array([0.3, -0.5])


@pytest.fixture(scope="session")
def series():
    return FourierSeries(start=START, seconds=10.0, highest=0.8)


@pytest.fixture(scope="session")
def limits(model):
    return MotionLimits.of(model.limits, START, reach=1.0, acceleration=5.0)


@pytest.fixture(scope="session")
def known(model):
    return known_before(model, START)


@pytest.fixture(scope="session")
def quick():
    return SearchConfig(starts=2, first=8, iterations=20)


@pytest.fixture(scope="session")
def motion(model, series, limits, known, quick):
    return most_telling_motion(model, series, limits, known, quick)
