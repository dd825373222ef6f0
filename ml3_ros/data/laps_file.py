# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Laps file: tracking error and feedforward of every lap that an arm made, in OUT/laps.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ml3_ros.errors import DataError
from ml3_ros.files import write_atomically

FILE = "laps.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Lap:
    """One lap along the reference, in the order in which they were made.

    Attributes:
        feedforward: "feedback_only", "rigid_body", or the method whose model was fed forward.
        ended: Time of the stream at its end [s].
        update: Gradient updates of that model by then [-].
        rms: Tracking error of each joint over the counted part [rad, m]; infinite where the arm
            was lost.
    """

    feedforward: str
    ended: float
    update: int
    rms: tuple[float, ...]


def save_laps(
    folder: Path, joint_names: Sequence[str], laps: Sequence[Lap], units: Sequence[str]
) -> None:
    """Write the file; `units` are those of the joints' positions, "rad" or "m".

    Raises:
        DataError: It cannot be written.
    """
    content = {
        "joint_names": list(joint_names),
        "units": list(units),
        "laps": [asdict(lap) for lap in laps],
    }
    write_atomically(folder / FILE, json.dumps(content, indent=1).encode() + b"\n")


def load_laps(folder: Path) -> tuple[tuple[str, ...], list[Lap], tuple[str, ...]]:
    """Return the joints' names, the laps, and the units of positions, "rad" or "m".

    Raises:
        DataError: There is no such file, or it is damaged.
    """
    path = folder / FILE
    try:
        content = json.loads(path.read_bytes())
        names = tuple(str(name) for name in content["joint_names"])
        laps = [Lap(**{**lap, "rms": tuple(map(float, lap["rms"]))}) for lap in content["laps"]]
        units = tuple(str(unit) for unit in content.get("units", ["rad"] * len(names)))
        if len(units) != len(names) or not set(units) <= {"rad", "m"}:
            raise ValueError(f"units {', '.join(units)}")
        if any(len(lap.rms) != len(names) for lap in laps):
            raise ValueError("laps of another number of joints")
    except OSError as error:
        raise DataError(f"cannot read {path} ({error.strerror}): run it again") from error
    except Exception as error:  # a damaged file raises anything
        raise DataError(f"{path} is damaged ({error}): run it again") from error
    return names, laps, units
