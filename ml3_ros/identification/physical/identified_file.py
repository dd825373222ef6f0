# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""File of an identified arm, `identified.json`: numbers and names, read without running code.

It holds the arm's URDF without shapes, so that nothing else is needed to use it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from ml3_ros.errors import DataError, RobotError
from ml3_ros.files import user_path, write_atomically
from ml3_ros.identification.physical.identified import IdentifiedArm
from ml3_ros.identification.physical.terms import Term
from ml3_ros.robots.base import RobotDescription
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.reading.xml_files import parse_root
from ml3_ros.robots.registry import load_urdf
from ml3_ros.robots.urdf import urdf_text

FORMAT, VERSION = "ml3_identified_arm", 1
_PARAMETERS = ("m", "mcx", "mcy", "mcz", "Ixx", "Ixy", "Iyy", "Ixz", "Iyz", "Izz")


def bare_urdf(description: RobotDescription) -> str:
    """Return the URDF of an arm without shapes and without what other programs add to it."""
    root = parse_root(urdf_text(description).encode(), str(description.path))
    for link in root.findall("link"):
        for tag in ("visual", "collision"):
            for element in link.findall(tag):
                link.remove(element)
    for child in list(root):
        if child.tag not in ("link", "joint"):
            root.remove(child)
    return ElementTree.tostring(root, encoding="unicode")


def described(arm: IdentifiedArm, description: RobotDescription) -> IdentifiedArm:
    """Return the arm with what is needed to compute its regressor again."""
    return replace(
        arm, name=description.name, urdf=bare_urdf(description), gravity=description.gravity
    )


def model_of(arm: IdentifiedArm) -> PinocchioModel:
    """Return the rigid-body model of an arm that carries its URDF.

    Raises:
        DataError: The URDF does not describe the arm's joints.
    """
    try:
        description = load_urdf(
            arm.urdf, f"the URDF of {arm.name}", joints=arm.names, simulated=False
        )
        model = PinocchioModel(replace(description, gravity=arm.gravity))
    except RobotError as error:
        raise DataError(f"the identified arm's URDF cannot be used: {error}") from error
    if model.names != arm.names:
        raise DataError(
            f"the identified arm's URDF has the joints {', '.join(model.names)}, its parameters "
            f"are of {', '.join(arm.names)}: identify the arm again"
        )
    return model


def save_identified(path: Path, arm: IdentifiedArm) -> None:
    """Write an arm.

    Raises:
        DataError: The file cannot be written.
    """
    joints = {}
    for j, name in enumerate(arm.names):
        joints[name] = {
            "link": dict(zip(_PARAMETERS, map(float, arm.links[j]), strict=True)),
            "gain": float(arm.gains[j]),
            "noise": float(arm.noise[j]),
            "friction": [
                {"term": t.kind, "numbers": list(t.numbers), "coefficient": float(c)}
                for t, c in zip(arm.terms[j], arm.coefficients[j], strict=True)
            ],
        }
    content = {
        "format": FORMAT,
        "version": VERSION,
        "name": arm.name,
        "scale_spread": float(arm.scale_spread),
        "gravity": arm.gravity.tolist(),
        "joints": joints,
        "urdf": arm.urdf,
    }
    write_atomically(path, (json.dumps(content, indent=1, allow_nan=False) + "\n").encode())


def load_identified(path: str | Path) -> IdentifiedArm:
    """Read an arm.

    Raises:
        DataError: The file is missing, or no such file, or of another version; or an inertia in it
            is of no body.
    """
    advice = "give the identified.json that `ml3 identify` wrote"
    try:
        content = json.loads(
            user_path(path).read_text(encoding="utf-8"), parse_constant=_no_number
        )
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read ({error}): {advice}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise DataError(f"{path} is no identified arm: {advice}")
    if content.get("version") != VERSION:
        raise DataError(
            f"{path} is of version {content.get('version')}, this ml3_ros reads {VERSION}: "
            "identify the arm again"
        )
    try:
        return _arm(content)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path} is damaged ({type(error).__name__} {error}): {advice}") from error


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number")


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    number = float(value)
    if not np.isfinite(number):
        raise ValueError(f"{value!r} is not finite")
    return number


def _arm(content: dict[str, Any]) -> IdentifiedArm:
    joints = content["joints"]
    terms, coefficients = [], []
    for joint in joints.values():
        friction = joint["friction"]
        terms.append(
            tuple(Term(str(f["term"]), *[_number(x) for x in f["numbers"]]) for f in friction)
        )
        coefficients.append(np.array([_number(f["coefficient"]) for f in friction]))
    gains = np.array([_number(joint["gain"]) for joint in joints.values()])
    noise = np.array([_number(joint["noise"]) for joint in joints.values()])
    if not ((gains > 0.0).all() and (noise > 0.0).all()):
        raise DataError("gains and noise must be > 0")
    gravity = np.array([_number(x) for x in content["gravity"]])
    if gravity.shape != (3,):
        raise DataError("gravity must be three numbers")
    return IdentifiedArm(
        name=str(content["name"]),
        names=tuple(joints),
        links=np.array([[_number(j["link"][k]) for k in _PARAMETERS] for j in joints.values()]),
        gains=gains,
        terms=tuple(terms),
        coefficients=tuple(coefficients),
        noise=noise,
        urdf=str(content["urdf"]),
        gravity=gravity,
        scale_spread=max(0.0, _number(content["scale_spread"])),
    )
