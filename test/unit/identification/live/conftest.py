# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A Sawyer that moves and is touched, and a physical model that learns from it."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.data.filters import AccelerationFilter
from ml3_ros.experiments.external_torque.arm import draw_perturbation, touched_motion
from ml3_ros.identification.live.external_torque import ExternalTorqueObserver
from ml3_ros.identification.live.physical_model import PhysicalModel, PhysicalModelConfig
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.pushes import random_touches
from ml3_ros.robots.registry import load_robot

RATE = 100.0


@pytest.fixture(scope="session")
def sawyer():
    return load_robot("sawyer")


@pytest.fixture(scope="session")
def touched(sawyer):
    """Return what a random Sawyer measures in 24 s, touched from the first second on."""
    perturbation = draw_perturbation(sawyer, np.random.default_rng(3))
    touches = random_touches(7, 4, 0.0, 24.0)
    return touched_motion(sawyer, perturbation, touches, 24.0, 5)


@pytest.fixture(scope="session")
def observe(sawyer, touched):
    """Return what an observer tells of the touched Sawyer: (**config) -> model, estimates."""

    def run(**config):
        model = PhysicalModel(PinocchioModel(sawyer), sawyer.home, PhysicalModelConfig(**config))
        observer = ExternalTorqueObserver(model, PinocchioModel(sawyer))
        filtered, seen = AccelerationFilter(7, 1.0 / RATE), []
        for state in zip(touched.t, touched.q, touched.v, touched.tau, strict=True):
            seen.append(observer.observe(*state))
            for sample in filtered.push(*state):
                if model.take(sample):
                    model.update()
        return model, seen

    return run


@pytest.fixture(scope="session")
def robust(observe):
    return observe(fit="robust")
