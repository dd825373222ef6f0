# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Run of the tracking experiment: error along motions, and recovery after a new payload."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.experiments.tracking.config import METHODS, TrackingConfig
from ml3_ros.experiments.tracking.learners import Learner, Stream, learner_factory, units_of
from ml3_ros.experiments.tracking.loop import ClosedLoop, recovery, rms, running_rms
from ml3_ros.robots.base import Array
from ml3_ros.robots.control.computed_torque import ComputedTorque
from ml3_ros.robots.control.feedforward import Feedforward
from ml3_ros.robots.control.gains import FixedGains
from ml3_ros.robots.control.trajectories import Excitation, ExcitationConfig, within_effort
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot

TEST_POOL, VALIDATION_POOL = 71, 72  # meta-training draws from other seeds
TEST_MOTION = 730_000  # seed of the motion on which everything is tested
MASS_SHARE, FRICTION = 0.2, (0.5, 1.5)  # as the perturbed robots of invdyn_sawyer_live
VELOCITY_NOISE = 1e-3  # [rad/s]
TORQUE_NOISE = 0.01  # of the joint's typical torque [-]
LONGEST = 1000.0  # a motion that repeats itself for so long [s]


@dataclass(frozen=True, slots=True)
class Robot:
    """One robot and its draws: seed of motion, noise, network; payload before the change [kg]."""

    perturbation: Perturbation
    seed: int
    light: float


class Bench:
    """All that the methods have in common.

    Motions are made smaller, if need be, until the arm as described can make them with its largest
    payload and 90 % of its effort limits.
    """

    def __init__(self, config: TrackingConfig) -> None:
        self.config = config
        self.description = load_robot(config.robot)
        self.nominal = PinocchioModel(self.description)
        loaded = Perturbation(payload=self.description.payload_limit)
        self._loaded = PinocchioModel(self.description, loaded)
        self.rate = config.gains.rate
        self.test_motion = self._motion(TEST_MOTION, ExcitationConfig(), config.test_seconds)

    def robot(self, pool: int, seed: int, number: int) -> Robot:
        """Draw a robot of a pool."""
        rng = np.random.default_rng((pool, seed, number))
        limit = self.description.payload_limit
        noise = TORQUE_NOISE * np.array(units_of(self.config.robot).effort)
        perturbation = Perturbation.sample(
            self.description,
            rng,
            payload=(limit / 3.0, limit),
            mass_share=MASS_SHARE,
            friction=FRICTION,
            velocity_noise=VELOCITY_NOISE,
            torque_noise=tuple(noise),
        )
        light = max(0.0, limit - self.config.added_payload) * rng.random()
        return Robot(perturbation, int(rng.integers(2**31)), light)

    def learning_motion(self, robot: Robot) -> Excitation:
        """Return the motion on which a robot learns."""
        return self._motion(robot.seed, ExcitationConfig(), self.config.marks[-1])

    def repeating_motion(self, robot: Robot) -> Excitation:
        """Return a motion that repeats itself each period, as in moving things about."""
        frequency = 1.0 / self.config.period
        repeating = ExcitationConfig(
            piece_seconds=LONGEST, n_sines=1, frequency=(frequency, frequency)
        )
        return self._motion(robot.seed, repeating, 4.0 * self.config.period)

    def arm(self, robot: Robot, payload: float | None = None) -> MujocoArm:
        """Return the robot at home, with its own payload or another [kg]."""
        arm = MujocoArm(self.description, robot.perturbation, seed=robot.seed)
        if payload is not None:
            arm.set_payload(payload)
            arm.reset(self.description.home)
        return arm

    def controller(self, *, nominal: bool) -> ComputedTorque:
        """Return the controller, with the torques of the arm as described fed forward or not.

        Its gains are those of home: it answers on time, and robots rub and carry a payload.
        """
        M, limits = self._loaded.M(self.description.home), self.description.limits
        return ComputedTorque(
            FixedGains(self.config.gains, M, limits.effort),
            limits,
            rate=self.rate,
            known=self.nominal.rnea if nominal else None,
        )

    def _motion(self, seed: int, shape: ExcitationConfig, seconds: float) -> Excitation:
        motion = Excitation(self.description.limits, self.description.home, seed, shape)
        return within_effort(motion, self._loaded, seconds)


class Trial:
    """One method on one robot."""

    def __init__(self, bench: Bench, name: str, robot: Robot, step_size: float = math.nan) -> None:
        self._bench, self._robot, self._step_size = bench, robot, step_size
        self._method = METHODS[name]
        config = bench.config
        self._make = learner_factory(
            self._method,
            config.robot,
            bench.nominal,
            steps_per_window=config.steps_per_window,
            rate=bench.rate,
        )

    def errors_after(self, marks: tuple[float, ...]) -> Array:
        """Return the tracking error after so many seconds of adaptation, per joint (marks, n).

        While it learns the arm is moved by the feedforward that is being learned; then the model
        is frozen, and another arm of the same kind makes the test motion with it.
        """
        learner = self._make(self._step_size, self._robot.seed)
        if learner is None:
            return np.repeat(self._tested(None)[None], len(marks), axis=0)
        motion = self._bench.learning_motion(self._robot)
        loop = self._loop(self._bench.arm(self._robot), motion, learner)
        found = []
        for mark in marks:
            loop.run(mark)
            found.append(self._tested(learner.model()))
        return np.stack(found)

    def change_of_payload(self) -> tuple[Array, float, Array]:
        """Let the arm adapt, then grow its payload while it moves and learns on.

        Returns:
            Running error [rad] from one period before the change on, an entry a control period;
            seconds until it is back; and the error per joint over the period before, (n,).
        """
        config, bench, robot = self._bench.config, self._bench, self._robot
        learner = self._make(self._step_size, robot.seed)
        arm = bench.arm(robot, robot.light)
        loop = self._loop(arm, bench.repeating_motion(robot), learner)
        before = loop.run(config.marks[-1])
        arm.set_payload(robot.light + config.added_payload)
        after = loop.run(config.marks[-1] + config.after_seconds)
        window = round(config.period * bench.rate)
        level = running_rms(np.concatenate([before[-2 * window + 1 :], after]), window)
        level = level[window - 1 :]  # the last `window` before the change, then all after
        seconds = recovery(level[window:], bench.rate, level[window - 1], config.recovered)
        return level, seconds, rms(before[-window:])

    def _tested(self, model: Feedforward | None) -> Array:
        """Return the error of an arm that makes the test motion with a frozen model, (n,)."""
        bench, config = self._bench, self._bench.config
        controller = bench.controller(nominal=self._method.nominal)
        if model is not None:
            # A model sees the reference only, so all its torques are known before the arm moves.
            times = np.arange(1, round(config.test_seconds * bench.rate) + 1) / bench.rate
            torques = model(*bench.test_motion.at(times))
            if not np.isfinite(torques).all():
                return np.full(bench.description.nv, math.inf)  # learning has diverged
            coming = iter(torques)
            controller.exchange(lambda q, v, a: next(coming))
        loop = ClosedLoop(bench.arm(self._robot), controller, bench.test_motion, bench.rate)
        errors = loop.run(config.test_seconds)
        return rms(errors[round(config.settle_seconds * bench.rate) :])

    def _loop(self, arm: MujocoArm, motion: Excitation, learner: Learner | None) -> ClosedLoop:
        bench, nominal = self._bench, self._method.nominal
        stream = None
        if learner is not None:
            known = bench.nominal if nominal else None
            stream = Stream(learner, bench.description.nv, bench.rate, known)
        return ClosedLoop(arm, bench.controller(nominal=nominal), motion, bench.rate, stream)


def prepare(config: TrackingConfig, scratch: Path, report: Report) -> Arrays:
    """Choose the step size of every tuned method, on robots that nothing is reported on.

    Returns:
        By method "validation/NAME" (sizes, robots, marks), errors [rad], and "step_size/NAME" (),
        the one with the lowest mean logarithm of the errors after all marks but the first.
    """
    bench = Bench(config)
    robots = [bench.robot(VALIDATION_POOL, 0, i) for i in range(config.n_validation_robots)]
    arrays: Arrays = {}
    total = sum(len(METHODS[name].grid) for name in config.tuned) * len(robots)
    with tqdm(total=total, desc="tuning", leave=False, mininterval=1.0) as progress:
        for name in config.tuned:
            grid = METHODS[name].grid
            scores = np.empty((len(grid), len(robots), len(config.marks[1:])))
            for i, j in np.ndindex(*scores.shape[:2]):
                trial = Trial(bench, name, robots[j], grid[i])
                scores[i, j] = trial.errors_after(config.marks[1:]).mean(-1)
                progress.update()
            best = int(np.log(scores).mean((1, 2)).argmin())
            arrays |= {f"validation/{name}": scores, f"step_size/{name}": np.array(grid[best])}
            report(f"{name}: step size {grid[best]:g}")
    return arrays


def run_seed(
    config: TrackingConfig,
    seed: int,
    shared: Arrays,
    scratch: Path,
    engine: Engine = AUTOGRAD,
) -> Arrays:
    """Let every method track with this seed's robots.

    Returns:
        By method "error/NAME" (robots, marks, n), RMS errors [rad] after so much adaptation;
        "level/NAME" (robots, T), the running error around the change of payload; "recovery/NAME"
        (robots,) [s]; "before/NAME" (robots, n), errors before the change.
    """
    bench = Bench(config)
    robots = [bench.robot(TEST_POOL, seed, i) for i in range(config.n_robots)]
    arrays: Arrays = {}
    for name in tqdm(config.methods, desc="methods", leave=False, mininterval=1.0):
        step_size = float(shared.get(f"step_size/{name}", math.nan))
        trials = [Trial(bench, name, robot, step_size) for robot in robots]
        changes = [trial.change_of_payload() for trial in trials]
        level, seconds, before = (np.stack(x) for x in zip(*changes, strict=True))
        arrays |= {
            f"error/{name}": np.stack([trial.errors_after(config.marks) for trial in trials]),
            f"level/{name}": level,
            f"recovery/{name}": seconds,
            f"before/{name}": before,
        }
    return arrays
