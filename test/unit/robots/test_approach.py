"""When an arm counts as held by somebody else."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.robots.approach import Standstill

STANDS, MOVES = np.array([0.0, 0.001]), np.array([0.0, -0.2])


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
