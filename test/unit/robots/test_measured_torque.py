# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a simulated arm measures is of one instant: torque, state and filtered acceleration."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.data.filters import savgol_acceleration
from ml3_ros.robots.control.computed_torque import ComputedTorque
from ml3_ros.robots.control.gains import FixedGains, GainConfig
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel

DT = 0.01
WINDOW = 21  # of the filter


@pytest.mark.parametrize("delay", [0.0, 0.004])
@pytest.mark.parametrize("rubs", [False, True])
def test_measured_torques_belong_to_the_state_and_its_filtered_acceleration(arm, rubs, delay):
    effort, velocity = rubs * arm.limits.effort, arm.limits.velocity
    viscous, coulomb = 0.02 * effort / velocity, 0.02 * effort
    perturbation = Perturbation(
        viscous=tuple(viscous), coulomb=tuple(coulomb), command_delay=delay
    )
    model = PinocchioModel(arm)

    def inverse(q, v, a):
        return model.rnea(q, v, a) + viscous * v + coulomb * np.sign(v)

    q, v, tau = swung(arm, perturbation, inverse)
    error = (inverse(q, v, savgol_acceleration(v, DT, WINDOW)) - tau) / tau.std(axis=0)
    # where the arm turns round, dry friction jumps, and with it the acceleration
    turns = (np.abs(v) < 0.1).any(axis=1) if rubs else np.zeros(len(v), dtype=bool)
    smooth = np.convolve(turns, np.ones(WINDOW), mode="valid") == 0
    used = error[WINDOW // 2 : -(WINDOW // 2)][smooth]
    assert len(used) > 100
    assert np.square(used).mean() < 1e-6


def swung(arm, perturbation, inverse):
    """Return q, v, tau (T, n) of an arm that swings to and fro, all joints at a time."""
    model, moving = PinocchioModel(arm), MujocoArm(arm, perturbation)
    gains = FixedGains(GainConfig(), model.M(arm.home), arm.limits.effort)
    controller = ComputedTorque(gains, arm.limits, rate=1.0 / DT, known=inverse)
    way, omega = 0.3 * np.resize([1.0, -1.0], arm.nv), 2.0 * np.pi * 0.25
    state, rows = moving.state(), []
    for t in np.arange(0.0, 8.0, DT):
        turned, speed = 1.0 - np.cos(omega * t), omega * np.sin(omega * t)
        reference = (arm.home + turned * way, speed * way, omega**2 * (1.0 - turned) * way)
        state = moving.step(controller.torque(state.q, state.v, *reference), DT)
        rows.append((state.q, state.v, state.tau))
    return np.array(rows[100:]).transpose(1, 0, 2)
