"""Recordings of real arms, made ready to learn from, and what a model alone explains of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.bags import JointRecording
from ml3_ros.data.filters import uneven_acceleration
from ml3_ros.data.run_files import Samples
from ml3_ros.errors import DataError
from ml3_ros.identification.models.friction_fit import friction_fit, friction_predict
from ml3_ros.identification.models.scores import nmse

Array = NDArray[np.float64]
GAP = 0.1  # [s]: a longer step splits a recording; over shorter ones a filter can be fitted
LEAST_GAP = 3.0  # sampling periods, where these are longer than GAP


class HasInverseDynamics(Protocol):
    """A rigid-body model with joints in the order of `names`."""

    names: tuple[str, ...]

    def rnea(self, q: Array, v: Array, a: Array) -> Array:
        """Return the torque [N m] (B, n) of states (B, n)."""
        ...


def filtered_samples(recording: JointRecording, *, window: int = 31, order: int = 3) -> Samples:
    """Return a recording with accelerations by a centred Savitzky-Golay filter on its velocities.

    Gaps in time split the recording; parts shorter than the filter are left out. Where stamps are
    uneven, so are rows that have too few others around them.

    Args:
        recording: Joint states at a steady rate, but for jitter and losses.
        window: Length of the filter [samples], odd; 31 at 125 Hz is a quarter of a second.
        order: Degree of its polynomial.

    Raises:
        DataError: No part of the recording is as long as the filter.
    """
    dt = recording.dt
    parts = gap_free(recording.t, dt)
    kept = [part for part in parts if len(part) >= window]
    if not kept:
        raise DataError(
            f"the recording has no {window} samples in a row without a gap (longest: "
            f"{max(map(len, parts))}): record at a steady rate, or use a shorter window"
        )
    filtered = [
        uneven_acceleration(recording.t[part], recording.v[part], dt, window, order)
        for part in kept
    ]
    rows = np.concatenate([part[use] for part, (_, use) in zip(kept, filtered, strict=True)])
    a = np.concatenate([a[use] for a, use in filtered])
    return Samples(
        joint_names=recording.names,
        t=recording.t[rows],
        q=recording.q[rows],
        v=recording.v[rows],
        a=a,
        tau=recording.tau[rows],
    )


def gap_free(t: Array, dt: float) -> list[NDArray[np.intp]]:
    """Return the sample numbers of each part without a gap, at times t [s] (T,) with period dt."""
    breaks = np.flatnonzero(np.diff(t) > max(GAP, LEAST_GAP * dt)) + 1
    return np.split(np.arange(len(t)), breaks)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ModelCheck:
    """What a rigid-body model explains of measured efforts, per joint (n,), in sample."""

    correlation: Array  # of model torque and effort [-]
    alone: Array  # NMSE of the model torque itself [-]
    fitted: Array  # NMSE after effort = gain tau_rbd + viscous v + coulomb sign(v) + offset [-]
    coefficients: Array  # of that fit, (n, 4)


def check_model(samples: Samples, model: HasInverseDynamics) -> ModelCheck:
    """Compare a model with a recording, alone and after the classical friction fit.

    Raises:
        DataError: The model's joints are not those of the samples, in the same order.
    """
    if tuple(model.names) != samples.joint_names:
        raise DataError(
            f"the model has joints {', '.join(model.names)}, the recording "
            f"{', '.join(samples.joint_names)}: read the recording with the model's joints"
        )
    tau_rbd = model.rnea(samples.q, samples.v, samples.a)
    coefficients = friction_fit(tau_rbd, samples.v, samples.tau)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = [
            np.corrcoef(x, y)[0, 1] for x, y in zip(tau_rbd.T, samples.tau.T, strict=True)
        ]
    return ModelCheck(
        correlation=np.array(correlation),
        alone=nmse(tau_rbd, samples.tau),
        fitted=nmse(friction_predict(coefficients, tau_rbd, samples.v), samples.tau),
        coefficients=coefficients,
    )
