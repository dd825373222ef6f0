# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Identified friction as controllers take it: crisp_controllers and Universal Robots' driver.

crisp_controllers compensates per joint

    f(v) = fp1 / (1 + e^(-fp2 (v + fp3))) - fp1 / (1 + e^(-fp2 fp3))

(parameters friction.fp1 [N m], fp2 [s/rad], fp3 [rad/s]). UR's friction_model_controller takes
scales of 0 to 1 of the friction that the robot itself knows of, viscous and Coulomb, for direct
torque control (ur_msgs/srv/SetFrictionModelParameters).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import yaml
from numpy.typing import NDArray

from ml3_ros.errors import DataError

Array = NDArray[np.float64]
STEEPEST = 100.0  # fp2 [s/rad]: a steeper one shakes the arm at standstill
STILL = 0.02  # speed [rad/s] that a joint must reach to show friction of motion
LEAST_EFFECT = 0.05  # of the friction, that a known scale must have changed to say what 1 is
UR_DEFAULTS = ((0.9, 0.9, 0.8, 0.9, 0.9, 0.9), (0.8, 0.8, 0.7, 0.8, 0.8, 0.8))


def crisp_friction(v: Array, parameters: Array) -> Array:
    """Return f(v) [N m] (R, n) of parameters (n, 3)."""
    fp1, fp2, fp3 = np.asarray(parameters).T
    with np.errstate(over="ignore"):
        return np.asarray(
            fp1 / (1.0 + np.exp(-fp2 * (v + fp3))) - fp1 / (1.0 + np.exp(-fp2 * fp3))
        )


def crisp_parameters(v: Array, friction: Array) -> Array:
    """Return (fp1, fp2, fp3) of each joint (n, 3) that come nearest to friction (R, n) [N m].

    A joint that never moved faster than STILL gets none: what it showed there is no friction of
    motion.

    Args:
        v: Joint velocities of a recording [rad/s], (R, n).
        friction: Identified friction there, without rotor inertia and offset [N m], (R, n).
    """
    from scipy.optimize import least_squares

    rows = []
    for speed, torque in zip(v.T, friction.T, strict=True):
        fast = float(np.abs(speed).max())
        if fast < STILL:
            rows.append(np.array([0.0, 1.0, 0.0]))
            continue
        size = max(float(np.abs(torque).max()), 1e-6)

        def miss(
            x: Array, speed: Array = speed, torque: Array = torque, size: float = size
        ) -> Array:
            return np.asarray((crisp_friction(speed[:, None], x[None])[:, 0] - torque) / size)

        starts = [(2.0 * size, steep / fast, 0.0) for steep in (2.0, 10.0, 50.0)]
        low, high = [0.0, 0.1 / fast, -0.2 * fast], [20.0 * size, STEEPEST, 0.2 * fast]
        fits = [
            least_squares(miss, np.clip(s, low, high), bounds=(low, high), x_scale="jac")
            for s in starts
        ]
        rows.append(min(fits, key=lambda fit: fit.cost).x)
    return np.array(rows)


def crisp_text(parameters: Array) -> str:
    """Return the parameters as a YAML file for a node of crisp_controllers."""
    fp1, fp2, fp3 = np.asarray(parameters).T
    friction = {
        name: [float(f"{x:.6g}") for x in values]
        for name, values in (("fp1", fp1), ("fp2", fp2), ("fp3", fp3))
    }
    content = {"/**": {"ros__parameters": {"use_friction": True, "friction": friction}}}
    return yaml.safe_dump(content, sort_keys=False)


def load_crisp(text: str) -> Array:
    """Return the parameters (n, 3) of such a file.

    Raises:
        DataError: It is none.
    """
    try:
        friction = yaml.safe_load(text)["/**"]["ros__parameters"]["friction"]
        return np.array([friction[name] for name in ("fp1", "fp2", "fp3")], dtype=float).T
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"these are no friction parameters of crisp_controllers: {error}"
        ) from error


def ur_scales(friction: Array, compensated: Array, used: Sequence[float] | Array) -> Array:
    """Return the scale (n,) at which the robot compensates all friction, within 0 to 1.

    What the robot's own model is worth shows where it is on and off: friction - compensated is
    `used` times it. Where it changes too little to tell, `used` is kept.

    Args:
        friction: Identified coefficients of a recording at scale 0, (n,).
        compensated: Those of a recording at the scale `used`, (n,).
        used: Of each joint (n,), > 0.
    """
    friction, compensated, scale = (
        np.asarray(x, dtype=float) for x in (friction, compensated, used)
    )
    if not friction.shape == compensated.shape == scale.shape or not (scale > 0.0).all():
        raise DataError("give friction at scale 0, at another scale, and that scale > 0, by joint")
    effect = friction - compensated
    shown = effect > LEAST_EFFECT * np.abs(friction)
    wanted = scale * friction / np.where(shown, effect, 1.0)
    return np.clip(np.where(shown, wanted, scale), 0.0, 1.0)


def ur_text(viscous: Sequence[float] | Array, coulomb: Sequence[float] | Array) -> str:
    """Return the request of ur_msgs/srv/SetFrictionModelParameters as YAML."""
    scales = {
        "viscous_scale": [float(f"{x:.4g}") for x in viscous],
        "coulomb_scale": [float(f"{x:.4g}") for x in coulomb],
    }
    if any(not 0.0 <= x <= 1.0 for values in scales.values() for x in values):
        raise DataError(f"scales of UR's friction model are 0 to 1, got {scales}")
    return yaml.safe_dump({"parameters": scales}, sort_keys=False, default_flow_style=None)


def load_ur(text: str) -> tuple[Array, Array]:
    """Return the viscous and Coulomb scales (n,) of such a request.

    Raises:
        DataError: It is none.
    """
    try:
        scales = yaml.safe_load(text)["parameters"]
        return np.array(scales["viscous_scale"], float), np.array(scales["coulomb_scale"], float)
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"this is no request of SetFrictionModelParameters: {error}") from error
