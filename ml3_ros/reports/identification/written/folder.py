# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Folder `written/` beside the report: the identified arm in the formats of other programs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml3_ros.files import write_atomically
from ml3_ros.identification.physical.identified import IdentifiedArm
from ml3_ros.identification.physical.identified_file import save_identified
from ml3_ros.identification.split import Rows
from ml3_ros.reports.identification.written.controllers import (
    crisp_parameters,
    crisp_text,
    ur_text,
)
from ml3_ros.reports.identification.written.mjcf import identified_mjcf
from ml3_ros.reports.identification.written.urdf import identified_urdf

Array = NDArray[np.float64]
FOLDER = "written"
FILES = {  # what each is, in the order of the report
    "identified.json": "the whole model, for `ml3 payload --before` and for Python",
    "arm.urdf": "URDF with identified inertias, joint damping, friction, and rotors for ml3_ros",
    "arm.xml": "MJCF with them, and with rotor inertia as armature",
    "crisp_friction.yaml": "friction of crisp_controllers: fp1, fp2, fp3",
    "ur_friction_scales.yaml": "request of ur_msgs/srv/SetFrictionModelParameters",
}
UR_JOINTS = 6
MOVING = 0.02  # of a joint's fastest speed
ALWAYS = 10.0  # percentile of friction that counts as always there
_UR_HEAD = """\
# ros2 service call /friction_model_controller/set_friction_model_parameters \\
#   ur_msgs/srv/SetFrictionModelParameters "$(cat ur_friction_scales.yaml)"
# The share of the mean friction that is there in nine of ten samples, whatever load and direction:
# with the robot's own model right on the mean, this does not push. One recording does not show
# what that model is worth; record at two scales, and use
# ml3_ros.reports.identification.written.controllers.ur_scales.
"""


def written_files(arm: IdentifiedArm) -> dict[str, str]:
    """Return what each file is by name, of those that are written for an arm."""
    universal = len(arm.names) == UR_JOINTS
    return {name: text for name, text in FILES.items() if universal or not name.startswith("ur_")}


def save_written(
    folder: Path, arm: IdentifiedArm, urdf: str, rows: Rows, load: Array
) -> list[Path]:
    """Write the files; return their paths.

    Args:
        folder: Of the report.
        arm: As identified, with its bare URDF.
        urdf: The whole URDF, with shapes.
        rows: Of the recording: friction is written as it showed there.
        load: Rigid-body torque of the arm at the rows [N m], (R, n).

    Raises:
        DataError: A file cannot be written, or the URDF is of another arm.
    """
    simple = arm.simple_friction(rows.v, rows.a, rows.strain, load)
    out = folder / FOLDER
    texts = {
        "arm.urdf": identified_urdf(urdf, arm, simple),
        "arm.xml": identified_mjcf(arm, simple),
        "crisp_friction.yaml": crisp_text(_crisp(arm, rows, load, simple)),
    }
    if len(arm.names) == UR_JOINTS:
        texts["ur_friction_scales.yaml"] = _UR_HEAD + ur_text(
            *always_there(arm, rows, load, simple)
        )
    paths = [out / "identified.json"]
    save_identified(paths[0], arm)
    for name, text in texts.items():
        write_atomically(out / name, text.encode())
        paths.append(out / name)
    return paths


def _dissipating(arm: IdentifiedArm, rows: Rows, load: Array, simple: Array) -> Array:
    """Return the friction [N m] (R, n) without offset and rotor inertia."""
    friction = arm.friction(rows.v, rows.a, rows.strain, load) / arm.gains
    return np.asarray(friction - simple[:, 2] - simple[:, 3] * rows.a)


def _crisp(arm: IdentifiedArm, rows: Rows, load: Array, simple: Array) -> Array:
    return crisp_parameters(rows.v, _dissipating(arm, rows, load, simple))


def always_there(
    arm: IdentifiedArm, rows: Rows, load: Array, simple: Array
) -> tuple[Array, Array]:
    """Return the shares (n,) of viscous and Coulomb friction that are nearly always there."""
    friction = _dissipating(arm, rows, load, simple) * np.sign(rows.v)
    usual = simple[:, 0] * np.abs(rows.v) + simple[:, 1]
    scales = np.zeros((2, len(arm.names)))
    for j in range(len(arm.names)):
        speed = np.abs(rows.v[:, j])
        moves = speed > MOVING * speed.max()
        if not moves.any():
            continue
        share = friction[:, j] / np.maximum(usual[:, j], 1e-12)
        fast = speed > np.median(speed[moves])
        for k, part in enumerate((fast & moves, moves & ~fast)):
            if part.any():
                scales[k, j] = np.clip(np.percentile(share[part], ALWAYS), 0.0, 1.0)
    return scales[0], scales[1]
