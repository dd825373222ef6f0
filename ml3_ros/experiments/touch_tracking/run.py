# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Run of the experiment: the same robots and touches for every feedforward, and their scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tqdm import tqdm

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.experiments.external_torque.arm import GAINS
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.experiments.touch_tracking.config import TouchTrackingConfig
from ml3_ros.experiments.touch_tracking.trial import TouchedRobot, draw_robot, run_trial
from ml3_ros.experiments.tracking.loop import rms, running_rms
from ml3_ros.robots.base import Array
from ml3_ros.robots.pushes import Touch, pushes_at
from ml3_ros.robots.registry import load_robot

POOL = 82  # of robots
SETTLED = 1.0  # after a touch, before the error is looked at [s]
RECOVERED_IN = 5.0  # of a new payload [s]
BACK, RECOVERED = 1.1, 0.8  # error over that before a touch; share of the error that is gone


def prepare(config: TouchTrackingConfig, scratch: Path, report: Report) -> Arrays:
    """Return nothing: what is tuned was tuned elsewhere, on other robots."""
    return {}


def run_seed(
    config: TouchTrackingConfig,
    seed: int,
    shared: Arrays,
    scratch: Path,
    engine: Engine = AUTOGRAD,
) -> Arrays:
    """Let every method track with this seed's robots.

    Returns:
        By method, robots first: "level/NAME" (R, T), the error over the last period, mean over
        joints [rad]; "scores/NAME" (R, 6), see `SCORES`; "pushed" (R, T) is the force [N] of the
        hands.
    """
    description = load_robot(config.robot)
    found: dict[str, list[Array]] = {}
    for number in tqdm(range(config.n_robots), desc="robots", leave=False, mininterval=1.0):
        rng = np.random.default_rng((POOL, seed, number))
        robot = draw_robot(config, description, rng)
        for name in config.methods:
            errors, power = run_trial(name, config, description, robot)
            level = running_rms(errors, round(config.period * GAINS.rate))
            found.setdefault(f"level/{name}", []).append(level)
            scores = evaluate(config, robot, errors, power)
            found.setdefault(f"scores/{name}", []).append(scores)
        found.setdefault("pushed", []).append(forces(robot, len(errors)))
    return {key: np.stack(values) for key, values in found.items()}


SCORES = ("peace", "back", "overshoot", "work", "up", "down")
"""Error in peace [rad]; share of touches after which it is back; largest error in a second after
a touch over that during it, mean over touches; work done on hands [J]; share of the error that a
new payload brings that is gone from RECOVERED_IN on, for good, when it is taken up and put down.
"""


def evaluate(
    config: TouchTrackingConfig, robot: TouchedRobot, errors: Array, power: Array
) -> Array:
    """Return the scores (6,) of one run, in the order of SCORES."""
    rate, window = GAINS.rate, round(config.period * GAINS.rate)
    up, down, end = (round(t * rate) for t in config.changes)
    peace = float(
        rms(errors[round(config.peace * rate) - window : round(config.peace * rate)]).mean()
    )
    touches = [_of_touch(touch, errors, window) for touch in robot.touches]
    back, overshoot = np.mean(touches, axis=0) if touches else (np.nan, np.nan)
    level = running_rms(errors, window)
    recovered = [_recovered(level[first - 1 : last]) for first, last in ((up, down), (down, end))]
    return np.array([peace, back, overshoot, np.maximum(power, 0.0).sum() / rate, *recovered])


def _of_touch(touch: Touch, errors: Array, window: int) -> tuple[float, float]:
    """Return whether the error is back after a touch, and the overshoot when it ends."""
    rate = GAINS.rate
    first, after = round(touch.start * rate), round((touch.start + touch.seconds) * rate)
    settled = after + round(SETTLED * rate)
    before = rms(errors[first - window : first]).mean()
    later = rms(errors[settled : settled + window]).mean()
    # against the same phases of the motion before the touch, so that only the hand counts
    usual = np.resize(errors[first - window : first], (settled - first, errors.shape[1]))
    size = np.sqrt(np.square(errors[first:settled] - usual).sum(axis=1))
    if not np.isfinite(size).all():
        return 0.0, np.inf
    during, let_go = size[: after - first].max(), size[after - first :].max()
    overshoot = float(let_go / during) if during > 0.0 else 0.0
    return float(later <= BACK * before), overshoot


def _recovered(level: Array) -> float:
    """Return the least share of a change's error that is gone from RECOVERED_IN on.

    Args:
        level: Running error, its first entry that before the change.
    """
    first = round(RECOVERED_IN * GAINS.rate)
    if not np.isfinite(level).all():
        return -np.inf
    lost = level[:first].max() - level[0]
    return float(1.0 - (level[first:].max() - level[0]) / lost) if lost > 0.0 else 1.0


def forces(robot: TouchedRobot, count: int) -> Array:
    """Return the sum of the hands' forces [N] in each control period (T,)."""
    times = np.arange(count) / GAINS.rate
    pushes = [pushes_at(robot.touches, t) for t in times]
    return np.array([sum(float(np.linalg.norm(p.force)) for p in each) for each in pushes])
