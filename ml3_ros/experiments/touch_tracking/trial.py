# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One touched arm that tracks by one feedforward, which it learns on the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml3_ros.data.filters import FilteredSample
from ml3_ros.experiments.external_torque.arm import GAINS, draw_perturbation
from ml3_ros.experiments.touch_tracking.config import KNOWN, MEMORY, PHYSICAL, TouchTrackingConfig
from ml3_ros.experiments.tracking.learners import Learner, NetworkLearner, Stream, units_of
from ml3_ros.experiments.tracking.loop import ClosedLoop
from ml3_ros.identification.live.physical_model import PhysicalModel, PhysicalModelConfig
from ml3_ros.learners.inverse_dynamics.squared_error import squared_error
from ml3_ros.robots.base import ArmState, Array, RobotDescription
from ml3_ros.robots.control.computed_torque import ComputedTorque
from ml3_ros.robots.control.feedforward import Feedforward
from ml3_ros.robots.control.gains import FixedGains
from ml3_ros.robots.control.trajectories import Excitation, ExcitationConfig, within_effort
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.perturbation import Perturbation, friction_torque
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.pushes import Handling, Touch, random_touches

LONGEST = 1000.0  # a motion that repeats itself for so long [s]
_ROUNDING = 1e-6  # of times [s]
STEPS_PER_WINDOW = 4  # of a network, per 8 samples


@dataclass(frozen=True, kw_only=True, slots=True)
class TouchedRobot:
    """One robot and its draws: seed of motion, noise and network; payload [kg]; touches."""

    perturbation: Perturbation
    seed: int
    touches: tuple[Touch, ...]


def draw_robot(
    config: TouchTrackingConfig, description: RobotDescription, rng: np.random.Generator
) -> TouchedRobot:
    """Return a random robot that can still carry the added payload, and who touches it."""
    perturbation = draw_perturbation(description, rng)
    light = max(0.0, description.payload_limit - config.added_payload) * rng.random()
    fields = perturbation.to_dict() | {"payload": light}
    motion, touch = rng.integers(2**31, size=2)
    touches = random_touches(
        description.nv, int(touch), config.peace, config.changes[0], config.touches
    )
    return TouchedRobot(perturbation=Perturbation(**fields), seed=int(motion), touches=touches)


class PhysicalLearner:
    """A physical model as a learner of a feedforward."""

    def __init__(self, description: RobotDescription, config: PhysicalModelConfig) -> None:
        """Begin with the arm as described."""
        self._model = PhysicalModel(PinocchioModel(description), description.home, config)

    def learn(self, t: float, q: Array, v: Array, a: Array, tau: Array) -> bool:
        """See `Learner`."""
        due = self._model.take(FilteredSample(t, q, v, a, tau))
        if due:
            self._model.update()
        return due

    def model(self) -> Feedforward:
        """See `Learner`."""
        return self._model.feedforward()


def learner_of(
    name: str, config: TouchTrackingConfig, description: RobotDescription, seed: int
) -> Learner | None:
    """Return the learner of a method, None where nothing is learned."""
    if name in PHYSICAL:
        return PhysicalLearner(description, PHYSICAL[name])
    if name != "adam_tuned_forgetting":
        return None
    units = units_of(config.robot)
    return NetworkLearner(
        squared_error(units, "tau", "adam", config.adam_step),
        units,
        config.robot,
        steps_per_window=STEPS_PER_WINDOW,
        memory=round(GAINS.rate * MEMORY),
        seed=seed,
    )


def known_torque(
    name: str, description: RobotDescription, perturbation: Perturbation
) -> Feedforward | None:
    """Return the feedforward of a method that knows the arm before it moves, None for others."""
    if name != KNOWN:
        return None
    model = PinocchioModel(description, perturbation)
    return lambda q, v, a: model.rnea(q, v, a) + friction_torque(perturbation, v)


class HandledArm:
    """An arm that people touch, and load and unload, at set times; it keeps what they feel.

    Attributes:
        power: What each period has put into their hands, tau_ext^T v negated [W].
    """

    def __init__(self, arm: MujocoArm, robot: TouchedRobot, config: TouchTrackingConfig) -> None:
        """Handle an arm that is at home."""
        up, down, _ = config.changes
        light, heavy = (
            robot.perturbation.payload,
            robot.perturbation.payload + config.added_payload,
        )
        self._arm = arm
        self._handling = Handling(robot.touches, ((up, heavy), (down, light)))
        self.power: list[float] = []

    def state(self) -> ArmState:
        """Return the newest measurement."""
        return self._arm.state()

    def step(self, tau: Array, dt: float) -> ArmState:
        """See `MujocoArm.step`; hands and payloads are those of the beginning."""
        self._handling.apply(self._arm, self._arm.state().t + _ROUNDING)
        state = self._arm.step(tau, dt)
        self.power.append(-float(self._arm.external_torque() @ state.v))
        return state


def run_trial(
    name: str, config: TouchTrackingConfig, description: RobotDescription, robot: TouchedRobot
) -> tuple[Array, Array]:
    """Let a robot track by one method; return errors [rad] (T, n) and power into hands [W] (T,).

    Where the arm is lost the errors are infinite, and the power is zero.
    """
    loaded = PinocchioModel(description, Perturbation(payload=description.payload_limit))
    repeating = ExcitationConfig(
        piece_seconds=LONGEST, n_sines=1, frequency=(1.0 / config.period, 1.0 / config.period)
    )
    motion = Excitation(description.limits, description.home, robot.seed, repeating)
    motion = within_effort(motion, loaded, 4.0 * config.period)
    arm = HandledArm(MujocoArm(description, robot.perturbation, seed=robot.seed), robot, config)
    learner = learner_of(name, config, description, robot.seed)
    stream = None if learner is None else Stream(learner, description.nv, GAINS.rate, None)
    known = known_torque(name, description, robot.perturbation)
    gains = FixedGains(GAINS, loaded.M(description.home), description.limits.effort)
    controller = ComputedTorque(gains, description.limits, rate=GAINS.rate, known=known)
    errors = ClosedLoop(arm, controller, motion, GAINS.rate, stream).run(config.changes[-1])
    power = np.zeros(len(errors))
    power[: len(arm.power)] = arm.power[: len(errors)]
    return errors, power
