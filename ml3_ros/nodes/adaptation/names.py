# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Names of the topics adaptation/METHOD: one a method, so that each is a curve in a plot."""

from __future__ import annotations

import re
from collections.abc import Iterable

BASE = "adaptation"
LONGEST = 100  # characters of a method's name in its topic; ROS allows 255 in all


def topics_of(methods: Iterable[str]) -> dict[str, str]:
    """Return the topic of every method, relative and all different.

    A name is kept where it may be part of a topic's name. Else what may not be is replaced by "_",
    and methods that would share a topic are numbered.
    """
    topics: dict[str, str] = {}
    taken: set[str] = set()
    for method in methods:
        name = first = _valid(method)
        number = 1
        while name in taken:
            number += 1
            name = f"{first}_{number}"
        taken.add(name)
        topics[method] = f"{BASE}/{name}"
    return topics


def _valid(method: str) -> str:
    name = re.sub(r"[^A-Za-z0-9]+", "_", method).strip("_")[:LONGEST]
    return name if name[:1].isalpha() else f"method_{name}".rstrip("_")
