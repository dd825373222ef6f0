# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How an arm came to a hold after each repetition of a fault, and its rows of the table."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from faults.rig.recoveries import spread
from faults.rig.result import Row

COMMAND_TIMEOUT_S, ROBOT_TIMEOUT_S, STATE_TIMEOUT_S = 0.05, 0.05, 0.02  # defaults of the driver
CYCLE_S = 1.0 / 500.0


@dataclass(slots=True)
class Holds:
    """What one kind of fault did, one number a repetition; times [s], travel [rad]."""

    begins: list[float] = field(default_factory=list)  # from the last command
    faults: int = 0  # of these by a fault, because joint states were late as well
    late_cycles: list[int] = field(default_factory=list)  # after the deadline, still commanding
    robot: list[float] = field(default_factory=list)  # from the last command: the robot holds
    watchdog: list[float] = field(default_factory=list)  # the same by the robot's own clock
    rest: list[float] = field(default_factory=list)  # from the last command
    travel: list[float] = field(default_factory=list)  # after the last command
    speed: list[float] = field(default_factory=list)  # at the last command [rad/s]
    held: int = 0
    repetitions: int = 0


def command_rows(name: str, holds: Holds) -> list[Row]:
    """Return the rows on how soon the driver began to stop the arm."""
    n = holds.repetitions
    complete = len(holds.begins) == n
    return [
        Row(
            f"{name}: last command to the driver's first damping one",
            f"{spread(holds.begins, 'ms', 1e3)}; {holds.faults} of {n} by a fault",
            f"{1e3 * COMMAND_TIMEOUT_S:g} ms and one cycle, at the median",
            complete and float(np.median(holds.begins)) <= COMMAND_TIMEOUT_S + CYCLE_S,
        ),
        Row(
            f"{name}: cycles that still commanded after the deadline",
            f"max {max(holds.late_cycles, default=0)}",
            "at most one",
            complete and max(holds.late_cycles, default=0) <= 1,
        ),
    ]


def robot_rows(name: str, holds: Holds) -> list[Row]:
    """Return the rows on how soon the robot held itself."""
    complete = len(holds.watchdog) == holds.repetitions
    return [
        Row(
            f"{name}: watchdog of the robot, by its own clock",
            spread(holds.watchdog, "ms", 1e3),
            f"robot_timeout {1e3 * ROBOT_TIMEOUT_S:g} ms and one cycle, at the median",
            complete and float(np.median(holds.watchdog)) <= ROBOT_TIMEOUT_S + CYCLE_S + 1e-6,
        ),
        Row(
            f"{name}: driver's last command to the robot's report that it holds",
            spread(holds.robot, "ms", 1e3),
        ),
    ]


def rest_rows(name: str, holds: Holds) -> list[Row]:
    """Return the rows on how the arm came to rest, and whether it was held."""
    n = holds.repetitions
    return [
        Row(f"{name}: last command to rest", spread(holds.rest, "ms", 1e3)),
        Row(
            f"{name}: farthest joint after the last command",
            f"{spread(holds.travel, 'rad')} (from up to {max(holds.speed, default=0):.2g} rad/s)",
        ),
        Row(f"{name}: held", f"{holds.held} of {n}", "every time", holds.held == n),
    ]
