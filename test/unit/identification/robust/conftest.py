# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Arms that a person touches while they are recorded: measured torque = arm - J^T f, in bursts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pinocchio
import pytest

from ml3_ros.data.filters import savgol_acceleration
from ml3_ros.identification.models.least_squares import JointColumns, TorqueRegressor
from ml3_ros.robots.control.trajectories import Excitation, ExcitationConfig
from ml3_ros.robots.perturbation import Perturbation, friction_torque
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot

RATE, LEARNED, HELD_OUT, HALF = 50.0, 1000, 400, 10  # [Hz], rows, rows, of the filter


def hand(t, q, description, share, seed, *, force=(2.0, 25.0), lifts=False, first_link=1, of=None):
    """Return -J^T f (T, n) of bursts of 0.3 to 3 s at random points, and when it touched (T,).

    On `share` of the first `of` rows, or of all; `lifts`: a hand that mostly pushes up. Links
    count from `first_link`.
    """
    model = description.model.copy()
    data = model.createData()
    rng = np.random.default_rng(seed)
    tau, on = np.zeros_like(q), np.zeros(len(t), dtype=bool)
    while on[:of].mean() < share:
        begin, length = rng.uniform(t[0] - 1.0, t[-1]), rng.uniform(0.3, 3.0)
        link = int(rng.integers(first_link, q.shape[1] + 1))
        f = np.array([0.0, 0.0, 1.0]) + 0.3 * rng.normal(size=3) if lifts else rng.normal(size=3)
        f *= rng.uniform(*force) / np.linalg.norm(f)
        point, ramp = rng.uniform(-0.15, 0.15, size=3), rng.choice([0.01, 0.5])
        for i in np.flatnonzero((t >= begin) & (t < begin + length)):
            pinocchio.computeJointJacobians(model, data, q[i])
            J = pinocchio.getJointJacobian(model, data, link, pinocchio.LOCAL_WORLD_ALIGNED)
            at = data.oMi[link].rotation @ point
            at_point = J[:3] - pinocchio.skew(at) @ J[3:]
            done = (t[i] - begin) / length
            tau[i] -= min(1.0, done / ramp, (1.0 - done) / ramp) * at_point.T @ f
            on[i] = True
    return tau, on


@dataclass(frozen=True, eq=False)
class Touched:
    """A random Sawyer whose friction columns are right, measured with noise of 1 %, and a hand."""

    t: np.ndarray
    regressor: np.ndarray
    free: np.ndarray  # torque without contact and without noise
    tau: np.ndarray
    on: np.ndarray
    nominal: np.ndarray

    def error(self, w):
        """Return the NMSE of the contact-free torque on rows that were not learned from."""
        left = (self.regressor @ w - self.free)[LEARNED:]
        return float((np.square(left).mean(axis=0) / self.free[LEARNED:].var(axis=0)).mean())


@pytest.fixture(scope="session")
def touched_arm():
    """Return a simulator: (share, seed, lifts=False) -> Touched."""
    description = load_robot("sawyer")

    def simulate(share, seed, lifts=False):
        rng = np.random.default_rng((seed, round(100 * share), lifts))
        changed = Perturbation.sample(
            description, rng, payload=(0.0, 3.0), mass_share=0.2, friction=(0.5, 1.5)
        )
        arm, nominal = PinocchioModel(description, changed), PinocchioModel(description)
        t = (np.arange(LEARNED + HELD_OUT + 2 * HALF) - HALF) / RATE
        path = Excitation(
            description.limits, description.home, int(rng.integers(2**31)), ExcitationConfig()
        )
        q, v, a = path.at(t)
        free = arm.rnea(q, v, a) + friction_torque(changed, v)
        v = v + 1e-3 * rng.normal(size=v.shape)
        a = savgol_acceleration(v, 1.0 / RATE, 2 * HALF + 1, 3)
        inner = slice(HALF, -HALF)
        t, q, v, a, free = (x[inner] for x in (t, q, v, a, free))
        push, on = hand(t, q, description, share, seed, lifts=lifts, first_link=3, of=LEARNED)
        noise = 0.01 * free.std(axis=0) * rng.normal(size=free.shape)
        of = TorqueRegressor(nominal, JointColumns())
        return Touched(t, of(q, v, a), free, free + push + noise, on, of.nominal)

    return simulate


@pytest.fixture(scope="session")
def touch(urdf, recording):
    """Lay a hand on the recording of the planar arm: (share, seed) -> push (T, 2), when (T,)."""

    def lay(share, seed, force=(10.0, 30.0)):
        return hand(recording.t, recording.q, load_robot(urdf), share, seed, force=force)

    return lay
