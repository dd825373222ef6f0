"""An emulated Sawyer on the executor of a test."""

from __future__ import annotations

import pytest

from test.node.sawyer_emulator.bench import Client


@pytest.fixture
def robot(graph, messages):
    return Client(graph, messages)
