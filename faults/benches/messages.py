# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Wrong messages on every topic that a node reads."""

from __future__ import annotations

from pathlib import Path

from faults.mutations.messages import KINDS
from faults.rig.result import Finding
from faults.rig.rig import Rig
from faults.scenes import arm, learners, reach, ros2_control, sawyer, tracking, watching
from faults.scenes.bombard import VARIANTS

COUNT, QUICK_COUNT = 300, 10
SCENES = (
    arm.scenes,
    tracking.scenes,
    learners.scenes,
    reach.scenes,
    sawyer.emulator,
    sawyer.driver,
    watching.scenes,
    ros2_control.emulator,
    ros2_control.bridge,
    ros2_control.commander,
)


def bench(folder: Path, quick: bool) -> Finding:
    """Bombard every node on every topic."""
    count = QUICK_COUNT if quick else COUNT
    rows = []
    for scenes in SCENES:
        with Rig(folder) as rig:
            for row in scenes(rig, count):
                print(f"  {row.what}: {row.measured}", flush=True)
                rows.append(row)
    return Finding(
        title="Wrong messages",
        method=(
            f"Each node runs as a process of its own and gets {count} wrong messages over DDS on "
            "every topic that it reads, and as many good ones among them, as fast as it reads "
            "them. Wrong ones are good ones with other "
            f"{', '.join(KINDS)}, or with damaged bytes, most of which the middleware itself "
            "drops; of those that carry a learned loss or model, two in three carry a wrong file "
            "that fits its checksum, most of them with a wrong value (NaN, infinity, booleans, "
            "10^400, lists of other lengths, ...) in some field of its header. "
            f"Of every message that comes, {VARIANTS} more variants are made in the node's "
            "process and given to the same callback, which makes more than 10,000 a topic. A Bool "
            "that only ends a run has no wrong value: it is sent alone. Then good messages come "
            "alone, and the node has to do its work again. Damaged packets of DDS itself are "
            "not part of it."
        ),
        rows=rows,
    )
