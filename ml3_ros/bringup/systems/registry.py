# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Registry of the systems: each by the name that `ml3 up` and its launch file know it by."""

from __future__ import annotations

from ml3_ros.bringup.systems.invdyn import REACHER_INVDYN, REPLAY, SAWYER_INVDYN
from ml3_ros.bringup.systems.motion import ARM_MOTION
from ml3_ros.bringup.systems.observe import OBSERVE
from ml3_ros.bringup.systems.reach import REACHER_REACH
from ml3_ros.bringup.systems.ros2_control import with_ros2_control
from ml3_ros.bringup.systems.touch import SAWYER_TOUCH
from ml3_ros.bringup.systems.track import SAWYER_TRACK
from ml3_ros.bringup.systems.work import SAWYER_WORK

SYSTEMS = {
    system.name: system
    for system in (
        with_ros2_control(SAWYER_INVDYN),
        REACHER_INVDYN,
        with_ros2_control(SAWYER_TRACK),
        SAWYER_TOUCH,
        SAWYER_WORK,
        ARM_MOTION,
        REPLAY,
        OBSERVE,
        REACHER_REACH,
    )
}
