# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""An emulated Sawyer on the executor of a test."""

from __future__ import annotations

import pytest

from test.node.sawyer_emulator.bench import Client


@pytest.fixture
def robot(graph, messages):
    return Client(graph, messages)
