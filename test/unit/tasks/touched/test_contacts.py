# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Simulated contacts: how long they last, what they do, and what they leave alone."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.errors import ConfigError
from ml3_ros.robots.control.trajectories import Excitation, ExcitationConfig
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.tasks.touched.contacts import KINDS, ContactConfig, contact_torque

RATE = 50.0


@pytest.fixture(scope="module")
def motion():
    """Return a model, and q, v, torque of 20 s."""
    description = load_robot("sawyer")
    model = PinocchioModel(description)
    excitation = Excitation(description.limits, description.home, 3, ExcitationConfig())
    q, v, a = excitation.at(5.0 + np.arange(1000) / RATE)
    return model, q, v, model.rnea(q, v, a)


def touch(motion, kind, seed=0, **fields):
    model, q, v, tau = motion
    config = ContactConfig(kind=kind, **fields)
    return contact_torque(model, q, v, tau, config, np.random.default_rng(seed), RATE)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_added_where_nothing_touches(motion, kind):
    added, touched = touch(motion, kind)
    assert added.shape == motion[3].shape and np.isfinite(added).all()
    assert touched.any() == (kind != "none")
    if kind != "drift":  # the zero of a sensor drifts all the time
        assert not added[~touched].any()
    if touched.any():
        assert np.abs(added[touched]).max() > 0.1


@pytest.mark.parametrize("kind", ["pushing", "lifting", "leading", "tool", "cable"])
def test_contacts_last_as_long_as_they_are_told(motion, kind):
    share = touch(motion, kind, share=(0.3, 0.3))[1].mean()
    assert 0.28 < share < 0.5  # the last one may run over


def test_a_spike_is_one_sample(motion):
    _, touched = touch(motion, "spikes", share=(0.2, 0.2))
    edges = np.flatnonzero(np.diff(np.r_[0, touched.astype(int), 0]))
    assert np.median(edges[1::2] - edges[::2]) == 1.0 and 0.02 < touched.mean() < 0.09


def test_a_hand_that_lifts_takes_weight_off(motion):
    model, q, _, _ = motion
    added, touched = touch(motion, "lifting", share=(0.5, 0.5))
    gravity = model.nle(q, np.zeros_like(q))
    # along gravity's own torque the hand helps
    assert (added[touched] * gravity[touched]).sum() < 0.0


def test_a_hand_that_leads_does_work_and_a_tool_takes_some(motion):
    _, _, v, _ = motion
    led, _ = touch(motion, "leading", share=(0.5, 0.5))
    assert (led * v).sum() < 0.0  # the motors need less
    power = [(touch(motion, "tool", seed)[0] * v).sum() for seed in range(8)]
    assert np.mean(power) > 0.0


def test_a_force_on_a_link_loads_no_joint_beyond_it(motion):
    model, q, _, _ = motion
    jacobian = model.point_jacobian(q[:5], 3, np.array([0.1, 0.0, 0.1]))
    assert not jacobian[:, :, 4:].any() and np.abs(jacobian[:, :, :4]).max() > 0.1


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"kind": "kicking"}, "kind"),
        ({"share": (0.5, 0.2)}, "share"),
        ({"share": (0.5, 1.0)}, "share"),
        ({"force": (-1.0, 2.0)}, "force"),
        ({"seconds": (0.0, 1.0)}, "seconds"),
        ({"drift": -1.0}, "drift"),
    ],
)
def test_impossible_contacts_are_named(fields, word):
    with pytest.raises(ConfigError, match=word):
        ContactConfig(**fields)
