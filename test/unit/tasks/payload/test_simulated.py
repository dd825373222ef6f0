# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Simulated streams: the body is where its columns say, in its stretch alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ml3_ros.errors import ConfigError
from ml3_ros.tasks.payload.simulated import (
    LOADED,
    UNLOADED,
    LoadedArms,
    LoadedConfig,
    simulate_loaded,
)
from ml3_ros.tasks.touched.contacts import ContactConfig


def fitted(columns, left):
    """Return the body (10,) that explains rows (R, n, 10), (R, n), and the share it leaves."""
    rows, target = columns.flatten(0, 1).double(), left.flatten().double()
    body = torch.linalg.lstsq(rows, target.unsqueeze(-1)).solution.squeeze(-1)
    return body, float((target - rows @ body).square().mean() / target.square().mean())


def test_held_out_motion_differs_by_the_body_alone(arms):
    for i in range(len(arms)):
        gained = arms.held_free[i, LOADED] - arms.held_free[i, UNLOADED]
        body, share = fitted(arms.held_columns[i], gained)
        assert share < 0.05  # the rest is friction, which the load adds to
        assert 0.0 < 1.5 * float(body[0]) < 3.3


def test_the_body_is_carried_in_the_second_stretch_alone(config, fit):
    clean = replace(config.arm, contacts=ContactConfig(kind="none"), torque_noise_share=0.0)
    heavy = replace(config, arm=clean, mass=(3.0, 3.0), reach=0.0)
    arms = simulate_loaded(heavy, 1, 1, fit)
    power = arms.residual[0].square().mean(-1).unflatten(0, (3, -1)).mean(-1)
    assert power[1] > 10.0 * power[0] and power[1] > 10.0 * power[2]
    carried = slice(arms.rows, 2 * arms.rows)
    body, share = fitted(arms.columns[0, carried], arms.residual[0, carried])
    assert share < 0.3 and 1.5 * float(body[0]) == pytest.approx(3.0, abs=0.7)


def test_an_arm_does_not_depend_on_how_many_there_are(config, arms, fit):
    first = simulate_loaded(config, 1, 0, fit)
    torch.testing.assert_close(first.residual[0], arms.residual[0])


def test_contacts_are_in_the_measured_torque_alone(arms):
    added = (arms.held_measured - arms.held_free).abs().amax(-1)
    torch.testing.assert_close(added[:, LOADED], added[:, UNLOADED], atol=1e-3, rtol=1e-3)
    assert (added.amax(-1) > 1.0).any()
    assert 0.1 < arms.touched.float().mean() < 0.7


def test_populations_are_joined(arms):
    twice = LoadedArms.joined([arms, arms])
    assert len(twice) == 2 * len(arms) and twice.rows == arms.rows
    assert twice.spacing == pytest.approx(0.08)


@pytest.mark.parametrize(
    "wrong",
    [{"mass": (2.0, 1.0)}, {"edges": (0.1, np.inf)}, {"reach": -1.0}, {"stretch_seconds": 0.0}],
)
def test_impossible_settings_are_named(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong)).removesuffix("seconds")):
        LoadedConfig(**wrong)
