# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Arms and random states that several tests use."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml3_ros.robots.base import Array, RobotDescription
from ml3_ros.robots.registry import load_robot

States = Callable[[RobotDescription, int], tuple[Array, Array, Array]]


@pytest.fixture(scope="session")
def sawyer() -> RobotDescription:
    return load_robot("sawyer")


@pytest.fixture(scope="session")
def reacher() -> RobotDescription:
    return load_robot("reacher")


@pytest.fixture(params=["sawyer", "reacher"])
def arm(request: pytest.FixtureRequest) -> RobotDescription:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def facts() -> dict[str, Any]:
    return json.loads(Path(__file__).with_name("sawyer_facts.json").read_text())


@pytest.fixture
def states() -> States:
    """Return q, v, a, each (count, n), anywhere inside the limits."""

    def draw(description: RobotDescription, count: int) -> tuple[Array, Array, Array]:
        rng = np.random.default_rng(7)
        limits, shape = description.limits, (count, description.nv)
        q = rng.uniform(limits.lower, limits.upper, shape)
        v = rng.uniform(-limits.velocity, limits.velocity, shape)
        a = rng.uniform(-limits.acceleration, limits.acceleration, shape)
        return q, v, a

    return draw
