# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Interfaces of ros2_control for tests."""

from __future__ import annotations

import pytest

from ml3_ros.errors import ConfigError
from ml3_ros.nodes.messages.ros2_control import switch_controller_type
from test.node.ros2_control.bench import CONTROL_MESSAGES


@pytest.fixture(scope="session")
def control_messages() -> str:
    """Name of the stand-in for control_msgs and controller_manager_msgs."""
    try:
        switch_controller_type(CONTROL_MESSAGES)
    except ConfigError as error:
        pytest.fail(f"{error}\nrun `python3 tools/setup_env.py --tests`, as `make test` does")
    return CONTROL_MESSAGES
