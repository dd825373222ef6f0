# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Positions beyond the limits of the model: degrees, or another zero."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml3_ros.identification.diagnosis.effort import Gains, check_effort
from ml3_ros.identification.diagnosis.findings import sentence_of
from ml3_ros.identification.diagnosis.hypotheses import Hypothesis, Sample
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


def test_zeros_and_efforts_of_joints_that_slide_are_in_metres_and_newtons(record):
    names, units = record(0).names, limits(slides=[False, True, False]).units
    nothing = np.zeros((1, 3))
    sample = Sample(q=nothing, v=nothing, a=nothing, tau=nothing, weight=np.ones(1))
    told = {"kind": "shift", "size": 0.5, "sample": sample, "torque": nothing, "left": nothing[0]}
    turned, moved = (
        sentence_of(Hypothesis(joints=(joint,), **told), names, units) for joint in (0, 1)
    )
    assert turned == f"the zero of {names[0]} is turned by 0.50 rad"
    assert moved == f"the zero of {names[1]} is moved by 0.50 m"
    gains = Gains(np.full(3, 5.0), np.ones(3, dtype=bool))
    for slides, unit in ((False, "N m"), (True, "N"), ([False, True, False], "N m or N")):
        text = check_effort(record(0), gains, limits(slides=slides)).text
        assert f"effort per {unit} of the model" in text
        assert f"not in {unit} (" in text and f"makes {unit} of it" in text
