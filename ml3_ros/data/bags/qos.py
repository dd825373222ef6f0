# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Quality of service of topics as a bag states it, for `ros2 bag play` to publish them with."""

from __future__ import annotations

from collections.abc import Sequence

from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)

FOREVER = QosTime(9_223_372_036, 854_775_807)  # RMW_DURATION_INFINITE: 2^63 - 1 ns


def reliable(depth: int) -> Qos:
    """Return what a reliable publisher that latches nothing offers, keeping the last `depth`."""
    return Qos(
        history=QosHistory.KEEP_LAST,
        depth=depth,
        reliability=QosReliability.RELIABLE,
        durability=QosDurability.VOLATILE,
        deadline=FOREVER,
        lifespan=FOREVER,
        liveliness=QosLiveliness.AUTOMATIC,
        liveliness_lease_duration=FOREVER,
        avoid_ros_namespace_conventions=False,
    )


def playable(profiles: Sequence[Qos]) -> tuple[Qos, ...]:
    """Return the profiles to state for a topic, from those that its publishers offer.

    A player publishes a topic once. Where the publishers differ, rosbag2 takes its default, which
    latches nothing; stated in their place is one profile, reliable, and latched if one of them is.
    """
    distinct = tuple(dict.fromkeys(profiles))
    # history and lifespan hold for the publisher alone: no subscription asks for them
    offers = {p._replace(history=QosHistory.UNKNOWN, depth=0, lifespan=FOREVER) for p in distinct}
    if len(offers) < 2:
        return distinct
    latched = any(p.durability is QosDurability.TRANSIENT_LOCAL for p in distinct)
    most = distinct[0]._replace(
        reliability=QosReliability.RELIABLE,
        durability=QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
        deadline=FOREVER,
        liveliness=QosLiveliness.AUTOMATIC,
        liveliness_lease_duration=FOREVER,
    )
    return (most,)
