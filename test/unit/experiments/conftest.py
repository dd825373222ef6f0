# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reachers that are simulated once, and settings with which everything takes seconds."""

from __future__ import annotations

import functools
import shutil
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from ml3_ros.experiments.inverse_dynamics import data, tuning
from ml3_ros.experiments.inverse_dynamics.config import InvdynConfig, Part
from ml3_ros.experiments.rivals.maml import MamlConfig
from ml3_ros.experiments.rivals.pretrained import PretrainConfig
from ml3_ros.experiments.touched_real.recordings import (
    ARMS,
    PUSHES,
    STANDING,
    UR10E_CONSTANTS,
)
from ml3_ros.robots.control.trajectories import Excitation
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.tasks.inverse_dynamics import populations
from ml3_ros.tasks.inverse_dynamics import train as train_loss
from ml3_ros.tasks.inverse_dynamics.family import InverseDynamicsFamily
from ml3_ros.tasks.inverse_dynamics.recipes import Recipe
from ml3_ros.tasks.inverse_dynamics.simulated import simulate


@functools.cache
def population(robot, nle):
    """Return the population with short recordings."""
    return shortened(populations.population(robot, nle))


@functools.cache
def working_population(robot):
    """Return the robots at work with short recordings."""
    return shortened(populations.working_population(robot))


def shortened(kind):
    short = {"support_seconds": 6.0, "held_out_seconds": 4.0}
    tests = {name: replace(config, **short) for name, config in kind.tests.items()}
    return replace(kind, train=replace(kind.train, **short), tests=tests)


simulated = functools.cache(simulate)


@pytest.fixture(autouse=True)
def small_and_once(monkeypatch):
    """Equal robots are simulated once for all tests; baselines choose among few step sizes."""
    for module in (data, train_loss):
        monkeypatch.setattr(module, "population", population)
        monkeypatch.setattr(module, "simulate", simulated)
    monkeypatch.setattr(data, "working_population", working_population)
    for name, grid in (("SGD", (0.01, 0.1)), ("ADAM", (0.003, 0.01)), ("DISTILLED", (0.001,))):
        monkeypatch.setattr(tuning, f"{name}_GRID", grid)


@pytest.fixture
def tiny_config():
    steps = dict.fromkeys(("structured", "mlp", "adaptive", "prior"), 2)
    learned = ("ml3_shaped", "ml3_unshaped_mlp", "ml3_adaptive", "ml3_prior")
    given = Part(nle="given", learned=learned, outer_steps=steps, marks=(0, 1, 4, 8))
    residual = replace(given, nle="residual", learned=("ml3_adaptive",))
    return InvdynConfig(
        robot="reacher",
        parts={
            "given": given,
            "residual": residual,
            "again": replace(residual, marks=(0, 2), trained_in="residual"),
            "at_work": replace(given, at_work=True, learned=("ml3_shaped", "ml3_adaptive")),
        },
        seeds=2,
        n_inits=2,
        n_tasks=2,
        n_train_robots=2,
        n_validation_robots=1,
        n_test_robots=3,
        prior_steps=60,
        distil_steps=10,
        pretraining=PretrainConfig(n_steps=10, batch_size=32),
        maml=MamlConfig(n_outer_steps=2, n_tasks=2, unroll=2),
    )


@pytest.fixture
def reacher():
    """Return the population, recordings and trainer of a Reacher with F given."""
    kind = population("reacher", "given")
    recordings = simulated(kind.train, 2, 1)

    def trainer(seeds=(0, 1), **rest):
        recipe = Recipe(nle="given", **{"n_outer_steps": 6, "n_tasks": 2, **rest})
        return recipe.trainer(recordings, kind.units, "reacher", seeds)

    return kind, recordings, trainer


@pytest.fixture
def family(reacher):
    kind, recordings, _ = reacher
    recipe = Recipe(nle="given")
    return InverseDynamicsFamily(
        recipe.optimizee(kind.units, "reacher"), recordings, recipe.sampling()
    )


class Recorded(NamedTuple):
    """Folder with recordings, what each push adds, and the noise [N m]."""

    folder: Path
    push: np.ndarray
    noise: float


@pytest.fixture(scope="session")
def recorded(tmp_path_factory):
    """Write recordings of a simulated UR10 as those of the real UR10e, the pushed one too."""
    folder = tmp_path_factory.mktemp("recordings")
    push, noise = np.array([40.0, -60.0, 45.0, 8.0, 6.0, 1.0]), 0.2
    description = load_robot("ur10")
    shutil.copy(description.path, folder / STANDING.urdf)
    arm = PinocchioModel(description)
    for number, name in enumerate(("ur10e", "ur10e_february_12")):
        t = 0.01 * np.arange(1400)
        q, v, a = Excitation(arm.limits, description.home, number).at(10.0 + t)
        tau = arm.rnea(q, v, a) + 5.0 * np.tanh(v / 0.05)
        write_ur10e(folder / ARMS[name].file, t, q, v, tau, noise)
    t = 0.01 * np.arange(1500)
    q = np.tile([0.0, -1.2, 1.0, -0.5, 0.4, 0.0], (len(t), 1))
    still = np.zeros_like(q)
    pushed = np.any([(t > a + 0.2) & (t < b - 0.2) for a, b in PUSHES], axis=0)
    tau = arm.rnea(q, still, still) + pushed[:, None] * push
    write_ur10e(folder / STANDING.file, t, q, still, tau, noise)
    return Recorded(folder, push, noise)


def write_ur10e(path, t, q, v, tau, noise):
    """Write a recording as the real arm's: torque [N m] as currents."""
    measured = tau + noise * np.random.default_rng(0).standard_normal(q.shape)
    rows = np.column_stack([t, q, v, measured / UR10E_CONSTANTS])
    np.savetxt(path, rows, delimiter=",", fmt="%.6f")
