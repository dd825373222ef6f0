# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Shapes of a MuJoCo body as a URDF may have them: a capsule is a cylinder and two spheres."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.transform import Rotation

from ml3_ros.robots.base import Array

if TYPE_CHECKING:
    import mujoco

SHOWN_GROUPS = 3  # MuJoCo's viewer shows groups 0 to 2; collision shapes are in others
DEFAULT_RGBA = (0.5, 0.5, 0.5, 1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """One shape: `kind` and `size` are a URDF's element and its attributes.

    Attributes:
        pose: In the body (4, 4).
        rgba: Colour (4,).
    """

    kind: str
    size: dict[str, str]
    pose: Array
    rgba: Array


def shapes_of(model: mujoco.MjModel, body: int) -> list[Shape]:
    """Return the shapes of a body; planes, ellipsoids, meshes and height fields are left out."""
    geoms = [i for i in range(model.ngeom) if model.geom_bodyid[i] == body]
    shown = [i for i in geoms if model.geom_group[i] < SHOWN_GROUPS]
    return [*_all(model, shown)] or [*_all(model, geoms)]


def _all(model: mujoco.MjModel, geoms: list[int]) -> Iterator[Shape]:
    for i in geoms:
        yield from _shapes(model, i)


def _shapes(model: mujoco.MjModel, i: int) -> Iterator[Shape]:
    import mujoco

    kinds = mujoco.mjtGeom
    kind, (a, b, c) = int(model.geom_type[i]), model.geom_size[i]
    T, rgba = np.eye(4), _rgba(model, i)
    T[:3, :3] = Rotation.from_quat(np.roll(model.geom_quat[i], -1)).as_matrix()
    T[:3, 3] = model.geom_pos[i]
    if kind == int(kinds.mjGEOM_BOX):
        size = {"size": f"{2 * a:.9g} {2 * b:.9g} {2 * c:.9g}"}
        yield Shape(kind="box", size=size, pose=T, rgba=rgba)
    if kind in (int(kinds.mjGEOM_CYLINDER), int(kinds.mjGEOM_CAPSULE)):
        size = {"radius": f"{a:.9g}", "length": f"{2 * b:.9g}"}
        yield Shape(kind="cylinder", size=size, pose=T, rgba=rgba)
    ends = {int(kinds.mjGEOM_CAPSULE): (-b, b), int(kinds.mjGEOM_SPHERE): (0.0,)}
    for z in ends.get(kind, ()):
        end = T.copy()
        end[:3, 3] += z * T[:3, 2]
        yield Shape(kind="sphere", size={"radius": f"{a:.9g}"}, pose=end, rgba=rgba)


def _rgba(model: mujoco.MjModel, i: int) -> Array:
    material = model.geom_matid[i]
    own = np.asarray(model.geom_rgba[i], dtype=np.float64)
    if material >= 0 and np.allclose(own, DEFAULT_RGBA):
        return np.asarray(model.mat_rgba[material], dtype=np.float64)
    return own
