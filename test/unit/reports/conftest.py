# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A small finished run: a perturbed Reacher, one method that is good and one that diverged."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.data.run_files import HeldOut, Predictions, RunFolder, Samples
from ml3_ros.robots.control.trajectories import Excitation
from ml3_ros.robots.perturbation import Perturbation, friction_torque
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot

ERROR = 0.1  # of each joint's standard deviation: the good method's
NOISE = 0.01
LEARNED = 800  # samples


@pytest.fixture(scope="session")
def stream():
    """12 s at 100 Hz, the last 4 s held out."""
    reacher = load_robot("reacher")
    rng = np.random.default_rng(0)
    perturbation = Perturbation.sample(reacher, rng, friction=(0.5, 1.5))
    t = 3.0 + 0.01 * np.arange(1200)
    q, v, a = Excitation(reacher.limits, reacher.home, seed=1).at(t)
    tau = PinocchioModel(reacher, perturbation).rnea(q, v, a) + friction_torque(perturbation, v)
    tau += NOISE * tau.std(axis=0) * rng.normal(size=tau.shape)
    return Samples(
        joint_names=reacher.names, t=t, q=q, v=v, a=a, tau=tau, learn_until=t[LEARNED - 1]
    )


@pytest.fixture
def save_run(tmp_path, stream):
    """Write the folder of a run of these samples (default: the stream's) and return it."""

    def save(samples=stream, **config):
        run = RunFolder.create(tmp_path / "run")
        run.save_config({"robot": "reacher", "window": 8, **config})
        run.save_samples(samples)
        tau = samples.tau[:LEARNED]
        signs = np.where(np.arange(LEARNED) % 2, 1.0, -1.0)[:, None]
        good = tau + ERROR * tau.std(axis=0) * signs
        lost = np.where(np.arange(LEARNED)[:, None] < 300, good, np.inf)
        methods = {"adam_tuned": lost, "ml3_shaped": good}
        run.save_predictions(Predictions(t=samples.t[:LEARNED], tau=tau, methods=methods))
        steps = np.array([8.0, 80.0, 800.0])
        falling = np.array([[1.0, 1.2], [0.5, 0.7], [0.1, 0.3]])
        errors = {"adam_tuned": np.full((3, 2), np.inf), "ml3_shaped": falling}
        run.save_heldout(HeldOut(steps=steps, seconds=steps / 100, methods=errors))
        return run.path

    return save
