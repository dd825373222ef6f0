# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Random moments for kills, of which half are amid the writing of a checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from faults.rig.waiting import until

WRITE_S = 15.0  # within this a checkpoint is being written
CHECK_S = 0.0005  # between checks for it: it is written within a few ms


def wait_for_a_moment(
    folder: Path,
    name: str,
    rng: np.random.Generator,
    enough: Callable[[], bool] = lambda: False,
) -> None:
    """Wait for a random while; then, every other time, until a checkpoint is being written."""
    time.sleep(rng.uniform(0.3, 1.5))
    if rng.uniform() < 0.5:
        return
    before = unfinished(folder, name)  # of those who were killed before
    until(lambda: enough() or unfinished(folder, name) - before, WRITE_S, CHECK_S)


def unfinished(folder: Path, name: str) -> set[Path]:
    """Return the files of `write_atomically` that are not in their place yet."""
    return set(folder.glob(f".{name}.safetensors.*.part"))
