# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recordings in columns of text: units, signs, orders, and what a mapping may not say."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from ml3_ros.data.bags.writer import write_joint_states
from ml3_ros.data.read_recording import read_recording
from ml3_ros.errors import DataError

JOINTS = ["shoulder", "elbow"]
RATE = 200.0
T = np.arange(400) / RATE
Q = np.stack([np.sin(3.0 * T), 0.5 * np.cos(2.0 * T)], axis=1)
V = np.stack([3.0 * np.cos(3.0 * T), -np.sin(2.0 * T)], axis=1)
TAU = np.stack([10.0 * Q[:, 0], -4.0 * Q[:, 1]], axis=1)


@pytest.fixture
def mapped(tmp_path):
    """Return a function that writes run.csv and a mapping of it, with changes by keyword."""

    def write(rows=None, header="t,q1,q2,v1,v2,i1,i2", separator=",", **changes):
        rows = np.column_stack([T, Q, V, TAU]) if rows is None else rows
        lines = [separator.join(f"{x:.17g}" for x in row) for row in rows]
        text = "\n".join([header.replace(",", separator), *lines] if header else lines)
        (tmp_path / "run.csv").write_text(text + "\n")
        mapping = {
            "joints": JOINTS,
            "time": {"file": "run.csv", "columns": ["t"]},
            "position": {"file": "run.csv", "columns": ["q1", "q2"]},
            "velocity": {"file": "run.csv", "columns": ["v1", "v2"]},
            "effort": {"file": "run.csv", "columns": ["i1", "i2"]},
        } | changes
        path = tmp_path / "run.yaml"
        path.write_text(yaml.safe_dump({k: v for k, v in mapping.items() if v is not None}))
        return path

    return write


@pytest.mark.parametrize("separator", [",", ";", "\t", " "])
def test_columns_by_name(mapped, separator):
    recording = read_recording(mapped(separator=separator))
    assert recording.names == tuple(JOINTS)
    np.testing.assert_allclose(recording.t, T, atol=1e-9)
    for measured, true in zip((recording.q, recording.v, recording.tau), (Q, V, TAU), strict=True):
        np.testing.assert_array_equal(measured, true)


def test_columns_by_number_without_a_header(mapped):
    numbers = {
        name: {"file": "run.csv", "columns": columns}
        for name, columns in {"position": [2, 3], "velocity": [4, 5], "effort": [6, 7]}.items()
    }
    time = {"file": "run.csv", "columns": [1]}
    recording = read_recording(mapped(header="", time=time, **numbers))
    np.testing.assert_array_equal(recording.tau, TAU)


def test_units_signs_and_offsets(mapped):
    position = {
        "file": "run.csv", "columns": ["q1", "q2"], "unit": "deg", "sign": [1, -1],
        "offset": [0, 90],
    }  # fmt: skip
    time = {"file": "run.csv", "columns": ["t"], "unit": "ms"}
    recording = read_recording(mapped(position=position, time=time))
    np.testing.assert_allclose(recording.q[:, 0], np.radians(Q[:, 0]))
    np.testing.assert_allclose(recording.q[:, 1], np.radians(90.0 - Q[:, 1]))
    assert recording.t[-1] == pytest.approx(T[-1] * 1e-3)


def test_motors_are_mixed_into_joints(mapped):
    position = {
        "file": "run.csv", "columns": ["q1", "q2"], "sign": [1, -1], "offset": [0, 0.5],
        "mix": [[1, 0], [1, 1]],
    }  # fmt: skip
    recording = read_recording(mapped(position=position))
    np.testing.assert_allclose(recording.q[:, 1], Q[:, 0] - Q[:, 1] + 0.5)


def test_one_number_a_line(mapped, tmp_path):
    (tmp_path / "tau.txt").write_text("\n".join(f"{x:.17g}" for x in TAU.ravel()))
    recording = read_recording(mapped(effort={"file": "tau.txt", "columns": "lines"}))
    np.testing.assert_array_equal(recording.tau, TAU)


def test_velocity_from_position_at_a_rate(mapped):
    recording = read_recording(mapped(velocity=None, time=None, rate=RATE))
    inner = slice(20, -20)
    start = recording.start_ns * 1e-9
    np.testing.assert_allclose(
        recording.v[inner, 0], 3.0 * np.cos(3.0 * (recording.t[inner] + start)), atol=2e-3
    )
    assert "velocities from positions" in str(recording.checks)


def test_decimated_signals_stay_in_time(mapped):
    recording = read_recording(mapped(decimate=4))
    assert 1.0 / recording.dt == pytest.approx(RATE / 4)
    phase = 10 * 4 / RATE  # the filter cuts half its length off the start
    np.testing.assert_allclose(recording.q[:, 0], np.sin(3.0 * (recording.t + phase)), atol=2e-3)
    np.testing.assert_allclose(recording.tau[:, 0], 10.0 * recording.q[:, 0], atol=1e-9)


def test_what_cannot_be_used_is_counted(mapped):
    rows = np.column_stack([T, Q, V, TAU])
    rows[7, 3] = np.nan
    rows[9, 0] = rows[8, 0]
    recording = read_recording(mapped(rows))
    assert (recording.checks.not_finite, recording.checks.duplicates) == (1, 1)
    assert len(recording.t) == len(T) - 2


def test_joints_in_the_models_order(mapped):
    recording = read_recording(mapped(), joints=["elbow", "shoulder"])
    np.testing.assert_array_equal(recording.q, Q[:, ::-1])


def test_a_bags_metadata_means_the_bag(tmp_path, mapped):
    recording = read_recording(mapped())
    write_joint_states(tmp_path / "bag", recording)
    again = read_recording(tmp_path / "bag" / "metadata.yaml")
    np.testing.assert_allclose(again.q, Q)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"positon": {}}, "did you mean position"),
        ({"joints": ["a", "a"]}, "must differ"),
        ({"joints": "a"}, "list of the joints"),
        ({"rate": 100}, "either time"),
        ({"time": None}, "either time"),
        ({"time": None, "rate": 0}, "number > 0"),
        ({"effort": None}, "effort is missing"),
        ({"effort": {"columns": ["i1", "i2"]}}, "no file"),
        ({"effort": {"file": "run.csv", "columns": ["i1"]}}, "2 columns"),
        ({"effort": {"file": "run.csv", "columns": ["i1", "i3"]}}, "its columns are t, q1"),
        ({"effort": {"file": "run.csv", "columns": [6, 8]}}, "no column 8"),
        ({"effort": {"file": "run.csv", "columns": [0, 8]}}, "from 1 on"),
        ({"effort": {"file": "gone.csv", "columns": [1, 2]}}, "gone.csv cannot be read"),
        ({"effort": {"file": "run.csv", "columns": ["i1", "i2"], "unit": "kg"}}, "N m, N, A"),
        ({"effort": {"file": "run.csv", "columns": ["i1", "i2"], "sign": [1]}}, "2 are needed"),
        ({"effort": {"file": "run.csv", "columns": ["i1", "i2"], "mix": [[1, 2]]}}, "2 rows"),
        ({"decimate": 0}, "whole number"),
        ({"effort": {"file": "run.csv", "columns": "lines"}}, "differ in length"),
    ],
)
def test_mappings_that_cannot_be_used(mapped, changes, words):
    with pytest.raises(DataError, match=words):
        read_recording(mapped(**changes))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no numbers"),
        ("a,b\n", "no numbers"),
        ("1,2\n3\n", "no table"),
        ("a,b\n1,x\n", "no table"),
    ],
)
def test_tables_that_cannot_be_used(mapped, tmp_path, text, words):
    path = mapped(effort={"file": "bad.csv", "columns": [1, 2]})
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(DataError, match=words):
        read_recording(path)


def test_a_mapping_never_runs_code(tmp_path):
    path = tmp_path / "evil.yaml"
    path.write_text(f"joints: !!python/object/apply:os.mkdir ['{tmp_path / 'made'}']\n")
    with pytest.raises(DataError, match="cannot be read"):
        read_recording(path)
    assert not (tmp_path / "made").exists()
