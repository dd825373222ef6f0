# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The shipped loss tells payloads from hands, of arms that it was not trained on, too."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.data.filters import FilteredSample
from ml3_ros.errors import LossFileError
from ml3_ros.identification.live.learned_payload import LearnedPayloadChange
from ml3_ros.identification.live.payload import LearnedPayloadConfig
from ml3_ros.identification.live.physical_model import PhysicalModel, PhysicalModelConfig
from ml3_ros.learners.inverse_dynamics.bodies import body_parameters, from_tool
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.zoo import shipped_loss

SPACING, LOT = 0.05, 20
STD = np.array([1.0, 1.0, 0.6, 0.6, 0.2, 0.2, 0.2])


@pytest.fixture(params=["sawyer", "ur10"])
def arm(request):
    return PinocchioModel(load_robot(request.param))


@pytest.fixture
def lots(arm):
    """Return lots of (times, ten columns, velocities) of an arm on a smooth path."""

    def moving(count):
        k, n = np.arange(LOT), arm.nv
        rate = 1.0 + 0.3 * np.arange(n)
        for lot in range(count):
            t = SPACING * (LOT * lot + k)
            angle = rate * t[:, None]
            q = arm.description.home + 0.4 * np.sin(angle)
            v, a = 0.4 * rate * np.cos(angle), -0.4 * rate**2 * np.sin(angle)
            yield t, arm.regressor(q, v, a)[..., 10 * (n - 1) : 10 * n], v

    return moving


def change_of(arm):
    return LearnedPayloadChange(LearnedPayloadConfig(), arm.nv, arm.tool_position, SPACING)


def carried_by(arm, mass):
    body = body_parameters(mass, np.array([0.05, -0.03, 0.08]), np.full(3, 0.1))
    return from_tool(arm.tool_position) @ body


def error(told, carried, columns, std):
    """Return the root mean square torque by which a body is told wrong, in deviations."""
    return np.sqrt(np.square(columns @ (told - carried) / std).mean())


def test_a_payload_is_told_within_seconds_and_its_end_too(arm, lots):
    change, rng, std = change_of(arm), np.random.default_rng(0), STD[: arm.nv]
    body = carried_by(arm, 2.0)
    for lot, (t, columns, v) in enumerate(lots(32)):
        carried = body if 12 <= lot < 22 else np.zeros(10)
        noise = rng.normal(size=(LOT, arm.nv))
        change.take(t, columns / std[:, None], columns @ carried / std + noise, v)
        if lot in (8, 11):
            assert error(change.parameters, 0.0 * body, columns, std) < 0.3
        if lot in (15, 21):
            assert change.parameters[0] == pytest.approx(2.0, abs=0.35)
            assert error(change.parameters, carried, columns, std) < 1.0
        if lot in (26, 31):
            assert error(change.parameters, carried, columns, std) < 1.0


def test_hands_are_no_payload(arm, lots):
    change, rng, std = change_of(arm), np.random.default_rng(0), STD[: arm.nv]
    push = np.array([30.0, -20.0, 15.0, -12.0, 6.0, 2.0, 0.0])[: arm.nv]
    for lot, (t, columns, v) in enumerate(lots(24)):
        pushed = push if lot % 6 == 2 else 0.0 * push
        noise = rng.normal(size=(LOT, arm.nv))
        change.take(t, columns / std[:, None], pushed / std + noise, v)
        if lot > 3:
            assert abs(change.parameters[0]) < 0.5, lot


def test_too_few_rows_tell_nothing(arm, lots):
    change = change_of(arm)
    t, columns, v = next(lots(1))
    assert not change.take(t, columns, columns @ carried_by(arm, 3.0), v)
    assert not change.parameters.any()


def test_a_physical_model_carries_what_is_told(sawyer):
    config = PhysicalModelConfig(fit="robust", update_period=1.0, payload=LearnedPayloadConfig())
    arm, rng = PinocchioModel(sawyer), np.random.default_rng(0)
    heavy = arm.inertial_parameters()
    heavy[60:70] += carried_by(arm, 2.0)
    model = PhysicalModel(PinocchioModel(sawyer), sawyer.home, config)
    rate, errors = 1.0 + 0.3 * np.arange(7), []
    for k in range(360):
        t = 0.05 * k
        q, v = sawyer.home + 0.4 * np.sin(rate * t), 0.4 * rate * np.cos(rate * t)
        a = -0.4 * rate**2 * np.sin(rate * t)
        tau = arm.regressor(q, v, a) @ (heavy if t > 14.0 else arm.inertial_parameters())
        measured = tau + 0.5 * model.noise * rng.normal(size=7)
        if model.take(FilteredSample(t, q, v, a, measured)):
            model.update()
        errors.append(np.abs(model.feedforward()(q, v, a) - tau).max())
    assert max(errors[285:295]) > 3.0 and max(errors[340:]) < 1.5
    assert model.inertial_parameters[60] == pytest.approx(heavy[60], abs=0.4)


def test_the_shipped_loss_has_no_joint_in_its_shape():
    spec = shipped_loss("arm_ml3_payload").spec
    assert spec.of_size(3).phi_shapes() == spec.phi_shapes()
    with pytest.raises(LossFileError, match="nowhere"):
        LearnedPayloadChange(LearnedPayloadConfig(loss="nowhere"), 7, np.zeros(3), SPACING)
