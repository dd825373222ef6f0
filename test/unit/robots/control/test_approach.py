"""The way to where a motion begins, and when an arm counts as held by somebody else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml3_ros.errors import ConfigError, Ml3Error
from ml3_ros.robots.control.approach import SPEED_SHARE, Approach, Standstill
from ml3_ros.robots.control.trajectories import Excitation
from ml3_ros.robots.registry import load_robot

STANDS, MOVES = np.array([0.0, 0.001]), np.array([0.0, -0.2])
REACHER = load_robot("reacher")
MOTION = Excitation(REACHER.limits, REACHER.home, 0)


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


@given(
    st.lists(st.floats() | st.floats(-3.0, 3.0), min_size=2, max_size=2),
    st.floats() | st.floats(0.0, 3.0),
    st.floats() | st.floats(0.0, 9.0),
)
def test_a_way_is_finite_and_slow_or_none(start, shortest, t):
    try:
        way = Approach(start, MOTION, shortest)
        q, v, a = way.at(t if t < 30.0 else np.inf)
    except Ml3Error:
        return
    assert all(np.isfinite(x).all() for x in (q, v, a))
    if t < way.seconds:
        assert (np.abs(v) <= SPEED_SHARE * REACHER.limits.velocity * (1.0 + 1e-9)).all()


@pytest.mark.parametrize("velocity", [0.0, np.nan, -1.0])
def test_a_joint_that_must_not_move_cannot_be_led(velocity):
    motion = Excitation(REACHER.limits, REACHER.home, 0)
    motion.limits = replace(REACHER.limits, velocity=np.array([1.0, velocity]))
    with pytest.raises(ConfigError, match="velocity limits are"):
        Approach(REACHER.home, motion, 1.0)


@pytest.mark.parametrize("bad", [np.nan, -1.0])
def test_invalid_patience_is_rejected(bad):
    with pytest.raises(ConfigError, match="patience is"):
        Standstill(bad)
