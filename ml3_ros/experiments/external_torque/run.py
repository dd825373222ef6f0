# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Run of the experiment: touched arms are observed, estimates compared with the truth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.data.filters import AccelerationFilter
from ml3_ros.experiments.external_torque.arm import (
    GAINS as CONTROL,
)
from ml3_ros.experiments.external_torque.arm import (
    TouchedMotion,
    draw_perturbation,
    touched_motion,
)
from ml3_ros.experiments.external_torque.config import GAINS, LEARNED, ContactConfig
from ml3_ros.experiments.external_torque.scores import area, detection_delays, lag, roc
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.identification.confidence.parameters import usual_noise
from ml3_ros.identification.live.external_torque import (
    ExternalTorqueConfig,
    ExternalTorqueObserver,
)
from ml3_ros.identification.live.fits import FitName
from ml3_ros.identification.live.momentum import MomentumObserver, no_friction
from ml3_ros.identification.live.physical_model import PhysicalModel, PhysicalModelConfig
from ml3_ros.identification.robust.weights import quantile_scale
from ml3_ros.robots.base import Array, RobotDescription
from ml3_ros.robots.perturbation import Perturbation, friction_torque
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.pushes import random_touches
from ml3_ros.robots.registry import load_robot

POOL = 81  # of robots
FALSE_ALARMS = np.geomspace(1e-3, 1.0, 31)


def prepare(config: ContactConfig, scratch: Path, report: Report) -> Arrays:
    """Return nothing: no observer is tuned, all gains are shown."""
    return {}


def run_seed(
    config: ContactConfig,
    seed: int,
    shared: Arrays,
    scratch: Path,
    engine: Engine = AUTOGRAD,
) -> Arrays:
    """Observe this seed's robots by every method.

    Returns:
        By method, robots first: "rms/NAME" (R, gains, n) [N m], "free/NAME" (R, n) of samples that
        nobody touches; "roc/NAME" (R, F); "area/NAME", "lag/NAME", "delay/NAME", "found/NAME"
        (R,): area under the ROC curve, lag [s], median delay [s] and share of touches found at
        the config's false alarms; of learned models "covered/NAME" (R,), the share of free samples
        within two standard deviations, and "flagged/NAME" (R, 2) of free and touched ones.
        "external" (R, n) is the RMS of the truth, "example/..." the first robot.
    """
    description = load_robot(config.robot)
    found: dict[str, list[Array]] = {}
    for number in tqdm(range(config.n_robots), desc="robots", leave=False, mininterval=1.0):
        rng = np.random.default_rng((POOL, seed, number))
        perturbation = draw_perturbation(description, rng)
        seeds = rng.integers(2**31, size=2)
        touches = random_touches(
            description.nv, int(seeds[0]), 0.0, config.seconds, config.touches
        )
        motion = touched_motion(description, perturbation, touches, config.seconds, int(seeds[1]))
        seen = {name: observe(name, description, perturbation, motion) for name in config.methods}
        for key, value in evaluate(config, description, motion, seen).items():
            found.setdefault(key, []).append(value)
        if number == 0:
            example = _example(config, motion, seen)
    return {key: np.stack(values) for key, values in found.items()} | example


def observe(
    name: str, description: RobotDescription, perturbation: Perturbation, motion: TouchedMotion
) -> Arrays:
    """Return "torque" (gains, T, n) and "std" (T, n) [N m].

    Of learned models also "flag" (gains, T, n): which joints count as touched.
    """
    if name in LEARNED:
        return _observe_and_learn(LEARNED[name], description, motion)
    known = name == "known_observer"
    model = PinocchioModel(description, perturbation) if known else PinocchioModel(description)
    friction = (lambda q, v: friction_torque(perturbation, v)) if known else no_friction
    observers = [MomentumObserver(model, gain, friction) for gain in GAINS]
    states = list(zip(motion.t, motion.q, motion.v, motion.tau, strict=True))
    torque = np.stack([[one.push(*state) for state in states] for one in observers])
    # what a model leaves of samples that are mostly free is taken for its error
    scale = np.stack([quantile_scale(each) for each in torque]).mean(axis=0)
    return {"torque": torque, "std": np.broadcast_to(scale, motion.q.shape)}


def _observe_and_learn(
    fit: FitName, description: RobotDescription, motion: TouchedMotion
) -> Arrays:
    config = PhysicalModelConfig(fit=fit)
    model = PhysicalModel(PinocchioModel(description), description.home, config)
    observers = [
        ExternalTorqueObserver(model, PinocchioModel(description), ExternalTorqueConfig(gain=gain))
        for gain in GAINS
    ]
    filtered = AccelerationFilter(description.nv, 1.0 / CONTROL.rate)
    seen = []
    for state in zip(motion.t, motion.q, motion.v, motion.tau, strict=True):
        seen.append([one.observe(*state) for one in observers])
        for sample in filtered.push(*state):
            if model.take(sample):
                model.update()
    return {
        "torque": np.stack([[x.torque for x in each] for each in zip(*seen, strict=True)]),
        "std": np.stack([each[0].std for each in seen]),
        "flag": np.stack([[x.touched for x in each] for each in zip(*seen, strict=True)]),
    }


def evaluate(
    config: ContactConfig,
    description: RobotDescription,
    motion: TouchedMotion,
    seen: Mapping[str, Arrays],
) -> Arrays:
    """Return the numbers of `run_seed` for one robot, without its first axis."""
    late, at = motion.t > config.learn_seconds, GAINS.index(config.gain)
    truth, period = motion.external[late], 1.0 / CONTROL.rate
    noise = usual_noise(PinocchioModel(description))
    felt = np.asarray((np.abs(truth) > noise).any(axis=1))
    free = ~motion.pushed[late].astype(bool)
    told = felt | free  # touches too light for anybody to feel are neither
    found: Arrays = {"external": _rms(truth)}
    for name, each in seen.items():
        torque, std = each["torque"][:, late], each["std"][late]
        score = (np.abs(torque[at]) / std).max(axis=1)
        threshold = float(np.quantile(score[free], 1.0 - config.false_alarms))
        delays = detection_delays(score, felt, threshold, period)
        found |= {
            f"rms/{name}": np.stack([_rms(one - truth) for one in torque]),
            f"free/{name}": _rms((torque[at] - truth)[free]),
            f"roc/{name}": roc(score[told], felt[told], FALSE_ALARMS),
            f"area/{name}": np.array(area(score[told], felt[told])),
            f"lag/{name}": np.array(lag(torque[at], truth, period)),
            f"delay/{name}": np.array(np.quantile(delays, 0.5, method="higher")),
            f"found/{name}": np.array(np.isfinite(delays).mean()),
        }
        if "flag" in each:
            error, flag = np.abs(torque[at] - truth), each["flag"][at][late].any(axis=1)
            found[f"covered/{name}"] = np.array((error < 2.0 * std)[free].mean())
            found[f"flagged/{name}"] = np.array([flag[free].mean(), flag[felt].mean()])
    return found


def _rms(errors: Array) -> Array:
    return np.asarray(np.sqrt(np.square(errors).mean(axis=0)))


def _example(config: ContactConfig, motion: TouchedMotion, seen: Mapping[str, Arrays]) -> Arrays:
    """Return what figures draw of one robot: times, truth, and each method's estimate."""
    at = GAINS.index(config.gain)
    example: Arrays = {"example/t": motion.t, "example/truth": motion.external}
    for name, each in seen.items():
        example |= {f"example/{name}": each["torque"][at], f"example_std/{name}": each["std"]}
    return example
