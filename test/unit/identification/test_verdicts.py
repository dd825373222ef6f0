# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A sentence for each bad joint, none for a good one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml3_ros.identification.verdicts import joint_verdicts


@pytest.fixture
def verdicts(rows, data):
    """Return the verdicts on predictions given as errors (R, n) on top of the measured effort."""

    def verdict(classical, best, rows=rows, tau_rbd=data.tau_rbd):
        predicted = (rows.tau + classical, rows.tau + best)
        found = joint_verdicts(rows, tau_rbd, *predicted, "hybrid")
        return {verdict.joint: verdict.sentence for verdict in found}

    return verdict


def off(rows, joint, share, where=None):
    """Return an error of that share of the held-out variance in one joint."""
    error = np.zeros_like(rows.tau)
    error[:, joint] = np.sqrt(share) * rows.tau[rows.held_out, joint].std()
    return error if where is None else error * where[:, None]


def test_a_good_joint_needs_no_words(verdicts, rows):
    assert verdicts(off(rows, 0, 0.01), off(rows, 1, 0.01)) == {}


def test_a_bad_joint_is_named_with_both_numbers(verdicts, rows):
    found = verdicts(off(rows, 1, 0.1), off(rows, 1, 0.05))
    assert set(found) == {"elbow"}
    assert "leaves 10.0 % of the held-out effort's variance, hybrid 5.0 %" in found["elbow"]
    assert "neither friction nor inertia explains the rest" in found["elbow"]
    better = verdicts(off(rows, 1, 0.1), off(rows, 1, 0.005))["elbow"]
    assert "hybrid is good enough there" in better and "neither" not in better


def test_standstill_is_reported(verdicts, rows):
    speed = np.abs(rows.v[:, 1])
    still = speed < 0.04 * speed.max()
    found = verdicts(off(rows, 1, 0.5, still), off(rows, 1, 0.5, still))["elbow"]
    assert "near standstill" in found
    assert "near standstill" not in verdicts(off(rows, 1, 0.5), off(rows, 1, 0.5))["elbow"]


def test_a_joint_whose_rigid_body_torque_is_hidden_is_reported(verdicts, rows, data):
    rng = np.random.default_rng(0)
    found = verdicts(off(rows, 1, 0.1), off(rows, 1, 0.1), tau_rbd=rng.normal(size=rows.tau.shape))
    assert "its gain means nothing" in found["elbow"]


def test_motion_unlike_the_rest_is_reported(verdicts, rows):
    found = verdicts(off(rows, 1, 0.1), off(rows, 1, 0.1, rows.held_out))["elbow"]
    assert "record longer" in found


def test_an_effort_that_never_changes_is_not_evaluated(verdicts, rows):
    constant = replace(rows, tau=rows.tau * [1.0, 0.0])
    none = np.zeros_like(rows.tau)
    found = verdicts(none, none, rows=constant)
    assert found == {"elbow": "its effort never changes: not tested."}
