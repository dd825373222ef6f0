# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a found motion of 15 s tells of an arm, beside random excitation of 15, 30 and 45 s.

Efforts are simulated: links that differ from the arm's file, friction, rotors, errors that last.
Base parameters are fitted to them, and their errors compared in sizes of each parameter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ml3_ros.benchmarks.arms.recovery import changed_parameters, lasting_errors, rows_of_motion
from ml3_ros.identification.confidence.base_fit import fit_base_parameters
from ml3_ros.identification.confidence.base_parameters import base_parameters
from ml3_ros.identification.confidence.parameters import nominal_values, torque_columns
from ml3_ros.identification.excitation.comparison import random_excitation
from ml3_ros.identification.excitation.knowledge import known_before
from ml3_ros.identification.excitation.limits import MotionLimits
from ml3_ros.identification.excitation.search import SearchConfig, most_telling_motion
from ml3_ros.identification.excitation.series import FourierSeries
from ml3_ros.reports.tables import number, text_table
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot

Array = NDArray[np.float64]
Path = Callable[[Array], tuple[Array, Array, Array]]  # q, v, a (T, n) at times (T,)
ROBOTS = ("ur10", "sawyer")
FOUND, RANDOM = 15.0, (15.0, 30.0, 45.0)  # [s]
RATE, NOISE = 30.0, 0.3  # [Hz], [N m] of every joint, whatever the motion
SEEDS, QUICK_SEEDS = 5, 1
TRUTHS = 8  # simulated arms for each motion
ACCELERATION, REACH, HIGHEST = 5.0, 1.0, 0.8  # as of `ml3 excite`


def run(report: Callable[[str], None] = print, *, quick: bool = False) -> dict[str, Array]:
    """Find motions, measure errors and report a table.

    Returns:
        By robot the ratios (seeds, 3 lengths, 3): geometric mean over parameters, median, root
        mean square, of the found motion's errors over the random one's.
    """
    ratios = {
        robot: np.array([_ratios(robot, seed) for seed in range(QUICK_SEEDS if quick else SEEDS)])
        for robot in ROBOTS[-1:] + ROBOTS[: 0 if quick else -1]
    }
    rows = []
    for robot, each in ratios.items():
        for place, seconds in enumerate(RANDOM):
            cells = [f"{number(x.mean())} ± {number(x.std(), 2)}" for x in each[:, place].T]
            rows.append([f"{robot}: {FOUND:g} s found over {seconds:g} s random", *cells])
    report(text_table(["errors of base parameters", "geometric mean", "median", "RMS"], rows))
    return ratios


def _ratios(robot: str, seed: int) -> Array:
    """Return the ratios (3 lengths, 3) for one found motion and one random one."""
    arm = load_robot(robot, simulated=False)
    model = PinocchioModel(arm)
    limits = MotionLimits.of(
        model.limits, arm.home, reach=REACH, acceleration=ACCELERATION, box=None
    )
    series = FourierSeries(start=arm.home, seconds=FOUND, highest=HIGHEST)
    known = known_before(model, arm.home, [])
    motion = most_telling_motion(model, series, limits, known, SearchConfig(seed=seed))
    found = _errors(model, motion.at, FOUND, seed)
    random = random_excitation(limits, arm.home, seed).at
    every = [_errors(model, random, seconds, seed) for seconds in RANDOM]
    return np.array([_compared(found, errors) for errors in every])


def _compared(found: Array, random: Array) -> list[float]:
    """Return the ratios of two sets of root mean square errors (b,) in sizes of parameters."""
    ratio = found / random
    squares = np.sqrt(np.mean(found**2) / np.mean(random**2))
    return [float(np.exp(np.log(ratio).mean())), float(np.median(ratio)), float(squares)]


def _errors(model: PinocchioModel, path: Path, seconds: float, seed: int) -> Array:
    """Return the root mean square error (b,) of each base parameter over simulated arms."""
    t = np.arange(round(seconds * RATE)) / RATE
    motion = path(t)
    rows = rows_of_motion(model.names, t, motion)
    columns, tau_rbd = torque_columns(model, *motion), model.rnea(*motion)
    base, nominal = base_parameters(model), nominal_values(model)
    squares = []
    for truth_seed in range(TRUTHS):
        rng = np.random.default_rng((seed, truth_seed))
        truth = changed_parameters(model, nominal, rows, tau_rbd, rng)
        tau = columns @ truth + NOISE * lasting_errors(rng, rows)
        fit = fit_base_parameters(model, replace(rows, tau=tau), tau_rbd, base=base)
        squares.append(np.square((fit.values - base.of(truth)) / fit.sizes))
    return np.asarray(np.sqrt(np.mean(squares, axis=0)))
