# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Friction of the classical fit as YAML, and as parameters of the simulated arm.

The files are the templates `friction.yaml.j2` and `sim_arm.yaml.j2` beside this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray

from ml3_ros.errors import DataError
from ml3_ros.files import user_path, write_atomically
from ml3_ros.identification.confidence.sandwich import LEVEL
from ml3_ros.identification.models.friction_fit import COEFFICIENTS, NEWTON_METRES

Array = NDArray[np.float64]

_TEXTS = Environment(  # YAML behind a header, no HTML
    loader=PackageLoader(__package__, "."),
    autoescape=False,
    undefined=StrictUndefined,
    trim_blocks=True,
)
# A joint's name may hold a line break, at which a comment would end.
_TEXTS.filters["comma_list"] = lambda names: " ".join(", ".join(names).split())


def friction_text(
    names: Sequence[str], coefficients: Array, intervals: Array | None = None
) -> str:
    """Return friction.yaml: gain, viscous, coulomb and offset (n, 4), intervals (n, 4, 2)."""
    joints: dict[str, dict[str, object]] = {}
    for j, name in enumerate(names):
        joints[str(name)] = dict(zip(COEFFICIENTS, map(_short, coefficients[j]), strict=True))
        if intervals is not None:
            joints[str(name)]["intervals"] = {
                key: [_short(low), _short(high)]
                for key, (low, high) in zip(COEFFICIENTS, intervals[j], strict=True)
            }
    content = yaml.safe_dump(
        {"joints": joints}, sort_keys=False, allow_unicode=True, default_flow_style=None
    )
    return _TEXTS.get_template("friction.yaml.j2").render(
        content=content, level=None if intervals is None else f"{100.0 * LEVEL:.0f}"
    )


def sim_arm_text(names: Sequence[str], coefficients: Array) -> str:
    """Return a parameter file for the node sim_arm; no friction is below zero."""
    gain, viscous, coulomb, _ = np.asarray(coefficients).T
    low, high = NEWTON_METRES
    parameters = {
        "viscous": [max(0.0, _short(x)) for x in viscous],
        "coulomb": [max(0.0, _short(x)) for x in coulomb],
    }
    return _TEXTS.get_template("sim_arm.yaml.j2").render(
        names=names,
        foreign=[str(n) for n, g in zip(names, gain, strict=True) if not low <= g <= high],
        low=f"{low:g}",
        high=f"{high:g}",
        content=yaml.safe_dump({"/**": {"ros__parameters": parameters}}, sort_keys=False),
    )


def save_friction(
    folder: Path, names: Sequence[str], coefficients: Array, intervals: Array | None = None
) -> tuple[Path, Path]:
    """Write friction.yaml and sim_arm.yaml into `folder`; return their paths."""
    paths = (folder / "friction.yaml", folder / "sim_arm.yaml")
    write_atomically(paths[0], friction_text(names, coefficients, intervals).encode())
    write_atomically(paths[1], sim_arm_text(names, coefficients).encode())
    return paths


def load_friction(path: str | Path) -> tuple[tuple[str, ...], Array]:
    """Read friction.yaml: joint names and coefficients (n, 4) in the order of COEFFICIENTS.

    Raises:
        DataError: It is missing, or not such a file.
    """
    try:
        joints = yaml.safe_load(user_path(path).read_text(encoding="utf-8"))["joints"]
        rows = [[float(joint[key]) for key in COEFFICIENTS] for joint in joints.values()]
        coefficients = np.array(rows).reshape(len(rows), len(COEFFICIENTS))
    except (OSError, yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read as friction.yaml ({error}): let `ml3 identify` write it"
        ) from error
    return tuple(joints), coefficients


def _short(value: float) -> float:
    """Return six significant digits: more are not known."""
    return float(f"{value:.6g}")
