# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Session of ROS 2: starts rclpy for one command and shuts it down, on every version of it."""

from collections.abc import Iterator
from contextlib import contextmanager

import rclpy


@contextmanager
def ros_session() -> Iterator[None]:
    """Start rclpy, and shut it down at the end, whatever happens between."""
    rclpy.init()
    try:
        yield
    finally:
        rclpy.try_shutdown()
