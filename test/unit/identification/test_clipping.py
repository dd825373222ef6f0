# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Clipped and held efforts are named; peaks, rest and fine steps are not taken for them."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.identification.clipping import check_clipping


def test_a_good_recording_is_not_clipped(recording):
    finding = check_clipping(recording, np.array([80.0, 200.0]))
    assert finding.fine and "0.0 % of the motion or less" in finding.text


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_an_effort_at_the_end_of_its_range_is_clipped(recording, changed, side):
    bound = 0.7 * (side * recording.tau[:, 0]).max()
    tau = recording.tau.copy()
    tau[:, 0] = np.minimum(side * tau[:, 0], bound) * side
    finding = check_clipping(changed(tau=tau))
    assert not finding.fine and len(finding.problems) == 1
    assert finding.problems[0].startswith(f"shoulder: effort stands at {side * bound:.4g} for")
    assert "it is clipped; move more slowly" in finding.problems[0]


def test_an_effort_at_the_motors_limit_saturates(recording, changed):
    """The sensor's noise is on top, so no two samples are the same."""
    bound = 0.7 * np.abs(recording.tau[:, 1]).max()
    tau = recording.tau.copy()
    noise = 1e-3 * bound * np.random.default_rng(0).uniform(size=len(tau))
    tau[:, 1] = np.clip(tau[:, 1], -bound, bound) + noise
    limit = np.array([np.inf, bound])
    finding = check_clipping(changed(tau=tau), limit)
    assert [p.split(":")[0] for p in finding.problems] == ["elbow"]
    assert "effort is at its limit of" in finding.problems[0]
    assert check_clipping(changed(tau=tau)).fine  # nobody knows the limit


def test_an_effort_that_is_repeated_is_held(recording, changed):
    tau = recording.tau.copy()
    tau[:, 0] = np.repeat(tau[::25, 0], 25)[: len(tau)]  # 4 Hz, published at 100 Hz
    finding = check_clipping(changed(tau=tau))
    assert not finding.fine
    assert "shoulder: effort does not change for 0.1 s and longer" in finding.problems[0]
    assert "publish efforts as often as positions" in finding.problems[0]


def test_peaks_of_a_smooth_effort_in_fine_steps_are_not_clipped(recording, changed):
    step = np.ptp(recording.tau, axis=0) / 400.0
    t = recording.t[:, None]
    smooth = np.ptp(recording.tau, axis=0) * np.sin(2.0 * np.pi * 0.5 * t + [0.0, 1.0])
    assert check_clipping(changed(tau=np.round(smooth / step) * step)).fine


def test_an_arm_at_rest_is_not_clipped(recording, changed):
    """It rests at its largest effort."""
    rest = recording.t > 18.0
    tau, v = recording.tau.copy(), recording.v.copy()
    tau[rest], v[rest] = 1.5 * np.abs(tau).max(axis=0), 0.0
    assert check_clipping(changed(tau=tau, v=v)).fine
