# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""External torques of a run's own recording: what was told, and what simulated hands really did.

Messages are decoded by the installed definitions, never by those that a bag carries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rosbags.typesys import Stores, get_typestore

from ml3_ros.data.bags.files import Opened, damaged, storages
from ml3_ros.data.bags.writer import learn_definition
from ml3_ros.errors import DataError

Array = NDArray[np.float64]
EXTERNAL_TORQUE, INERTIA = "ml3_msgs/msg/ExternalTorque", "geometry_msgs/msg/InertiaStamped"
TOLD, TRUTH, PAYLOAD = "external_torque", "sim_arm/external_torque", "sim_arm/payload"
"""Topics, without their namespace."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ExternalTorques:
    """External torque at joint states: `stamps` (K,) [ns], increasing, and (K, n) arrays.

    `torque` and its standard deviation `std` [N m], and whether each joint was `touched`.
    """

    stamps: NDArray[np.int64]
    torque: Array
    std: Array
    touched: NDArray[np.bool_]

    def at(self, stamps: NDArray[np.int64]) -> Array:
        """Return the torque (T, n) [N m] at other stamps, interpolated between joint states."""
        origin = self.stamps[0]
        t, own = (stamps - origin) / 1e9, (self.stamps - origin) / 1e9
        columns = [np.interp(t, own, column) for column in self.torque.T]
        return np.stack(columns, axis=1)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Touches:
    """What touched an arm in a recording.

    Attributes:
        told: By contact_observer.
        truth: By the simulated arm; None of a real one.
        payloads: When the payload of a simulated arm changed, and to what: stamp [ns], mass [kg].
    """

    told: ExternalTorques
    truth: ExternalTorques | None
    payloads: tuple[tuple[int, float], ...]


def read_touches(path: Path, joints: Sequence[str]) -> Touches | None:
    """Read what touched an arm; None where the recording has no external torques of its joints.

    Args:
        path: Bag folder.
        joints: Order of the arrays.

    Raises:
        DataError: The bag is damaged, or ml3_msgs is not installed.
    """
    messages: dict[str, list[Any]] = {TOLD: [], TRUTH: [], PAYLOAD: []}
    for topic, message in _messages(path):
        messages[topic].append(message)
    told = _torques(messages[TOLD], joints)
    if told is None:
        return None
    return Touches(
        told=told,
        truth=_torques(messages[TRUTH], joints),
        payloads=tuple((_stamp(msg), float(msg.inertia.m)) for msg in messages[PAYLOAD]),
    )


def _messages(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield (topic, message) of the topics above."""
    types = get_typestore(Stores.ROS2_KILTED)
    # the name of TRUTH ends like that of TOLD, and as the later one it counts
    wanted = {TOLD: EXTERNAL_TORQUE, TRUTH: EXTERNAL_TORQUE, PAYLOAD: INERTIA}
    for file in storages(path):
        with Opened(file) as reader:
            topics = {
                connection.topic: topic
                for connection in reader.connections
                for topic, msgtype in wanted.items()
                if f"/{connection.topic}".endswith(f"/{topic}") and connection.msgtype == msgtype
            }
            connections = [c for c in reader.connections if c.topic in topics]
            if not connections:  # without any the reader would return all messages
                continue
            for connection in connections:
                learn_definition(types, connection.msgtype)
            for connection, _, raw in reader.messages(connections=connections):
                try:
                    message = types.deserialize_cdr(raw, connection.msgtype)
                except Exception as error:  # a message cut short can raise nearly anything
                    raise damaged(path, error) from error
                yield topics[connection.topic], message


def _stamp(message: Any) -> int:
    stamp = message.header.stamp
    return int(stamp.sec) * 10**9 + int(stamp.nanosec)


def _torques(messages: list[Any], joints: Sequence[str]) -> ExternalTorques | None:
    kept = [message for message in messages if list(message.joint_names) == list(joints)]
    if not kept:
        return None
    stamps = np.array([_stamp(message) for message in kept], dtype=np.int64)
    order = np.unique(stamps, return_index=True)[1]
    try:
        arrays = {
            name: np.stack([getattr(kept[i], name) for i in order])
            for name in ("torque", "std", "touched")
        }
    except ValueError as error:
        raise DataError(f"external torques of different lengths: {error}; record anew") from error
    return ExternalTorques(
        stamps=stamps[order],
        torque=arrays["torque"].astype(float),
        std=arrays["std"].astype(float),
        touched=arrays["touched"].astype(bool),
    )
