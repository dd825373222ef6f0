"""Curves of one setting of the inverse-dynamics experiment, kept in a file once measured."""

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml3_ros.files import write_atomically


@dataclass(frozen=True, slots=True)
class Panel:
    """Curves of one mode on one kind of robot.

    Attributes:
        x: Gradient steps, (C,).
        horizon: Steps that the losses were meta-trained for.
        nmse: Per method (seeds, tasks, C, n).
        step_sizes: Chosen step size of each tuned baseline.
    """

    x: tuple[int, ...]
    horizon: int
    nmse: dict[str, NDArray[np.float64]]
    step_sizes: dict[str, float]


def save_panel(path: Path, panel: Panel, fingerprint: str) -> None:
    """Write a panel; `fingerprint` tells what it was measured with."""
    header = {
        "fingerprint": fingerprint,
        "x": panel.x,
        "horizon": panel.horizon,
        "step_sizes": panel.step_sizes,
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, header=np.array(json.dumps(header)), **panel.nmse)
    write_atomically(path, buffer.getvalue())


def load_panel(path: Path, fingerprint: str) -> Panel | None:
    """Return the panel in `path` if it is whole and was measured with the same things."""
    try:
        with np.load(path, allow_pickle=False) as file:
            header = json.loads(str(file["header"]))
            curves = {name: file[name] for name in file.files if name != "header"}
        if header["fingerprint"] != fingerprint:
            return None
        return Panel(tuple(header["x"]), header["horizon"], curves, header["step_sizes"])
    except Exception:  # a damaged archive raises almost anything; it is measured anew
        return None
