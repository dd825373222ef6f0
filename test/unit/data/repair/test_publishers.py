# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Messages of a second publisher are told from the arm's, and an arm alone is left alone."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.data.repair.publishers import measuring_publisher
from ml3_ros.errors import DataError

NAMES = ("a", "b", "c")


def moving(count=1200, seed=0, rate=100.0, friction=True):
    """Return rows (T, 3, 3) of an arm in motion, with dry friction that leaps."""
    rng = np.random.default_rng(seed)
    t = np.arange(count)[:, None] / rate
    w = rng.uniform(1.0, 4.0, 3)
    q, v = np.sin(w * t + rng.uniform(0, 6, 3)), w * np.cos(w * t)
    tau = 5.0 * q + friction * 4.0 * np.sign(v) + 0.1 * rng.normal(size=q.shape)
    return np.stack([q, v, tau], axis=1)


def mixed(arm, other, every=1):
    """Return rows with one of `other` after every few of `arm`, and which are the arm's."""
    parts, mine = [], []
    for i, row in enumerate(arm):
        parts.append(row)
        mine.append(True)
        if i % every == 0:
            parts.append(other[i])
            mine.append(False)
    return np.array(parts), np.array(mine)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("rate", [30.0, 100.0, 1000.0])
def test_an_arm_alone_is_one_publisher(seed, rate):
    arm = moving(seed=seed, rate=rate)
    assert measuring_publisher(arm, NAMES, "bag").kept.all()


@pytest.mark.parametrize("every", [1, 3, 10])
@pytest.mark.parametrize(
    "other",
    [
        lambda arm: np.zeros_like(arm),
        lambda arm: np.stack([arm[:, 0], arm[:, 1], np.zeros_like(arm[:, 2])], axis=1),
        lambda arm: np.zeros_like(arm) + np.array([1.0, 0.0, 0.0])[:, None],
    ],
    ids=["zeros", "the same positions without efforts", "at another place"],
)
def test_the_publisher_that_measures_is_kept(every, other):
    arm = moving()
    rows, mine = mixed(arm, other(arm), every)
    found = measuring_publisher(rows, NAMES, "bag")
    assert (found.kept == mine).mean() > 0.995
    assert "two publishers" in found.sentence and "jump back to" in found.sentence
    assert "let only the arm's driver publish" in found.sentence


def test_two_that_measure_are_not_mixed():
    rows, _ = mixed(moving(seed=1), moving(seed=2))
    with pytest.raises(DataError, match="both measure: let only one driver publish"):
        measuring_publisher(rows, NAMES, "bag")


def test_spikes_and_an_encoder_that_was_set_are_no_second_publisher():
    arm = moving()
    spiky = arm.copy()
    spiky[np.random.default_rng(0).integers(0, 1200, 8), 2, 1] += 60.0
    assert measuring_publisher(spiky, NAMES, "bag").kept.all()
    arm[600:, 0] += 2.0
    assert measuring_publisher(arm, NAMES, "bag").kept.all()
