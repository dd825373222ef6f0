# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""When an arm counts as held by somebody else, and as lost too often."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml3_ros.errors import ConfigError
from ml3_ros.robots.control.lost_arm import LATELY_S, OFTEN, LostArm, Standstill

STANDS, MOVES = np.array([0.0, 0.001]), np.array([0.0, -0.2])
NEAR, FAR = np.array([0.0, -0.1]), np.array([0.0, -0.3])


def seen(patience, *rows):
    standstill = Standstill(patience)
    return [standstill.lasts(t, v, v_ref) for t, v, v_ref in rows]


def test_it_is_seen_when_it_has_lasted():
    rows = [(t, STANDS, MOVES) for t in (1.0, 1.2, 1.39, 1.41, 1.6)]
    assert seen(0.4, *rows) == [False, False, False, True, True]


@pytest.mark.parametrize(("v", "v_ref"), [(MOVES, MOVES), (STANDS, STANDS), (MOVES, STANDS)])
def test_an_arm_that_moves_or_shall_not_is_not_held(v, v_ref):
    assert not any(seen(0.4, *((t, v, v_ref) for t in (0.0, 1.0, 2.0))))


def test_motion_in_between_begins_it_anew():
    rows = [(0.0, STANDS, MOVES), (0.3, MOVES, MOVES), (0.5, STANDS, MOVES), (0.8, STANDS, MOVES)]
    assert not any(seen(0.4, *rows))


def test_without_patience_it_is_never_seen():
    assert not any(seen(0.0, *((t, STANDS, MOVES) for t in (0.0, 1.0, 100.0))))


@given(st.lists(st.sampled_from((np.nan, np.inf, -np.inf, 0.0, 5.0)), max_size=5))
def test_invalid_times_and_velocities_are_not_remembered(times):
    standstill = Standstill(0.4)
    for t in times:
        standstill.lasts(t, STANDS, MOVES)
    standstill.lasts(10.0, MOVES, np.array([np.nan, 0.0]))
    assert standstill.lasts(10.0, np.array([np.nan, 0.0]), MOVES) is False
    standstill = Standstill(0.4)
    for t in times:
        standstill.lasts(t, STANDS, MOVES)
    standstill.lasts(6.0, STANDS, MOVES)
    assert standstill.lasts(6.5, STANDS, MOVES)


@pytest.mark.parametrize("bad", [np.nan, -1.0])
def test_invalid_patience_is_rejected(bad):
    with pytest.raises(ConfigError, match="patience is"):
        Standstill(bad)


@pytest.fixture
def now():
    return [0.0]


@pytest.fixture
def arm(now):
    return LostArm(0.2, 0.4, "gain", lambda: now[0])


def test_an_arm_is_lost_by_its_error_or_by_standing_still(arm):
    assert not arm.is_lost(0.0, NEAR, STANDS, MOVES)
    assert arm.is_lost(0.1, FAR, MOVES, MOVES)
    assert not arm.is_lost(0.3, NEAR, STANDS, MOVES)
    assert arm.is_lost(0.5, NEAR, STANDS, MOVES)


def test_a_new_reference_has_not_been_waited_for(arm):
    arm.is_lost(0.0, NEAR, STANDS, MOVES)
    arm.lead_anew()
    assert not arm.is_lost(0.5, NEAR, STANDS, MOVES)


def test_what_is_lost_often_is_complained_of_until_it_is_long_ago(arm, now):
    for k in range(OFTEN):
        assert arm.complaint() == ""
        now[0] = float(k)
        arm.is_lost(now[0], FAR, MOVES, MOVES)
    said = arm.complaint()
    assert said.startswith(f"the arm was left behind {OFTEN} times in {LATELY_S:g} s: ")
    assert said.endswith("else raise gain or lost_error")
    now[0] += LATELY_S - 0.5
    assert arm.complaint() == ""


def test_the_complaint_names_the_limits_that_were_exceeded(arm):
    for t in (0.0, 0.5, 1.0):
        arm.is_lost(t, NEAR, STANDS, MOVES)
    arm.is_lost(1.5, FAR, STANDS, MOVES)
    assert arm.complaint().endswith("else raise gain or lost_error or standstill")
