# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Working motion: joints move together, each piece is smooth and keeps the limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml3_ros.errors import ConfigError
from ml3_ros.robots.control.working_motion import WorkingConfig, WorkingMotion
from ml3_ros.robots.registry import load_robot

DIRECTIONS = (1.0, 1.0, -1.0, 1.0, 1.0, -1.0, 1.0)
CONFIG = WorkingConfig(directions=DIRECTIONS)
TIMES = np.arange(0.0, CONFIG.piece_seconds, 0.02)


def motion(config=CONFIG, seed=0, **limits):
    sawyer = load_robot("sawyer")
    return WorkingMotion(replace(sawyer.limits, **limits), sawyer.home, seed, config)


def moved(piece, times=TIMES):
    return piece.at(times)


def test_joints_move_together_as_far_as_their_own_share_allows():
    q, _, a = moved(motion(replace(CONFIG, own_share=0.0)).piece(0))
    assert np.linalg.matrix_rank(a, tol=1e-9 * np.abs(a).max()) == 1
    np.testing.assert_array_equal(np.sign(a[:, 0] * a[:, 2]).round(), -1.0)
    off_centre = q - q.mean(0)
    np.testing.assert_allclose(off_centre[:, 0], -off_centre[:, 2], atol=1e-9)
    shares = []
    for own_share in (0.05, 0.5):
        _, _, a = moved(motion(replace(CONFIG, own_share=own_share)).piece(0))
        values = np.linalg.svd(a, compute_uv=False)
        shares.append(values[1] / values[0])
    assert shares[0] < 0.2 < shares[1] < 1.0


def test_velocities_and_accelerations_are_derivatives():
    piece = motion().piece(3)
    h = 1e-4
    before, here, after = (moved(piece, TIMES + dt) for dt in (-h, 0.0, h))
    np.testing.assert_allclose((after[0] - before[0]) / (2 * h), here[1], atol=1e-6)
    np.testing.assert_allclose((after[1] - before[1]) / (2 * h), here[2], atol=1e-5)


def test_the_same_seed_gives_the_same_pieces_and_each_has_a_workplace_of_its_own():
    one, again, other = motion(seed=4), motion(seed=4), motion(seed=5)
    np.testing.assert_array_equal(moved(one.piece(2)), moved(again.piece(2)))
    assert not np.array_equal(moved(one.piece(2)), moved(other.piece(2)))
    assert np.abs(one.piece(0).centre - one.piece(1).centre).max() > 0.05


@pytest.mark.parametrize("tight", ["position", "velocity", "acceleration"])
def test_a_piece_keeps_every_limit_and_its_proportions(tight):
    sawyer = load_robot("sawyer")
    changed = {
        "position": {"upper": sawyer.home + 0.2, "lower": sawyer.home - 0.15},
        "velocity": {"velocity": np.full(7, 0.3)},
        "acceleration": {"acceleration": np.full(7, 0.5)},
    }[tight]
    config = replace(CONFIG, own_share=0.0)
    narrow, free = motion(config, **changed), motion(config)
    limits = narrow.limits
    for number in range(4):
        q, v, a = moved(narrow.piece(number))
        assert np.all((q > limits.lower + 0.049) & (q < limits.upper - 0.049))
        assert np.all(np.abs(v) <= 0.95 * limits.velocity)
        assert np.all(np.abs(a) <= 0.95 * limits.acceleration)
        ratio = narrow.piece(number).amplitude[:, 0] / free.piece(number).amplitude[:, 0]
        assert np.ptp(ratio) < 1e-9
        assert ratio[0] < 1.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"own_share": -0.1},
        {"amplitude": float("nan")},
        {"piece_seconds": 0.0},
        {"n_sines": 0},
        {"frequency": (0.5, 0.1)},
        {"limit_share": 1.5},
    ],
)
def test_shapes_that_cannot_be_planned_are_rejected(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        WorkingConfig(**wrong)


def test_directions_and_home_must_be_those_of_the_arm():
    with pytest.raises(ConfigError, match="directions"):
        motion(WorkingConfig(directions=(1.0, -1.0)))
    with pytest.raises(ConfigError, match="home of joint right_j0"):
        motion(upper=load_robot("sawyer").home)
