# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Base parameters make the same torques as all parameters, and their intervals hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from ml3_ros.identification.confidence.base_fit import fit_base_parameters
from ml3_ros.identification.confidence.base_parameters import base_parameters
from ml3_ros.identification.confidence.friction_intervals import friction_intervals
from ml3_ros.identification.confidence.parameters import (
    nominal_values,
    parameter_sizes,
    parameters_of,
    torque_columns,
)
from ml3_ros.identification.models.friction_fit import friction_fit, friction_predict
from ml3_ros.reports.identification.base_file import base_parameters_text
from ml3_ros.robots.control.trajectories import Excitation, ExcitationConfig
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot

RATE, SECONDS = 30, 24.0
RECORDINGS = 200


@pytest.fixture(scope="module")
def base(model):
    return base_parameters(model)


def motions(model, count):
    t = np.arange(round(SECONDS * RATE)) / RATE + 5.0
    config = ExcitationConfig(frequency=(0.2, 0.8))
    home = np.zeros(model.nv)
    return [Excitation(model.limits, home, seed, config).at(t) for seed in range(count)]


def test_base_parameters_make_the_torque_of_all_parameters(model, base):
    rng = np.random.default_rng(0)
    q, v, a = rng.normal(size=(3, 30, 2))
    values = nominal_values(model) + rng.normal(size=nominal_values(model).size)
    whole = torque_columns(model, q, v, a) @ values
    np.testing.assert_allclose(base.regressor(model, q, v, a) @ base.of(values), whole, atol=1e-9)
    nominal = torque_columns(model, q, v, a) @ nominal_values(model)
    np.testing.assert_allclose(nominal, model.rnea(q, v, a))


def test_base_parameters_of_a_planar_arm(base):
    """Two pendulums about y: inertia, first moments x and z of both; friction; one rotor."""
    names = [str(parameter) for parameter in base.parameters]
    assert names == [
        "the first moment of link 1 along x",
        "the first moment of link 1 along z",
        "the inertia of link 1 about y",
        "the first moment of link 2 along x",
        "the first moment of link 2 along z",
        "the inertia of link 2 about y",
        *(f"the viscous friction of joint {j}" for j in (1, 2)),
        *(f"the dry friction of joint {j}" for j in (1, 2)),
        *(f"the offset of joint {j}" for j in (1, 2)),
        "the rotor inertia of joint 2",
    ]
    # the mass of the second link hangs 0.5 m below the first joint
    every = [str(parameter) for parameter in parameters_of(2)]
    mass = every.index("the mass of link 2")
    assert base.combination[1, mass] == pytest.approx(-0.5)
    assert base.combination[2, mass] == pytest.approx(0.25)
    assert base.combination[2, every.index("the rotor inertia of joint 1")] == pytest.approx(1.0)


@pytest.mark.parametrize(("robot", "count"), [("reacher", 11), ("sawyer", 69)])
def test_other_arms_have_a_full_base(robot, count):
    model = PinocchioModel(load_robot(robot))
    found = base_parameters(model)
    assert len(found.columns) == count
    rng = np.random.default_rng(3)
    columns = found.regressor(model, *rng.normal(size=(3, 100, model.nv))).reshape(-1, count)
    assert np.linalg.matrix_rank(columns / np.linalg.norm(columns, axis=0), tol=1e-5) >= count - 1


def test_nine_of_ten_intervals_hold_the_truth(model, base, rows_of, coloured):
    """Of base parameters, of arms whose inertia is not the file's, over RECORDINGS recordings."""
    rng = np.random.default_rng(1)
    paths = motions(model, 10)
    held = []
    for number in range(RECORDINGS):
        path = paths[number % len(paths)]
        truth = nominal_values(model) * rng.uniform(0.8, 1.25, 28)
        truth[20:] += np.repeat([0.6, 1.0, 0.2, 0.05], 2) * rng.uniform(0.5, 1.5, 8)
        tau = torque_columns(model, *path) @ truth
        rows = rows_of(path, tau + coloured(rng, tau.shape))
        fit = fit_base_parameters(model, rows, model.rnea(*path), base=base)
        assert (fit.unit == 1.0).all()
        low, high = (fit.estimate.interval(0.9) * fit.sizes[:, None]).T
        held.append((low <= base.of(truth)) & (base.of(truth) <= high))
    assert 0.85 <= np.mean(held) <= 0.95
    assert (np.mean(held, axis=0) > 0.82).all()


def test_nine_of_ten_intervals_of_the_classical_fit_hold_the_truth(model, rows_of, coloured):
    rng = np.random.default_rng(2)
    paths = motions(model, 10)
    held = []
    for number in range(RECORDINGS):
        path = paths[number % len(paths)]
        truth = rng.uniform(0.2, 2.0, (2, 4))
        tau_rbd = model.rnea(*path)
        tau = friction_predict(truth, tau_rbd, path[1])
        rows = rows_of(path, tau + coloured(rng, tau.shape))
        low, high = np.moveaxis(friction_intervals(rows, tau_rbd), -1, 0)
        held.append((low <= truth) & (truth <= high))
    assert 0.85 <= np.mean(held) <= 0.95


def test_a_weighted_fit_has_intervals_about_its_own_coefficients(model, rows_of, coloured):
    """A hand on the arm in every third block: its rows count nothing, there as in the fit."""
    rng = np.random.default_rng(6)
    path = motions(model, 1)[0]
    tau_rbd = model.rnea(*path)
    truth = np.array([[1.0, 0.8, 1.5, 0.3], [1.0, 0.4, 0.9, -0.2]])
    tau = friction_predict(truth, tau_rbd, path[1])
    clean = rows_of(path, tau + coloured(rng, tau.shape))
    touched = clean.block % 3 == 0
    rows = rows_of(path, clean.tau + 15.0 * touched[:, None])
    weights = np.repeat(1.0 - touched[:, None], 2, axis=1)
    ends = friction_intervals(rows, tau_rbd, weights)
    fitted = friction_fit(tau_rbd, rows.v, rows.tau, weights)
    np.testing.assert_allclose(ends.mean(axis=-1), fitted)
    assert np.abs(fitted - truth).max() < 0.5
    parameters = fit_base_parameters(model, rows, tau_rbd, weights=weights)
    without = fit_base_parameters(model, rows, tau_rbd)
    assert parameters.noise.max() < 0.2 * without.noise.max()
    assert np.median(parameters.relative / without.relative) < 0.5


def test_a_link_without_inertia_about_its_axis_divides_nothing_by_zero(urdf, tmp_path):
    """The last link of many a URDF is a point on its axis."""
    before, link, after = urdf.read_text().partition('<link name="lower">')
    after = after.replace("0 0 -0.3", "0 0 0").replace('iyy="0.02"', 'iyy="0"')
    path = tmp_path / "point.urdf"
    path.write_text(before + link + after)
    model = PinocchioModel(load_robot(path, simulated=False))
    assert model.M(np.zeros(2))[1, 1] == 0.0
    sizes = parameter_sizes(model, np.zeros(2), np.ones(2), np.ones(2))
    assert np.isfinite(sizes).all() and (sizes > 0.0).all()


def test_rank_and_condition_of_a_joint_that_rests(model, base, rows_of, coloured):
    rng = np.random.default_rng(4)
    q, v, a = (x.copy() for x in motions(model, 1)[0])
    moving = torque_columns(model, q, v, a) @ nominal_values(model)
    good = fit_base_parameters(
        model, rows_of((q, v, a), moving + coloured(rng, q.shape)), moving, base=base
    )
    # offsets and dry friction of an arm without friction have no size
    assert good.rank >= len(base.columns) - 2 and good.condition < 100.0
    q[:, 1], v[:, 1], a[:, 1] = 0.3, 0.0, 0.0
    tau = model.rnea(q, v, a)
    rows = rows_of((q, v, a), tau + coloured(rng, tau.shape))
    fit = fit_base_parameters(model, rows, tau, base=base)
    assert np.isinf(fit.condition) and fit.rank <= good.rank - 3
    friction = [str(p) for p in base.parameters].index("the viscous friction of joint 2")
    assert fit.relative[friction] == pytest.approx(10.0)  # as vague as before


def test_the_file_of_base_parameters(model, base, rows_of, coloured):
    path = motions(model, 1)[0]
    tau = model.rnea(*path)
    rows = rows_of(path, tau + coloured(np.random.default_rng(5), tau.shape))
    fit = fit_base_parameters(model, rows, tau, base=base)
    content = yaml.safe_load(base_parameters_text(fit))["base_parameters"]
    assert [one["name"] for one in content] == [str(p) for p in base.parameters]
    second = content[1]
    assert second["low"] < second["value"] < second["high"]
    assert second["parts"]["the mass of link 2"] == pytest.approx(-0.5)
