# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Writer of MJCF from a rigid-body model: what MuJoCo simulates is what Pinocchio computes.

MuJoCo's own writer rounds to six digits, which a torque shows; this one does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ml3_ros.robots.base import JointLimits

if TYPE_CHECKING:
    import pinocchio

Array = NDArray[np.float64]
# Mass [kg] and moments [kg m^2] of links that have none: MuJoCo wants some of what moves.
_LEAST = 1e-12
_FAR = 1e9  # position limit [rad, m] in place of an infinite one beside a finite one


def mjcf_text(model: pinocchio.Model, name: str, limits: JointLimits, gravity: Array) -> str:
    """Return a MJCF of an arm alone, without shapes and actuators.

    Each joint has a body with all that it moves; frames are sites. Joints have the model's
    damping, frictionloss and armature.

    Args:
        model: Of the arm.
        name: Of the MJCF model.
        limits: Of its joints.
        gravity: Acceleration of free fall [m/s^2], (3,).
    """
    root = ElementTree.Element("mujoco", model=name)
    ElementTree.SubElement(
        root, "compiler", angle="radian", autolimits="true", balanceinertia="false"
    )
    ElementTree.SubElement(root, "option", gravity=_text(gravity))
    bodies = [ElementTree.SubElement(root, "worldbody")]
    for joint in range(1, model.njoints):
        place = model.jointPlacements[joint]
        body = ElementTree.SubElement(
            bodies[model.parents[joint]], "body", {"name": str(model.names[joint]), **_pose(place)}
        )
        bodies.append(body)
        _add_joint(body, model, joint, limits)
        _add_inertial(body, model.inertias[joint])
    taken: set[str] = set()
    # a site of the file comes before a body of that name
    for frame in sorted(model.frames.tolist(), key=lambda frame: frame.type.name == "BODY"):
        if frame.type.name in ("BODY", "OP_FRAME") and frame.name not in taken | {""}:
            taken.add(frame.name)
            ElementTree.SubElement(
                bodies[frame.parentJoint],
                "site",
                {"name": str(frame.name), **_pose(frame.placement)},
            )
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _add_joint(
    body: ElementTree.Element, model: pinocchio.Model, joint: int, limits: JointLimits
) -> None:
    i = joint - 1  # single joints: one number each, in their order
    motion = model.joints[joint]
    data = motion.createData()
    motion.calc(data, np.zeros(model.nq))
    subspace = np.array(data.S).ravel()
    slides = bool(subspace[:3].any())
    element = ElementTree.SubElement(
        body,
        "joint",
        name=str(model.names[joint]),
        type="slide" if slides else "hinge",
        axis=_text(subspace[:3] if slides else subspace[3:]),
        damping=_text(model.damping[i]),
        frictionloss=_text(model.friction[i]),
        armature=_text(model.armature[i]),
    )
    ends = np.array([limits.lower[i], limits.upper[i]])
    if np.isfinite(ends).any():
        element.set("range", _text(np.clip(ends, -_FAR, _FAR)))
    if np.isfinite(limits.effort[i]):
        element.set("actuatorfrcrange", _text(np.array([-1.0, 1.0]) * limits.effort[i]))


def _add_inertial(body: ElementTree.Element, inertia: pinocchio.Inertia) -> None:
    moments, axes = np.linalg.eigh(np.array(inertia.inertia))
    axes[:, 2] *= np.sign(np.linalg.det(axes))
    ElementTree.SubElement(
        body,
        "inertial",
        pos=_text(np.array(inertia.lever)),
        quat=_quat(axes),
        mass=_text(max(inertia.mass, _LEAST)),
        diaginertia=_text(_possible(moments)),
    )


def _possible(moments: Array) -> Array:
    """Return ascending moments that pass MuJoCo's check of A + B >= C, to the last digit."""
    low, middle, high = np.maximum(moments, _LEAST)
    return np.array([max(low, (high - middle) * (1.0 + 1e-15)), middle, high])


def _pose(place: pinocchio.SE3) -> dict[str, str]:
    return {"pos": _text(np.array(place.translation)), "quat": _quat(np.array(place.rotation))}


def _quat(turn: Array) -> str:
    return _text(np.roll(Rotation.from_matrix(turn).as_quat(), 1))


def _text(numbers: Array | float) -> str:
    return " ".join(f"{x:.17g}" for x in np.atleast_1d(numbers))
