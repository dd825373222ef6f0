# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Simulated arms that people touch while they follow a motion with low gains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml3_ros.robots.base import Array, RobotDescription
from ml3_ros.robots.control.computed_torque import ComputedTorque
from ml3_ros.robots.control.gains import FixedGains, GainConfig
from ml3_ros.robots.control.trajectories import Excitation, ExcitationConfig, within_effort
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.pushes import Touch, pushes_at

MASS_SHARE, FRICTION = 0.2, (0.5, 1.5)  # as of the arms that track
VELOCITY_NOISE = 1e-3  # [rad/s]
TORQUE_NOISE = 0.002  # of the effort limit [-]
GAINS = GainConfig()


@dataclass(frozen=True, slots=True, eq=False)
class TouchedMotion:
    """What a touched arm measures: t (T,) [s], q, v, tau (T, n), and the truth `external` (T, n).

    `pushed` (T,) tells when somebody touches the arm.
    """

    t: Array
    q: Array
    v: Array
    tau: Array
    external: Array
    pushed: Array


def draw_perturbation(description: RobotDescription, rng: np.random.Generator) -> Perturbation:
    """Return an arm with a payload, other masses, friction and noise."""
    limits = description.limits
    effort = np.where(np.isfinite(limits.effort), limits.effort, 1.0)
    return Perturbation.sample(
        description,
        rng,
        payload=(0.0, description.payload_limit),
        mass_share=MASS_SHARE,
        friction=FRICTION,
        velocity_noise=VELOCITY_NOISE,
        torque_noise=tuple(TORQUE_NOISE * effort),
    )


def controller_of(description: RobotDescription, loaded: PinocchioModel) -> ComputedTorque:
    """Return the controller: torques of the arm as described, and low gains at home."""
    M, limits = loaded.M(description.home), description.limits
    known = PinocchioModel(description).rnea
    return ComputedTorque(
        FixedGains(GAINS, M, limits.effort), limits, rate=GAINS.rate, known=known
    )


def touched_motion(
    description: RobotDescription,
    perturbation: Perturbation,
    touches: tuple[Touch, ...],
    seconds: float,
    seed: int,
) -> TouchedMotion:
    """Let an arm follow a random motion while it is touched; return what it measures.

    Args:
        description: The arm as described.
        perturbation: What is different in this one.
        touches: By people.
        seconds: Length of the motion [s].
        seed: Of the motion and the noise.
    """
    arm = MujocoArm(description, perturbation, seed=seed)
    payload = Perturbation(payload=description.payload_limit)
    loaded = PinocchioModel(description, payload)
    controller = controller_of(description, loaded)
    motion = Excitation(description.limits, description.home, seed, ExcitationConfig())
    motion = within_effort(motion, loaded, seconds)
    count = round(seconds * GAINS.rate)
    q_ref, v_ref, a_ref = motion.at(np.arange(count + 1) / GAINS.rate)
    state, rows = arm.state(), []
    for k in range(count):
        # what is commanded is reached at the end of the period
        ahead = controller.feedforward(q_ref[k + 1], v_ref[k + 1], a_ref[k + 1])
        tau = controller.with_feedback(ahead, state.q, state.v, q_ref[k], v_ref[k])
        pushes = pushes_at(touches, k / GAINS.rate)
        arm.push(*pushes)
        state = arm.step(tau, 1.0 / GAINS.rate)
        rows.append((state.t, state.q, state.v, state.tau, arm.external_torque(), bool(pushes)))
    return TouchedMotion(*(np.stack(x) for x in zip(*rows, strict=True)))
