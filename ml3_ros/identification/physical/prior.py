# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Entropic pull of links towards a nominal model, which also keeps them physical.

The divergence of two pseudo-inertias, D = tr(P P0^-1) - log det(P P0^-1) - 4, is what relative
entropy is between the mass distributions (Lee, Wensing and Park 2020). It is convex in the ten
parameters, needs no units or scales, is 0 at the nominal link and infinite where a link stops
being one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml3_ros.identification.physical.inertia import BASIS, N, pseudo_inertia

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Divergence:
    """Value [-], gradient (10 n,) and blocks of the Hessian (n, 10, 10) at parameters (n, 10)."""

    value: float
    gradient: Array
    hessian: Array


def divergence(parameters: Array, nominal: Array) -> Divergence | None:
    """Return the summed divergence of links (n, 10) from nominal ones, None where one is no body.

    Args:
        parameters: Ten parameters of each link, (n, 10).
        nominal: Likewise; all physical.
    """
    pseudo, wanted = pseudo_inertia(parameters), pseudo_inertia(nominal)
    try:
        root, here = np.linalg.cholesky(pseudo), np.linalg.inv(pseudo)
    except np.linalg.LinAlgError:  # no body, or one as good as flat
        return None
    there = np.linalg.inv(wanted)
    logs = 2.0 * np.log(np.diagonal(root, axis1=-2, axis2=-1)).sum()
    value = np.sum(there * pseudo) - logs + np.linalg.slogdet(wanted)[1].sum() - 4.0 * len(pseudo)
    gradient = np.tensordot(there - here, BASIS, axes=((1, 2), (1, 2)))  # (n, 10)
    left = here[:, None] @ BASIS  # (n, 10, 4, 4)
    flat = left.reshape(len(left), N, 16)
    turned = np.swapaxes(left, -1, -2).reshape(len(left), N, 16)
    return Divergence(float(value), gradient.ravel(), flat @ np.swapaxes(turned, -1, -2))
