# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The way to where a motion begins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml3_ros.errors import ConfigError, Ml3Error
from ml3_ros.robots.control.approach import SPEED_SHARE, Approach
from ml3_ros.robots.control.trajectories import Excitation
from ml3_ros.robots.registry import load_robot

REACHER = load_robot("reacher")
MOTION = Excitation(REACHER.limits, REACHER.home, 0)


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
