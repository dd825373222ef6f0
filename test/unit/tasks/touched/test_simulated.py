# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recordings of touched arms: what is measured, what is true, what the linear model explains."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch

from ml3_ros.errors import ConfigError
from ml3_ros.tasks.touched.contacts import ContactConfig
from ml3_ros.tasks.touched.simulated import TouchedArms, TouchedConfig, simulate_touched

TENSORS = [f.name for f in fields(TouchedArms) if f.name != "n_support"]


def test_an_arm_does_not_depend_on_how_many_there_are(arms, config):
    fewer = simulate_touched(config, 2, seed=0)
    for name in TENSORS:
        torch.testing.assert_close(getattr(arms, name)[:2], getattr(fewer, name))


def test_measured_torque_is_the_arms_own_plus_contact_and_noise(arms, config):
    difference = arms.tau - arms.free
    untouched = ~arms.touched
    noise = difference[untouched].std()
    contact = difference[arms.touched].std()
    assert noise < 0.02 * arms.spread.max() and contact > 5.0 * noise
    assert 0.25 < arms.touched.float().mean() < 0.6
    clean = simulate_touched(replace(config, contacts=ContactConfig(kind="none")), 1, seed=0)
    assert not clean.touched.any()


def test_the_linear_model_explains_most_of_an_arm(arms):
    """Of each arm's torque without contacts, by least squares with a weak ridge."""
    for i in range(len(arms)):
        rows = arms.columns[i].flatten(0, 1).double()
        target = (arms.free[i] - arms.nominal[i]).flatten().double()
        gram = rows.T @ rows + 1e-3 * torch.eye(rows.shape[1], dtype=torch.float64)
        left = target - rows @ torch.linalg.solve(gram, rows.T @ target)
        assert left.square().mean() < 0.05 * target.square().mean()


def test_populations_can_be_joined_and_parted(arms):
    both = TouchedArms.joined([arms, arms])
    assert len(both) == 2 * len(arms)
    again = both.subset(slice(len(arms), None))
    for name in TENSORS:
        torch.testing.assert_close(getattr(again, name), getattr(arms, name))


def test_a_recording_needs_a_length():
    with pytest.raises(ConfigError, match="support_seconds"):
        TouchedConfig(support_seconds=0.0)
