# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Stamps are kept where they are times of samples; else times of reception are taken."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.data.repair.clock import sample_times

NS = 1_000_000_000
LOG = 1_700_000_000 * NS + np.arange(400) * 10_000_000 + 3_000_000  # 3 ms after the stamps
STAMPS = LOG - 3_000_000
FRESH = np.ones(400, dtype=bool)


def taken(header, log=LOG, fresh=FRESH):
    return sample_times(np.asarray(header, dtype=np.int64), log, fresh)


def test_good_stamps_stay():
    times = taken(STAMPS)
    assert (times.ns == STAMPS).all() and times.usable.all()
    assert (times.stamped_by, times.notes) == ("header", ())


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        (STAMPS // NS * NS, "whole seconds"),
        (STAMPS // (5 * 10_000_000) * (5 * 10_000_000), "repeated"),
        (np.random.default_rng(0).integers(0, 10**18, 400), "jump"),
        (np.where(np.arange(400) < 300, 0, STAMPS), "300 messages have no stamp"),
    ],
)
def test_useless_stamps_give_way_to_times_of_reception(header, sentence):
    times = taken(header)
    assert times.stamped_by == "log" and (times.ns == LOG).all()
    assert sentence in times.notes[0]


def test_messages_without_a_stamp_are_left_out_before_the_clock_came():
    times = taken(np.where(np.arange(400) < 15, 0, STAMPS))
    assert (np.flatnonzero(~times.usable) == np.arange(15)).all()
    assert (times.ns[15:] == STAMPS[15:]).all()
    assert "15 without a stamp left out" in times.notes[0]


def test_a_simulation_begins_at_zero():
    times = taken(STAMPS - STAMPS[0])
    assert times.usable.all() and times.notes == ()


@pytest.mark.parametrize("by", [3600.0, -6.1, 1.7e9])
def test_a_clock_that_was_set_is_put_right(by):
    times = taken(STAMPS + np.where(np.arange(400) >= 200, round(by * NS), 0))
    assert times.stamped_by == "header"
    assert np.abs(times.ns - STAMPS).max() < 4_000_000
    assert f"was set by {by:+.1f} s at 1.99 s: later stamps are shifted" in times.notes[0]


def test_a_pause_is_no_jump():
    pause = np.where(np.arange(400) >= 200, 60 * NS, 0)
    times = taken(STAMPS + pause, LOG + pause)
    assert (times.ns == STAMPS + pause).all() and times.notes == ()


def test_a_recorder_that_stalled_has_late_times_of_reception_not_wrong_stamps():
    late = LOG.copy()
    late[200:300] = LOG[300]  # three seconds' messages written at once
    times = taken(STAMPS, late)
    assert (times.ns == STAMPS).all() and times.notes == ()


def test_a_message_that_is_sent_twice_has_its_stamp_twice():
    twice = np.repeat(STAMPS[:200], 2)
    times = taken(twice, fresh=np.arange(400) % 2 == 0)
    assert times.stamped_by == "header" and (times.ns == twice).all()
