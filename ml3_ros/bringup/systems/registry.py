# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Registry of the systems: each by the name that `ml3 up` and its launch file know it by."""

from __future__ import annotations

from ml3_ros.bringup.systems.invdyn import REACHER_INVDYN, REPLAY, SAWYER_INVDYN
from ml3_ros.bringup.systems.reach import REACHER_REACH
from ml3_ros.bringup.systems.touch import SAWYER_TOUCH
from ml3_ros.bringup.systems.track import SAWYER_TRACK

SYSTEMS = {
    system.name: system
    for system in (
        SAWYER_INVDYN,
        REACHER_INVDYN,
        SAWYER_TRACK,
        SAWYER_TOUCH,
        REPLAY,
        REACHER_REACH,
    )
}
