# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Blocks of time: what is held out has seen nothing of what is learned from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml3_ros.errors import ConfigError, DataError
from ml3_ros.identification.split import (
    HELD_OUT,
    INNER,
    SplitConfig,
    block_rows,
)

SIGNALS = ("t", "q", "v", "a", "tau")


def samples_of(rows, recording, keep):
    """Return which samples of the recording lie within the blocks of the rows kept."""
    half = SplitConfig().window_samples(recording.dt) // 2
    inside = np.zeros(len(recording.t), dtype=bool)
    for block in np.unique(rows.block[keep]):
        at = np.searchsorted(recording.t, rows.t[rows.block == block] - 1e-9)
        inside[at[0] - half : at[-1] + half + 1] = True
    return inside


def test_every_fourth_block_is_held_out_and_the_rest_is_in_inner_groups(rows):
    assert np.unique(rows.block[rows.held_out]).tolist() == [3, 7, 11]
    assert set(rows.group[~rows.held_out]) == set(range(INNER))
    by_block = [set(rows.group[rows.block == block]) for block in np.unique(rows.block)]
    assert all(len(groups) == 1 for groups in by_block)


@pytest.mark.parametrize("history", [False, True])
def test_held_out_rows_have_seen_no_sample_that_was_learned_from(recording, history):
    config = SplitConfig(history=history)
    rows = block_rows(recording, config)
    learned = samples_of(rows, recording, ~rows.held_out)
    assert not (learned & samples_of(rows, recording, rows.held_out)).any()
    rng = np.random.default_rng(0)
    noise = learned[:, None] * rng.normal(size=(3, *recording.q.shape))
    spoilt = {"v": recording.v + noise[1], "tau": recording.tau + noise[2]}
    if not history:  # with it, sticking remembers positions, and says so
        spoilt["q"] = recording.q + noise[0]
    other = block_rows(replace(recording, **spoilt), config)
    out = rows.held_out
    for name in (*SIGNALS, "strain"):
        np.testing.assert_array_equal(getattr(other, name)[out], getattr(rows, name)[out])
    assert not np.allclose(other.a[~out], rows.a[~out])


def test_no_row_is_learned_from_that_has_seen_a_held_out_sample(recording, rows):
    out = samples_of(rows, recording, rows.held_out)[:, None]
    other = block_rows(replace(recording, v=recording.v + out, tau=recording.tau + out))
    keep = ~rows.held_out
    for name in SIGNALS:
        np.testing.assert_array_equal(getattr(other, name)[keep], getattr(rows, name)[keep])


def test_rows_on_both_sides_of_a_seam_are_a_window_apart(recording, rows):
    window = SplitConfig().window_samples(recording.dt)
    seams = np.flatnonzero(np.diff(rows.block))
    apart = rows.t[seams + 1] - rows.t[seams]
    assert apart.min() >= (window - 0.5) * recording.dt


def test_history_looks_back_and_never_ahead(recording, rows):
    later = recording.t > 12.0
    q = recording.q + later[:, None]
    other = block_rows(replace(recording, q=q))
    early = rows.t < 11.5
    np.testing.assert_array_equal(other.strain[early], rows.strain[early])
    forgetful = block_rows(recording, SplitConfig(history=False))
    assert not np.array_equal(forgetful.strain, rows.strain)


def test_a_gap_ends_a_block(recording):
    keep = (recording.t < 9.0) | (recording.t > 10.0)
    parts = {name: getattr(recording, name)[keep] for name in ("t", "q", "v", "tau")}
    rows = block_rows(replace(recording, **parts))
    for block in np.unique(rows.block):
        assert np.ptp(rows.t[rows.block == block]) < 2.5
    assert not ((rows.t > 8.9) & (rows.t < 10.1)).any()


def test_folds_hold_out_every_block_once(recording):
    held = [
        set(np.unique(rows.block[rows.group == HELD_OUT]))
        for rows in (block_rows(recording, SplitConfig(fold=fold)) for fold in range(4))
    ]
    assert set.union(*held) == set(range(12))
    assert sum(map(len, held)) == 12


def test_what_cannot_be_split_is_rejected(recording):
    short = {name: getattr(recording, name)[:1000] for name in ("t", "q", "v", "tau")}
    with pytest.raises(DataError, match=r"too short: 10\.0 s give 5 blocks .* at least 16 s"):
        block_rows(replace(recording, **short))
    with pytest.raises(ConfigError, match=r"make it at least 0\.5"):
        block_rows(recording, SplitConfig(block=0.3))
    for wrong, sentence in (
        ({"held_out": 0.9}, "held_out must be 0.1 to 0.5"),
        ({"block": 0.0}, "must be > 0 s"),
        ({"window": float("nan")}, "must be > 0 s"),
        ({"fold": 4}, "fold must be 0 to 3"),
    ):
        with pytest.raises(ConfigError, match=sentence):
            SplitConfig(**wrong)


def test_jitter_and_single_losses_end_no_block(recording, rows):
    rng = np.random.default_rng(0)
    t = recording.t + 0.003 * rng.uniform(-1.0, 1.0, len(recording.t))
    keep = rng.random(len(t)) > 0.02
    parts = {name: getattr(recording, name)[keep] for name in ("q", "v", "tau")}
    uneven = block_rows(replace(recording, t=t[keep], **parts))
    assert len(np.unique(uneven.block)) >= len(np.unique(rows.block)) - 1  # of so many samples
    assert len(uneven.t) > 0.95 * len(rows.t)
