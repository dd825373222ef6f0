# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Writer of MJCF from a URDF: inertias, and of each joint damping, frictionloss and armature.

MuJoCo's own writer rounds to six digits, which a torque shows; this one does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree

import mujoco
import numpy as np
from numpy.typing import NDArray

from ml3_ros.errors import RobotError

Array = NDArray[np.float64]
_KINDS = {int(mujoco.mjtJoint.mjJNT_HINGE): "hinge", int(mujoco.mjtJoint.mjJNT_SLIDE): "slide"}


def mjcf_text(urdf: str, name: str, gravity: Array, friction: Mapping[str, Array]) -> str:
    """Return a MJCF of an arm alone, without shapes.

    Args:
        urdf: Of the arm, without shapes.
        name: Of the model.
        gravity: Acceleration of free fall [m/s^2], (3,).
        friction: By joint: viscous [N m s/rad], Coulomb [N m], offset, rotor inertia [kg m^2],
            (4,); MJCF has no offset.

    Raises:
        RobotError: MuJoCo cannot read the URDF.
    """
    root = ElementTree.fromstring(urdf)
    extension = ElementTree.SubElement(root, "mujoco")
    # static links are kept, so that frames of tools are found by their names
    ElementTree.SubElement(extension, "compiler", fusestatic="false", balanceinertia="false")
    try:
        model = mujoco.MjModel.from_xml_string(ElementTree.tostring(root, encoding="unicode"))
        text = _written(model, name, gravity, friction)
        mujoco.MjModel.from_xml_string(text)
    except ValueError as error:
        raise RobotError(f"MuJoCo cannot read the arm {name}: {error}") from error
    return text


def _written(
    model: mujoco.MjModel, name: str, gravity: Array, friction: Mapping[str, Array]
) -> str:
    root = ElementTree.Element("mujoco", model=name)
    ElementTree.SubElement(root, "compiler", angle="radian", autolimits="true")
    ElementTree.SubElement(root, "option", gravity=_text(gravity))
    elements = {0: ElementTree.SubElement(root, "worldbody")}
    for i in range(1, model.nbody):
        body = model.body(i)
        element = ElementTree.SubElement(
            elements[int(body.parentid[0])],
            "body",
            name=body.name,
            pos=_text(body.pos),
            quat=_text(body.quat),
        )
        elements[i] = element
        if body.mass[0] > 0.0:
            ElementTree.SubElement(
                element,
                "inertial",
                pos=_text(body.ipos),
                quat=_text(body.iquat),
                mass=_text(body.mass),
                diaginertia=_text(body.inertia),
            )
        if body.jntnum[0]:
            _add_joint(element, model, int(body.jntadr[0]), friction)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _add_joint(
    body: ElementTree.Element, model: mujoco.MjModel, j: int, friction: Mapping[str, Array]
) -> None:
    joint = model.joint(j)
    damping, coulomb, _, rotor = friction[joint.name]
    element = ElementTree.SubElement(
        body,
        "joint",
        name=joint.name,
        type=_KINDS[int(joint.type[0])],
        pos=_text(joint.pos),
        axis=_text(joint.axis),
        damping=_text(damping),
        frictionloss=_text(coulomb),
        armature=_text(rotor),
    )
    if model.jnt_limited[j]:
        element.set("range", _text(model.jnt_range[j]))
    if model.jnt_actfrclimited[j]:
        element.set("actuatorfrcrange", _text(model.jnt_actfrcrange[j]))


def _text(numbers: Array | float) -> str:
    return " ".join(f"{x:.17g}" for x in np.atleast_1d(numbers))
