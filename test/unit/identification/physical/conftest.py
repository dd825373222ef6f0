# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Arms whose links, gains and friction are known, and recordings of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from ml3_ros.data.presliding import hysteresis
from ml3_ros.data.recording import JointRecording, RecordingChecks
from ml3_ros.identification.physical.inertia import N
from ml3_ros.robots.control.trajectories import Excitation, ExcitationConfig
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot

RATE = 100.0
VISCOUS = np.array([3.0, 2.5, 2.0, 1.5, 1.0, 0.8, 0.5])
COULOMB = np.array([4.0, 5.0, 3.0, 2.0, 1.5, 1.0, 0.8])
PRESLIDING = np.array([3.0, 2.0, 2.0, 1.0, 1.0, 0.5, 0.5])
MASSES = (1.1, 0.9, 1.2, 0.85, 1.15, 0.9, 1.2)


@dataclass
class Truth:
    """A Sawyer that is not as described: model, gains and the effort of a motion."""

    nominal: PinocchioModel
    model: PinocchioModel
    gains: np.ndarray

    @property
    def links(self):
        return self.model.inertial_parameters()[: N * self.model.nv].reshape(-1, N)

    def effort(self, q, v, a, memory=True):
        presliding = hysteresis(q, np.array([0.01]))[..., 0]
        friction = VISCOUS * v + COULOMB * np.sign(v) + memory * PRESLIDING * presliding
        return self.gains * (self.model.rnea(q, v, a) + friction)

    def recording(self, seconds, seed, noise=0.0, memory=True, payload=None):
        description = self.nominal.description
        t = np.arange(round(seconds * RATE)) / RATE
        path = Excitation(
            description.limits, description.home, seed=seed, config=ExcitationConfig()
        )
        q, v, a = path.at(t + 5.0)
        tau = self.effort(q, v, a, memory)
        if payload is not None:
            tau = tau + self.gains * (self.model.regressor(q, v, a)[..., :70][..., -N:] @ payload)
        tau = tau + noise * np.random.default_rng(seed).normal(size=tau.shape)
        return JointRecording(
            names=self.model.names,
            t=t,
            q=q,
            v=v,
            tau=tau,
            start_ns=0,
            topic="/joint_states",
            checks=RecordingChecks(messages=len(t)),
        )


@pytest.fixture(scope="session")
def truth():
    description = load_robot("sawyer")
    model = PinocchioModel(description, Perturbation(mass_scale=MASSES))
    return Truth(PinocchioModel(description), model, np.ones(model.nv))
