# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where every method of an online run is, and its model as a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml3_ros.learners.inverse_dynamics.method import Method
from ml3_ros.learners.inverse_dynamics.net_file import model_to_bytes
from ml3_ros.learners.inverse_dynamics.online import OnlineLearner, WindowReport
from ml3_ros.learners.inverse_dynamics.run_log import predicted_by

LEAST_VARIANCE = 1e-3  # over the squared typical effort: that of an arm at rest or without power


@dataclass(frozen=True, kw_only=True, slots=True)
class MethodStatus:
    """Where one method is: see ml3_msgs/Adaptation; `t` [s] is the time of the stream."""

    method: str
    t: float
    update: int
    samples: int
    meta_loss_value: float
    nmse: np.ndarray
    learning: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class MethodModel:
    """The model of one method as a file's bytes; `t` [s] is the time of the stream."""

    method: str
    t: float
    update: int
    data: bytes


def statuses(
    online: OnlineLearner, windows: Sequence[WindowReport], shift: float, learning: bool
) -> list[MethodStatus]:
    """Return where every method is; empty without windows.

    Args:
        online: The learner.
        windows: The newest, over which errors are told.
        shift: Of the learner's times against those of the stream [s].
        learning: Whether models are not frozen.
    """
    if not windows:
        return []
    tau = np.concatenate([window.tau for window in windows])
    typical = np.array(online.optimizee.units.effort)
    variance = np.maximum(tau.var(axis=0), LEAST_VARIANCE * typical**2)
    methods = {
        name: (_updates(method, windows[-1]), method.meta_loss_value, method.ended is None)
        for name, method in list(online.methods.items())
    }
    for companion in online.companions.each:
        for name in companion.names:
            goes_on = name not in online.companions.ended
            methods[name] = (companion.updates, float("nan"), goes_on)
    found = []
    for name, (update, value, goes_on) in methods.items():
        predicted = np.concatenate([predicted_by(name, window) for window in windows])
        found.append(
            MethodStatus(
                method=name,
                t=float(windows[-1].t[-1]) - shift,
                update=update,
                samples=len(online.samples),
                meta_loss_value=value,
                nmse=_mean_square(tau - predicted) / variance,
                learning=learning and goes_on,
            )
        )
    return found


def models(online: OnlineLearner, newest: WindowReport | None, shift: float) -> list[MethodModel]:
    """Return the models as they are; empty before the first window. See `statuses`."""
    if newest is None:
        return []
    t = float(newest.t[-1]) - shift
    files = {
        name: (_updates(method, newest), model_to_bytes(online.optimizee, method.theta))
        for name, method in list(online.methods.items())
    }
    for companion in online.companions.each:
        files |= {name: (companion.updates, data) for name, data in companion.models().items()}
    return [
        MethodModel(method=name, t=t, update=update, data=data)
        for name, (update, data) in files.items()
    ]


def _mean_square(error: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):  # a method may have diverged
        return np.asarray((error.astype(float) ** 2).mean(axis=0))


def _updates(method: Method, window: WindowReport) -> int:
    """Return the gradient steps that made the model that comes after a window."""
    return window.n_steps if method.ended is None else method.ended.n_steps
