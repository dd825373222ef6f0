# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Quality-of-service profiles of the topics: depth, reliability, and what late subscribers get."""

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

RELIABLE_100 = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
RELIABLE_10 = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
# For samples that must not be lost, on both sides: 10 s of a stream at 500 Hz. Fast DDS repeats
# lost ones only every 3 s, and subscribers may be busy, or be kept waiting, as well.
RELIABLE_5000 = QoSProfile(depth=5000, reliability=ReliabilityPolicy.RELIABLE)
BEST_EFFORT_5000 = QoSProfile(depth=5000, reliability=ReliabilityPolicy.BEST_EFFORT)
RELIABLE_1 = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
SENSOR_1 = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
LATCHED_1 = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
LATCHED_100 = QoSProfile(
    depth=100,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
LATCHED_10 = QoSProfile(
    depth=10,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
LATCHED_20 = QoSProfile(
    depth=20,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)


def stream_qos(reliable: bool) -> QoSProfile:
    """Return the profile of who reads joint states; not reliable, it hears every driver."""
    return RELIABLE_5000 if reliable else BEST_EFFORT_5000
