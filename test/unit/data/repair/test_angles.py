# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Angles that are kept within a turn are made continuous; nothing else is taken for such."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.data.columns.reader import read_columns
from ml3_ros.data.repair.angles import TURN, AngleUnwrapper, unwrapped

T = np.arange(0.0, 20.0, 0.03)
TRUE = np.stack([2.5 + 4.0 * np.sin(0.7 * T), 1.2 * T, 6.0 * np.sin(T)], axis=1)


def within_a_turn(q, low=-np.pi):
    return low + np.mod(q - low, TURN)


@pytest.fixture(params=[-np.pi, 0.0])
def angles(request):
    """Two joints that are kept within a turn, and one that has a range of nearly two."""
    wrapped = within_a_turn(TRUE, request.param)
    wrapped[:, 2] = TRUE[:, 2]
    return wrapped


def test_recorded_angles_go_on_over_the_end_of_a_turn(angles):
    q, leapt = unwrapped(T, angles)
    np.testing.assert_allclose(q - q[0], TRUE - TRUE[0], atol=1e-9)
    assert leapt.tolist() == [True, True, False]


def test_a_stream_gives_the_same_as_a_recording(angles):
    unwrapper = AngleUnwrapper(3)
    q = np.array([unwrapper.push(t, row) for t, row in zip(T, angles, strict=True)])
    np.testing.assert_allclose(q, unwrapped(T, angles)[0], atol=1e-9)
    unwrapper.clear()
    np.testing.assert_array_equal(unwrapper.push(0.0, angles[-1]), angles[-1])


def test_degrees_pauses_and_large_steps_are_left_as_they_are():
    degrees = np.degrees(TRUE[:, 1:2])
    np.testing.assert_array_equal(unwrapped(T, degrees)[0], degrees)
    pause = np.array([0.0, 0.03, 10.0, 10.03])  # anything may have happened in it
    q = np.array([[-3.1], [-3.1], [3.1], [3.1]])
    assert not unwrapped(pause, q)[1].any()
    half = np.array([[-1.5], [1.6], [-1.5], [1.6]])  # a spike, or noise
    assert not unwrapped(T[:4], half)[1].any()
    unwrapper = AngleUnwrapper(1)
    for t, row in zip(T, degrees, strict=True):
        assert unwrapper.push(t, row) == row


def test_a_recording_says_which_joints_leap_and_has_their_velocities(tmp_path):
    q = within_a_turn(TRUE[:, :2])
    table = np.column_stack([T, q, np.sin(T)[:, None] * [1.0, 2.0]])
    np.savetxt(tmp_path / "run.csv", table, delimiter=",", header="t,q1,q2,e1,e2", comments="")
    (tmp_path / "run.yaml").write_text(
        "joints: [one, two]\n"
        "time: {file: run.csv, columns: [t], unit: s}\n"
        "position: {file: run.csv, columns: [q1, q2], unit: rad}\n"
        "effort: {file: run.csv, columns: [e1, e2], unit: N m}\n"
    )
    recording = read_columns(tmp_path / "run.yaml")
    assert "position of one, two leaps by a turn" in str(recording.checks)
    np.testing.assert_allclose(recording.v[:, 1], 1.2, atol=1e-6)
