# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recordings of a few touched Sawyers, short enough for tests."""

from __future__ import annotations

import pytest

from ml3_ros.robots.linear.arm import LinearArm
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.tasks.touched.contacts import ContactConfig
from ml3_ros.tasks.touched.simulated import TouchedConfig, simulate_touched

SHORT = TouchedConfig(
    contacts=ContactConfig(share=(0.3, 0.4)), support_seconds=8.0, held_out_seconds=3.0
)


@pytest.fixture(scope="session")
def config():
    return SHORT


@pytest.fixture(scope="session")
def arms():
    return simulate_touched(SHORT, 3, seed=0)


@pytest.fixture(scope="session")
def linear():
    return LinearArm(PinocchioModel(load_robot("sawyer")))
