# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Positions beyond the limits of the model: degrees, or another zero."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml3_ros.identification.diagnosis.positions import check_positions
from ml3_ros.robots.base import JointLimits


def limits(reach=2.9, slides=False):
    """Three joints within +- reach [rad, m]."""
    upper, endless = np.broadcast_to(reach, 3), np.full(3, np.inf)
    rest = {"velocity": endless, "effort": endless, "acceleration": endless}
    return JointLimits(lower=-upper, upper=upper, slides=np.array(slides), **rest)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda r: r, ""),
        (lambda r: replace(r, q=np.rad2deg(r.q)), "degrees? position_unit=deg"),
        (
            lambda r: replace(r, q=r.q + np.array([0, 3.0, 0])),
            "another zero or direction than the model's?",
        ),
        (
            lambda r: replace(r, q=r.q + np.array([0, 0, 0.1])),
            "",
        ),  # limits of a file are often narrow
    ],
)
def test_positions_are_compared_with_the_limits(spoil, sentence, record):
    found = check_positions(spoil(record(0)), limits())
    assert found.fine == (not sentence)
    assert sentence in found.text


def test_a_joint_without_limits_may_turn_round(record):
    recording = record(0)
    turning = replace(recording, q=recording.q + np.array([6.0, 0.0, 0.0]))
    endless = np.array([np.inf, 2.9, 2.9])
    assert check_positions(turning, limits(endless)).fine
    degrees = replace(recording, q=np.rad2deg(recording.q))
    assert "position_unit=deg" in check_positions(degrees, limits(endless)).text


def test_a_joint_that_slides_is_named_in_metres(record):
    far = replace(record(0), q=record(0).q + np.array([0.0, 30.0, 0.0]))
    found = check_positions(far, limits(slides=[False, True, False]))
    assert " m, beyond its limits of -2.9 to 2.9" in found.text
    assert "position_unit" not in found.text
