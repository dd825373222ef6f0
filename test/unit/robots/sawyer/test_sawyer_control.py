# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""NaN, infinite and huge numbers in the controller of an emulated Sawyer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml3_ros.errors import ConfigError, RobotError
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.sawyer.controller import ArmControl, Command, CommandRejectedError
from ml3_ros.robots.sawyer.emulation import SawyerEmulation
from ml3_ros.robots.sawyer.interface import Mode

SAWYER = load_robot("sawyer")
HOME, LIMITS = SAWYER.home, SAWYER.limits
DT = 1e-3


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e155, -1e308])
@pytest.mark.parametrize("field", ["position", "velocity", "acceleration", "effort"])
@pytest.mark.parametrize("mode", Mode)
def test_a_command_with_a_number_that_is_not_finite_does_not_exist(mode, field, bad):
    values = np.where(np.arange(7) == 3, bad, 0.0)
    with pytest.raises(CommandRejectedError, match=f"a {field} that is not finite.*its sender"):
        Command(mode=mode, **{field: values})


@pytest.mark.parametrize("dt", [0.0, -1.0, np.nan, np.inf])
def test_a_period_that_is_none_is_rejected(dt):
    with pytest.raises(ConfigError, match="dt is"):
        SawyerEmulation(SAWYER, Perturbation(), dt=dt)


@pytest.mark.parametrize(
    ("argument", "bad"),
    [(i, bad) for i in (2, 3) for bad in (1e308, -1.7e308)]
    + [(4, np.nan), (4, np.inf), (0, np.nan), (0, np.inf)]
    + [(1, bad) for bad in (0.0, -1.0, np.nan, np.inf)],
)
def test_a_torque_that_is_not_finite_is_not_returned_and_nothing_is_kept_of_it(argument, bad):
    control, twin = (ArmControl(PinocchioModel(SAWYER)) for _ in range(2))
    good = [0.0, DT, HOME + 0.01, np.zeros(7), np.zeros(7)]
    for each in (control, twin):
        each.hold(0.0, HOME, np.zeros(7))
        each.torque(*good)
    wrong = list(good)
    wrong[argument] = bad if argument < 2 else np.where(np.arange(7) == 3, bad, 0.0)
    with pytest.raises(RobotError, match="finite"):
        control.torque(*wrong)
    np.testing.assert_array_equal(control.torque(*good), twin.torque(*good))


def test_a_state_that_is_not_finite_leaves_reference_and_integral_alone():
    model, bad = PinocchioModel(SAWYER), np.where(np.arange(7) == 3, np.nan, 0.0)
    control, twin = ArmControl(model), ArmControl(model)
    zero, load = np.zeros(7), np.zeros(7)
    for each in (control, twin):
        each.hold(0.0, HOME, zero)
        each.torque(0.0, DT, HOME + 0.01, zero, load)
    for q, v in ((bad, zero), (HOME, bad)):
        with pytest.raises(RobotError, match="NaN or infinity"):
            control.torque(DT, DT, q, v, load)
    args = (DT, DT, HOME, zero, load)
    np.testing.assert_array_equal(control.torque(*args), twin.torque(*args))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("ratio", [0.0, 0.3])
def test_joints_without_limits_reach_their_target_and_rest_there(ratio):
    model = PinocchioModel(SAWYER)
    none = np.full(7, np.inf)
    model.limits = replace(LIMITS, velocity=none, acceleration=none)
    control, zero = ArmControl(model), np.zeros(7)
    control.set_speed_ratio(ratio)
    control.hold(0.0, HOME, zero)
    for k in range(20):
        control.command(Command(mode=Mode.POSITION, position=HOME + 0.01), k * DT, HOME, zero)
        assert np.isfinite(control.torque(k * DT, DT, HOME, zero, zero)).all()
    reached = HOME + 0.01 * (ratio > 0.0)
    np.testing.assert_allclose(control._q_ref, reached, atol=1e-12)
    np.testing.assert_allclose(control._v_ref, 0.0, atol=1e-12)
