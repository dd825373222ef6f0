# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Units: rejected where they would make a loss or a network meaningless."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.errors import ConfigError, LossFileError
from ml3_ros.learners.inverse_dynamics.units import MIN_SCALE, Units, in_joint_units, rescaled

UNITS = Units(
    joint_names=("j0", "j1"), velocity=(1.0, 2.0), acceleration=(3.0, 4.0), effort=(50.0, 0.5)
)


def test_round_trip_through_json():
    assert Units.from_dict(json.loads(json.dumps(UNITS.to_dict()))) == UNITS
    assert UNITS.n_joints == 2


@pytest.mark.parametrize("name", ["velocity", "acceleration", "effort"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_scales_must_be_positive(name, value):
    with pytest.raises(ConfigError, match=name):
        replace(UNITS, **{name: (1.0, value)})


@pytest.mark.parametrize("name", ["velocity", "acceleration", "effort"])
@pytest.mark.parametrize("values", [(), (1.0,), (1.0, 1.0, 1.0)])
def test_every_joint_needs_a_scale(name, values):
    with pytest.raises(ConfigError, match=f"2 joints need 2 {name} scales, got {len(values)}"):
        replace(UNITS, **{name: values})


@pytest.mark.parametrize("names", [(), ("j0", "j0")])
def test_joint_names_must_be_some_and_differ(names):
    with pytest.raises(ConfigError, match="joint names"):
        replace(UNITS, joint_names=names)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"joint_names": ["j0"]},
        {**UNITS.to_dict(), "jerk": (1.0, 1.0)},
        {**UNITS.to_dict(), "effort": None},
        {**UNITS.to_dict(), "effort": 3.0},
        {**UNITS.to_dict(), "effort": ["1", "2"]},
        {**UNITS.to_dict(), "effort": [1.0]},
        [1, 2],
        None,
        "units",
    ],
)
def test_data_that_are_not_units_are_rejected(data):
    with pytest.raises(ConfigError, match="units"):
        Units.from_dict(data)


def test_a_scale_may_be_a_whole_number_that_no_tensor_of_them_holds():
    assert torch.tensor(replace(UNITS, effort=(10**19, 1)).effort)[0] == 1e19


def test_from_samples_takes_standard_deviations():
    rng = np.random.default_rng(0)
    v, a, tau = (rng.normal(size=(3, 400, 2)) * scale for scale in ((1, 2), (3, 4), (50, 0.5)))
    units = Units.from_samples(("j0", "j1"), v, a, tau)
    for found, x in ((units.velocity, v), (units.acceleration, a), (units.effort, tau)):
        np.testing.assert_allclose(found, x.reshape(-1, 2).std(axis=0), rtol=1e-5)


def test_a_joint_that_stands_still_gets_a_usable_scale():
    still = np.zeros((10, 2))
    units = Units.from_samples(("j0", "j1"), still, still, still)
    assert units.velocity == units.effort == (MIN_SCALE, MIN_SCALE)


def test_samples_with_nan_or_of_other_joints_are_rejected():
    good = np.ones((10, 2))
    with pytest.raises(ConfigError, match="velocity"):
        Units.from_samples(("j0", "j1"), good * np.nan, good, good)
    with pytest.raises(ConfigError, match="2 joints"):
        Units.from_samples(("j0", "j1"), np.ones((10, 3)), good, good)


def test_loss_spec_carries_scales_names_and_rule():
    spec = UNITS.loss_spec("tau", ("v", "a"), architecture="mlp", inner_lr=0.3)
    assert spec.target.name == "tau"
    assert spec.target.scale == UNITS.effort
    assert [c.name for c in spec.context] == ["v", "a"]
    assert [c.scale for c in spec.context] == [UNITS.velocity, UNITS.acceleration]
    assert all(x.labels == UNITS.joint_names for x in (spec.target, *spec.context))
    assert [x.unit for x in (spec.target, *spec.context)] == ["N m", "rad/s", "rad/s^2"]
    assert (spec.architecture, spec.inner_lr) == ("mlp", 0.3)


def test_a_loss_carries_over_to_a_robot_with_signals_of_other_sizes():
    spec = UNITS.loss_spec("tau", ("v", "a"), architecture="structured", inner_lr=0.3)
    phi = spec.network().init(torch.Generator().manual_seed(0))
    phi = {k: p + 0.3 for k, p in phi.items()}
    loss = LearnedLoss(spec=spec, phi=phi, provenance={"seed": 3, "units": UNITS.to_dict()})
    other = Units(
        joint_names=UNITS.joint_names,
        velocity=tuple(2.0 * x for x in UNITS.velocity),
        acceleration=tuple(4.0 * x for x in UNITS.acceleration),
        effort=tuple(1e3 * x for x in UNITS.effort),
    )
    carried = rescaled(loss, other)
    prediction, tau, v, a = torch.randn(4, 6, 2, generator=torch.Generator().manual_seed(1))
    young = torch.zeros(())
    seen = {"tau": tau, "v": v, "a": a}
    value = loss.spec.loss().evaluate(phi, lambda _: prediction, seen, young)
    scaled = {"tau": 1e3 * tau, "v": 2.0 * v, "a": 4.0 * a}
    again = carried.spec.loss().evaluate(carried.phi, lambda _: 1e3 * prediction, scaled, young)
    torch.testing.assert_close(again, value)
    assert carried.spec.inner_lr == loss.spec.inner_lr
    assert Units.from_dict(carried.provenance["units"]) == other
    assert carried.provenance["seed"] == 3
    assert loss.spec == spec
    assert LearnedLoss.from_bytes(carried.to_bytes()).spec == carried.spec


def test_a_loss_carries_over_to_the_same_joints_and_known_inputs_only():
    spec = UNITS.loss_spec("tau", ("v",), architecture="structured")
    phi = spec.network().init(torch.Generator())
    loss = LearnedLoss(spec=spec, phi=phi)
    with pytest.raises(LossFileError, match="shoulder"):
        rescaled(loss, replace(UNITS, joint_names=("shoulder", "j1")))
    current = replace(spec.context[0], name="current")
    with pytest.raises(ConfigError, match="current"):
        rescaled(LearnedLoss(spec=replace(spec, context=(current,)), phi=phi), UNITS)


def test_a_loss_with_a_prior_stays_in_its_units():
    options = {"spread": (0.1,), "velocity": (1.0, 1.0), "power": (1.0, 1.0), "prior_hidden": (4,)}
    spec = UNITS.loss_spec("tau", ("q", "v", "a"), architecture="prior", options=options)
    phi = spec.init_phi(torch.Generator())
    loss = LearnedLoss(spec=spec, phi=phi, provenance={"units": UNITS.to_dict()})
    assert rescaled(loss, UNITS) is loss
    with pytest.raises(LossFileError, match="carries a physics prior"):
        rescaled(loss, replace(UNITS, effort=tuple(2.0 * x for x in UNITS.effort)))
    again = LearnedLoss.from_bytes(loss.to_bytes())
    assert again.spec == loss.spec
    assert all(torch.equal(again.phi[k], p) for k, p in phi.items())


def test_a_loss_names_the_units_of_joints_that_slide():
    spec = UNITS.loss_spec("tau", ("q", "v", "a"), architecture="structured", inner_lr=0.1)

    def units(positions):
        changed = in_joint_units(spec, positions)
        return [one.unit for one in (changed.target, *changed.context)]

    assert units(("rad", "rad")) == ["N m", "rad", "rad/s", "rad/s^2"]
    assert units(("m", "m")) == ["N", "m", "m/s", "m/s^2"]
    assert units(("rad", "m")) == ["N m, N", "rad, m", "rad/s, m/s", "rad/s^2, m/s^2"]
