# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What all runs of the small tracking experiment share, prepared once."""

from __future__ import annotations

import pytest

from ml3_ros.experiments.tracking.run import Bench
from test.unit.experiments.tracking.small import SMALL


@pytest.fixture(scope="module")
def bench():
    return Bench(SMALL)
