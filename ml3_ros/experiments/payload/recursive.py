# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recursive estimates of a body, row by row: a Kalman filter, and least squares that forgets."""

from __future__ import annotations

import torch
from torch import Tensor

from ml3_ros.experiments.payload.window import Window

MOST_TRACE = 1e6  # of a covariance, in units of its first: what is not shown shall not blow up


def kalman(window: Window, variance: float, drift: float, width: float = 0.0) -> Tensor:
    """Return bodies (N, 10) from a Kalman filter whose state is a random walk.

    Args:
        window: Its rows are taken in in the order of time.
        variance: Of each parameter before any row, in squared sizes.
        drift: Growth of that variance per second.
        width: Innovations are clipped to so many deviations (Huber's filter); 0: not at all.
    """
    state, covariance = _start(window, variance)
    eye = torch.eye(state.shape[-1])
    for columns, measured in _rows(window):
        covariance = covariance + drift * window.spacing * eye
        state, covariance, _ = _updated(state, covariance, columns, measured, width)
    return state.float()


def variable_forgetting(window: Window, variance: float, information: float) -> Tensor:
    """Return bodies (N, 10) from least squares that forgets where it errs.

    The forgetting factor keeps the weighted sum of squared errors constant (Fortescue, Kershenbaum
    and Ydstie 1981): large errors make the memory short.

    Args:
        window: Its rows are taken in in the order of time.
        variance: Of each parameter before any row, in squared sizes.
        information: That sum, in squared deviations.
    """
    state, covariance = _start(window, variance)
    largest = MOST_TRACE * variance * state.shape[-1]
    for columns, measured in _rows(window):
        state, covariance, surprise = _updated(state, covariance, columns, measured, 0.0)
        keep = (1.0 - surprise / information).clamp(0.05, 1.0)[:, None, None]
        forgotten = covariance / keep
        trace = forgotten.diagonal(dim1=-2, dim2=-1).sum(-1)[:, None, None]
        covariance = torch.where(trace < largest, forgotten, covariance)
    return state.float()


def _start(window: Window, variance: float) -> tuple[Tensor, Tensor]:
    n, p = len(window.columns), window.columns.shape[-1]
    return torch.zeros(n, p).double(), variance * torch.eye(p).double().expand(n, p, p)


def _rows(window: Window) -> list[tuple[Tensor, Tensor]]:
    columns, measured = window.columns.double(), window.residual.double()
    return list(zip(columns.unbind(1), measured.unbind(1), strict=True))


def _updated(
    state: Tensor, covariance: Tensor, columns: Tensor, measured: Tensor, width: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return state, covariance and the squared innovation in its deviations (N,)."""
    innovation = measured - (columns @ state.unsqueeze(-1)).squeeze(-1)
    crossed = columns @ covariance
    spread = crossed @ columns.mT + torch.eye(columns.shape[-2])
    if width:
        limit = width * spread.diagonal(dim1=-2, dim2=-1).sqrt()
        innovation = innovation.clamp(-limit, limit)
    gain = torch.linalg.solve(spread, crossed)
    whitened = torch.linalg.solve(spread, innovation.unsqueeze(-1)).squeeze(-1)
    state = state + (gain.mT @ innovation.unsqueeze(-1)).squeeze(-1)
    covariance = covariance - crossed.mT @ gain
    covariance = 0.5 * (covariance + covariance.mT)
    return state, covariance, (innovation * whitened).sum(-1)
