# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of simulated people who touch an arm and load it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ml3_ros.nodes.kit.parameters.annotated import NodeParameters, Param
from ml3_ros.robots.pushes import Handling, Touch, TouchConfig, random_touches

PAUSE = (4.0, 6.0)  # between two touches [s]
SECONDS = (0.5, 3.0)  # that one lasts


@dataclass(frozen=True, kw_only=True)
class HandlingParameters(NodeParameters):
    """What simulated people do with the arm; by default, nothing."""

    touch_force: Annotated[
        float,
        Param(
            "largest force of people who lead the arm, lean on it and let go; 0: none [N]",
            (0, 200),
        ),
    ] = 0.0
    touch_after: Annotated[
        float, Param("robot time before the first of them comes [s]", (0, 3600))
    ] = 10.0
    touch_seconds: Annotated[
        float, Param("robot time after that in which they come [s]", (0, 86400))
    ] = 3600.0
    touch_seed: Annotated[
        int, Param("seed of when, where and how they touch it", (0, 2**31 - 1))
    ] = 0
    load: Annotated[
        float, Param("mass that is hung on the tool and taken off again; 0: none [kg]", (0, 20))
    ] = 0.0
    load_after: Annotated[float, Param("robot time after which it is hung on [s]", (0, 86400))] = (
        30.0
    )
    load_seconds: Annotated[float, Param("how long it stays [s]", (0.1, 86400))] = 30.0

    @property
    def handled(self) -> bool:
        """Whether anybody touches or loads the arm."""
        return self.touch_force > 0.0 or self.load > 0.0

    def handling(self, n_links: int, payload: float) -> Handling:
        """Return who does what, and when.

        Args:
            n_links: Of the arm.
            payload: At the tool without the load [kg].
        """
        touches: tuple[Touch, ...] = ()
        if self.touch_force > 0.0:
            force = (0.25 * self.touch_force, self.touch_force)
            config = TouchConfig(force=force, seconds=SECONDS, pause=PAUSE)
            start = max(0.0, self.touch_after - PAUSE[0])
            touches = random_touches(
                n_links, self.touch_seed, start, self.touch_after + self.touch_seconds, config
            )
        loads: tuple[tuple[float, float], ...] = ((0.0, payload),)
        if self.load > 0.0:
            off = self.load_after + self.load_seconds
            loads += ((self.load_after, payload + self.load), (off, payload))
        return Handling(touches, loads)
