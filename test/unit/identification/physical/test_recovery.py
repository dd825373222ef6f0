# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A simulated arm with known truth is recovered: base parameters, friction, other motion."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.data.presliding import hysteresis
from ml3_ros.identification.fits import Explained
from ml3_ros.identification.models.scores import nmse
from ml3_ros.identification.physical.config import PhysicalConfig
from ml3_ros.identification.physical.fit import physical_fit
from ml3_ros.identification.physical.inertia import is_physical
from ml3_ros.identification.split import DISPLACEMENTS, SplitConfig, block_rows

WEAK = (1e-4, 1e-2, 1.0)


def samples(truth, recording):
    """Return the rows of a recording and the regressor, accelerations as they were."""
    rows = block_rows(recording, SplitConfig())
    return rows, Explained.by(truth.nominal, rows)


@pytest.fixture(scope="module")
def fitted(truth):
    _, data = samples(truth, truth.recording(60.0, seed=1, noise=0.01))
    return data, physical_fit(
        data, truth.nominal.inertial_parameters(), config=PhysicalConfig(strengths=WEAK)
    )


def test_links_can_exist_and_other_motion_is_predicted(truth, fitted):
    _, physical = fitted
    assert is_physical(physical.arm.links).all()
    assert physical.arm.scale_spread == 0.1  # efforts were seen to be in N m
    other = truth.recording(20.0, seed=9)
    rows, data = samples(truth, other)
    predicted = physical.arm.effort(data.regressor, rows.v, rows.a, rows.strain)
    assert nmse(predicted, rows.tau).max() < 1e-3
    nominal = truth.nominal.rnea(rows.q, rows.v, rows.a)
    assert nmse(nominal, rows.tau).min() > 0.01  # without identification


def test_base_parameters_are_recovered(truth, fitted):
    data, physical = fitted
    flat = data.regressor[..., :70].reshape(-1, 70)
    scale = np.sqrt((flat**2).mean(axis=0)) + 1e-9
    _, sizes, ways = np.linalg.svd(flat / scale, full_matrices=False)
    shown = ways[sizes > 0.02 * sizes[0]]
    found, true, before = (
        shown @ (scale * x.ravel())
        for x in (physical.arm.links, truth.links, truth.nominal.inertial_parameters()[:70])
    )
    assert np.linalg.norm(found - true) < 0.01 * np.linalg.norm(true)
    assert np.linalg.norm(found - true) < 0.2 * np.linalg.norm(before - true)


def test_friction_is_recovered_as_it_was(truth, fitted):
    data, physical = fitted
    rows = data.rows
    load = physical.arm.rigid_torque(data.regressor)
    strain = hysteresis(rows.q, DISPLACEMENTS)
    assert any("presliding 0.01" in [t.name for t in terms] for terms in physical.arm.terms)
    true = truth.effort(rows.q, rows.v, rows.a) - truth.model.rnea(rows.q, rows.v, rows.a)
    found = physical.arm.friction(rows.v, rows.a, rows.strain, load)
    assert strain.shape == rows.strain.shape
    assert nmse(found, true).max() < 0.02


def test_memory_is_what_the_simple_fit_lacks(truth, fitted):
    data, physical = fitted
    rows = data.rows
    simple = physical_fit(
        data,
        truth.nominal.inertial_parameters(),
        config=PhysicalConfig(strengths=WEAK, memory=False),
    )
    out = rows.held_out
    with_memory = nmse(physical.fit.predicted[-1][out], rows.tau[out])
    without = nmse(simple.fit.predicted[-1][out], rows.tau[out])
    assert with_memory.mean() < 0.5 * without.mean()
    assert (with_memory < 1.05 * without).all()


def test_nothing_is_learned_from_held_out_rows(truth, fitted):
    from dataclasses import replace

    data, physical = fitted
    out = data.rows.held_out
    tau = data.rows.tau.copy()
    tau[out] += 100.0
    spoiled = Explained(replace(data.rows, tau=tau), data.tau_rbd, data.regressor)
    again = physical_fit(
        spoiled, truth.nominal.inertial_parameters(), config=PhysicalConfig(strengths=WEAK)
    )
    assert np.array_equal(again.arm.links, physical.arm.links)


def test_rows_of_weight_zero_do_not_count(truth, fitted):
    from dataclasses import replace

    data, _ = fitted
    rng = np.random.default_rng(0)
    hit = rng.random(len(data.rows.t)) < 0.2
    tau = data.rows.tau + 50.0 * hit[:, None]
    touched = Explained(replace(data.rows, tau=tau), data.tau_rbd, data.regressor)
    weights = np.repeat(1.0 - hit[:, None].astype(float), 7, axis=1)
    config = PhysicalConfig(strengths=(1.0,), memory=False)
    nominal = truth.nominal.inertial_parameters()
    blind = physical_fit(touched, nominal, config=config).fit.predicted[-1]
    weighted = physical_fit(touched, nominal, weights=weights, config=config).fit.predicted[-1]
    clean = data.rows.tau
    assert nmse(weighted, clean).mean() < 0.2 * nmse(blind, clean).mean()


def test_currents_get_a_gain_of_each_joint(truth):
    from dataclasses import replace

    gains = np.array([0.1, 0.12, 0.08, 0.15, 0.1, 0.2, 0.1])
    currents = replace(truth, gains=gains)
    _, data = samples(currents, currents.recording(40.0, seed=2, noise=1e-3, memory=False))
    physical = physical_fit(
        data, truth.nominal.inertial_parameters(), config=PhysicalConfig(memory=False)
    )
    assert physical.arm.scale_spread == 0.3
    ratio = physical.arm.gains / gains
    seen = [1, 3]  # joints that carry much of the arm
    assert np.allclose(ratio[seen], ratio[1], rtol=0.15)  # up to one factor of all
    out = data.rows.held_out
    assert nmse(physical.fit.predicted[-1][out], data.rows.tau[out]).max() < 0.02
