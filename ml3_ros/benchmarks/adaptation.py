# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A gradient step of the online learner for 2 to 30 joints: what losses cost, and how it grows.

Each loss learns the same stream as Adam on the squared error, in turns in one process, on one
thread; CPU time counts. What the numbers in a loss are does not matter for its speed, so they are
random.
"""

import math
import time
from collections.abc import Callable, Sequence
from statistics import median

import numpy as np
import torch

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.learners.inverse_dynamics.net import InverseDynamicsNet
from ml3_ros.learners.inverse_dynamics.online import OnlineConfig, OnlineLearner
from ml3_ros.learners.inverse_dynamics.sampling import SamplingConfig
from ml3_ros.learners.inverse_dynamics.squared_error import squared_error
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.reports.tables import RULE, number, text_table
from ml3_ros.tasks.inverse_dynamics.recipes import Recipe

JOINTS = (2, 4, 7, 14, 30)
QUICK_JOINTS = (2, 7)
BASE = "adam"
STEPS_PER_WINDOW = 8
ROUNDS, WINDOWS = 7, 25  # windows of each measurement


def run(report: Callable[[str], None] = print, *, quick: bool = False) -> dict[str, list[float]]:
    """Measure and report a table.

    Returns:
        Milliseconds of CPU time a gradient step, median over rounds, by method and joints.
    """
    torch.set_num_threads(1)
    joints = QUICK_JOINTS if quick else JOINTS
    times: dict[str, list[float]] = {}
    for n in joints:
        for name, milliseconds in measure(n, 2 if quick else ROUNDS).items():
            times.setdefault(name, []).append(milliseconds)
    rows: list[Sequence[str]] = []
    for name, row in times.items():
        power = math.log(row[-1] / row[0]) / math.log(joints[-1] / joints[0])
        rows.append([name, *map(number, row), number(power)])
    rows.append(RULE)
    for name, row in times.items():
        ratios = [number(x / base) for x, base in zip(row, times[BASE], strict=True)]
        rows.append([f"{name} / {BASE}", *ratios, ""])
    header = ["ms a gradient step, by joints n", *map(str, joints), "grows as n^"]
    report(text_table(header, rows))
    return times


def measure(n_joints: int, rounds: int) -> dict[str, float]:
    """Return the milliseconds of CPU time that a gradient step of each method takes."""
    units = Units(
        joint_names=tuple(f"joint_{i}" for i in range(n_joints)),
        velocity=(1.0,) * n_joints,
        acceleration=(1.0,) * n_joints,
        effort=(1.0,) * n_joints,
    )
    learners = {name: _learner(loss, units) for name, loss in losses(units).items()}
    rng = np.random.default_rng(0)
    times: dict[str, list[float]] = {name: [] for name in learners}
    for _ in range(rounds + 1):  # the first warms up
        for name, learner in learners.items():
            times[name].append(_learn(learner, rng))
    return {name: median(values[1:]) for name, values in times.items()}


def losses(units: Units) -> dict[str, LearnedLoss]:
    """Return the losses that are compared, by name."""
    compared = {BASE: squared_error(units, "tau", "adam", 1e-3)}
    for name, recipe in {
        "ml3": Recipe(steps_per_window=STEPS_PER_WINDOW),
        "ml3_mlp": Recipe(architecture="mlp", steps_per_window=STEPS_PER_WINDOW),
        "ml3_adaptive": Recipe(architecture="adaptive", steps_per_window=STEPS_PER_WINDOW),
    }.items():
        spec = recipe.loss_spec(units, "any")
        phi = spec.init_phi(torch.Generator().manual_seed(0))
        compared[name] = LearnedLoss(spec=spec, phi=phi)
    return compared


def _learner(loss: LearnedLoss, units: Units) -> OnlineLearner:
    config = OnlineConfig(sampling=SamplingConfig(steps_per_window=STEPS_PER_WINDOW))
    return OnlineLearner(InverseDynamicsNet(units), {"method": loss}, config, seed=0)


def _learn(learner: OnlineLearner, rng: np.random.Generator) -> float:
    """Learn from `WINDOWS` windows; return the CPU time of a gradient step [ms]."""
    n, window = learner.optimizee.units.n_joints, learner.config.sampling.window
    t = 0.01 * len(learner.samples)
    samples = rng.normal(size=(WINDOWS * window, 4, n))
    begin, before = time.process_time(), learner.n_steps
    for k, (q, v, a, tau) in enumerate(samples):
        learner.push(t + 0.01 * k, q, v, a, tau)
        learner.learn()
    return 1e3 * (time.process_time() - begin) / (learner.n_steps - before)
