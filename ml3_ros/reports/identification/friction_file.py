"""Friction of the classical fit as YAML, and as parameters of the simulated arm."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from ml3_ros.errors import DataError
from ml3_ros.files import write_atomically
from ml3_ros.identification.checks import NEWTON_METRES
from ml3_ros.identification.models.friction_fit import COEFFICIENTS

Array = NDArray[np.float64]

_HEADER = """\
# Fitted to the blocks of a recording that were learned from, by joint:
#   effort = gain * tau_rbd + viscous * v + coulomb * sign(v) + offset
# tau_rbd [N m] is the torque of the rigid-body model, v [rad/s] the joint velocity.
# gain     [unit of the recorded effort per N m]
# viscous  [unit of the recorded effort, s/rad]
# coulomb  [unit of the recorded effort]
# offset   [unit of the recorded effort]
"""
_SIM_HEADER = """\
# Friction for the node sim_arm, joints in the order of the robot:
#   {names}
#   ros2 run ml3_ros sim_arm --ros-args --params-file sim_arm.yaml -p robot:=FILE.urdf
# viscous [N m s/rad] and coulomb [N m] are those of friction.yaml: right where the recorded effort
# is in N m. {doubt}
"""


def friction_text(names: Sequence[str], coefficients: Array) -> str:
    """Return friction.yaml: gain, viscous, coulomb and offset (n, 4) by joint."""
    joints = {
        str(name): dict(zip(COEFFICIENTS, map(_short, row), strict=True))
        for name, row in zip(names, coefficients, strict=True)
    }
    content: str = yaml.safe_dump({"joints": joints}, sort_keys=False, allow_unicode=True)
    return _HEADER + content


def sim_arm_text(names: Sequence[str], coefficients: Array) -> str:
    """Return a parameter file for the node sim_arm; friction below zero becomes none."""
    gain, viscous, coulomb, _ = np.asarray(coefficients).T
    low, high = NEWTON_METRES
    foreign = [str(n) for n, g in zip(names, gain, strict=True) if not low <= g <= high]
    doubt = "The gain of every joint says so."
    if foreign:
        doubt = f"Gains beyond {low:g} to {high:g} say otherwise, or nothing where the\n"
        doubt += f"# rigid-body torque is small, for {_one_line(foreign)}."
    parameters = {
        "viscous": [max(0.0, _short(x)) for x in viscous],
        "coulomb": [max(0.0, _short(x)) for x in coulomb],
    }
    header = _SIM_HEADER.format(names=_one_line(names), doubt=doubt)
    content: str = yaml.safe_dump({"/**": {"ros__parameters": parameters}}, sort_keys=False)
    return header + content


def save_friction(folder: Path, names: Sequence[str], coefficients: Array) -> tuple[Path, Path]:
    """Write friction.yaml and sim_arm.yaml into `folder`; return their paths."""
    paths = (folder / "friction.yaml", folder / "sim_arm.yaml")
    write_atomically(paths[0], friction_text(names, coefficients).encode())
    write_atomically(paths[1], sim_arm_text(names, coefficients).encode())
    return paths


def load_friction(path: str | Path) -> tuple[tuple[str, ...], Array]:
    """Read friction.yaml: joint names and coefficients (n, 4) in the order of COEFFICIENTS.

    Raises:
        DataError: It is missing, or not such a file.
    """
    try:
        joints = yaml.safe_load(Path(path).read_text(encoding="utf-8"))["joints"]
        rows = [[float(joint[key]) for key in COEFFICIENTS] for joint in joints.values()]
        coefficients = np.array(rows).reshape(len(rows), len(COEFFICIENTS))
    except (OSError, yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read as friction.yaml ({error}): let `ml3 identify` write it"
        ) from error
    return tuple(joints), coefficients


def _one_line(names: Sequence[str]) -> str:
    """Return names for a comment, which must not end where a name holds a line break."""
    return " ".join(", ".join(names).split())


def _short(value: float) -> float:
    """Return six significant digits: more are not known."""
    return float(f"{value:.6g}")
