# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Rows of a simulated motion, with friction and errors that neighbouring samples share."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from ml3_ros.identification.confidence.parameters import nominal_values, torque_columns
from ml3_ros.identification.split import INNER, Rows

FRICTION = np.repeat([0.6, 1.0, 0.2, 0.05], 2)  # viscous, dry, offset, rotor of two joints


@pytest.fixture(scope="session")
def coloured():
    """Errors [N m] of two joints that last a quarter of a second at 30 Hz: (rng, shape)."""

    def draw(rng, shape, memory=0.92):
        noise = rng.normal(size=(shape[0] + 100, *shape[1:]))
        filtered = lfilter([np.sqrt(1.0 - memory**2)], [1.0, -memory], noise, axis=0)
        return filtered[100:] * [0.3, 0.15]

    return draw


@pytest.fixture(scope="session")
def rows_of(model):
    """Rows of a path q, v, a (T, n) and a torque, in blocks of 2 s: (path, tau, rate)."""

    def make(path, tau, rate=30.0):
        count = len(tau)
        block = np.arange(count) // round(2.0 * rate)
        return Rows(
            joint_names=model.names,
            t=np.arange(count) / rate,
            q=path[0],
            v=path[1],
            a=path[2],
            tau=tau,
            strain=np.zeros((*tau.shape, 0)),
            block=block,
            group=block % INNER,
            twins=np.zeros((count, INNER), dtype=bool),
        )

    return make


@pytest.fixture(scope="session")
def measured(model, rows_of, coloured):
    """Rows that an arm with friction would record on a path: (path, seed, rate)."""

    def make(path, seed=0, rate=30.0):
        values = nominal_values(model)
        values[20:] += FRICTION
        tau = torque_columns(model, *path) @ values
        return rows_of(path, tau + coloured(np.random.default_rng(seed), tau.shape), rate)

    return make
