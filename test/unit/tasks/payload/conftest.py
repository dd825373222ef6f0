# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Streams of a few Sawyers that take up a body, short enough for tests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml3_ros.tasks.payload.simulated import LoadedConfig, simulate_loaded
from ml3_ros.tasks.touched.contacts import ContactConfig


def ridge(t, columns, torque):
    """Return a plain ridge fit, and what it leaves."""
    rows, p = columns.reshape(-1, columns.shape[-1]), columns.shape[-1]
    found = np.linalg.solve(rows.T @ rows + 1e-3 * len(t) * np.eye(p), rows.T @ torque.ravel())
    return found, (torque - columns @ found).std(0)


@pytest.fixture(scope="session")
def config():
    short = LoadedConfig(fitted_seconds=6.0, stretch_seconds=2.0, held_out_seconds=2.0)
    return replace(short, arm=replace(short.arm, contacts=ContactConfig(share=(0.3, 0.4))))


@pytest.fixture(scope="session")
def fit():
    return ridge


@pytest.fixture(scope="session")
def arms(config):
    return simulate_loaded(config, 3, 0, ridge)
