# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recordings become arrays by joint name; bad ones are rejected in one sentence."""

from __future__ import annotations

import pickle
import shutil

import numpy as np
import pytest

from ml3_ros.data.bags.reader import joint_state_topics, read_joint_states
from ml3_ros.errors import DataError

STAMPS = 5 + 0.01 * np.arange(10)


@pytest.fixture
def bag(tmp_path, save, joint_state):
    """Ten joint states, 10 ms apart, at 5.00 ... 5.09 s: a bag folder."""
    return save(tmp_path / "bag", {"/joint_states": map(joint_state, STAMPS)})


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
@pytest.mark.parametrize("shape", ["folder", "no metadata", "file"])
def test_every_shape_of_bag_is_read(tmp_path, storage, shape, save, joint_state):
    path = save(tmp_path / "bag", {"joint_states": map(joint_state, STAMPS)}, storage)
    if shape != "folder":
        (path / "metadata.yaml").unlink()
    if shape == "file":
        path = next(path.iterdir())
    recording = read_joint_states(path)
    assert recording.names == ("a", "b")
    np.testing.assert_allclose(recording.t, 0.01 * np.arange(10), atol=1e-9)
    assert recording.start_ns == 5_000_000_000
    np.testing.assert_allclose(recording.q, np.tile([0.1, 0.2], (10, 1)))
    np.testing.assert_allclose(recording.v, np.tile([1.0, 2.0], (10, 1)))
    np.testing.assert_allclose(recording.tau, np.c_[STAMPS, -STAMPS])
    assert recording.checks.messages == 10


def test_split_bag_without_metadata_is_read_in_number_order(tmp_path, save, joint_state):
    folder = tmp_path / "split"
    folder.mkdir()
    for part in (2, 10):
        whole = save(
            tmp_path / f"part{part}",
            {"joint_states": [joint_state(part + 0.1 * i) for i in range(5)]},
        )
        shutil.move(next(whole.glob("*.db3")), folder / f"split_{part}.db3")
    recording = read_joint_states(folder)
    assert recording.start_ns == 2_000_000_000
    assert recording.t[-1] == pytest.approx(8.4)
    assert recording.checks.reordered == 0


def test_columns_follow_the_requested_joints_never_the_message(tmp_path, save, joint_state):
    messages = [
        joint_state(1.0, ("a", "b", "gripper"), (1, 2, 9), (3, 4, 9), (5, 6, 9)),
        joint_state(1.1, ("b", "a"), (20, 10), (40, 30), (60, 50)),
    ]
    recording = read_joint_states(save(tmp_path / "bag", {"js": messages}), joints=["b", "a"])
    assert recording.names == ("b", "a")
    np.testing.assert_array_equal(recording.q, [[2, 1], [20, 10]])
    np.testing.assert_array_equal(recording.v, [[4, 3], [40, 30]])
    np.testing.assert_array_equal(recording.tau, [[6, 5], [60, 50]])


def test_bad_messages_are_left_out_and_counted(tmp_path, save, joint_state):
    messages = [
        joint_state(1.00),
        joint_state(1.01, ("a",), (0,), (0,), (0,)),  # partial
        joint_state(1.02, v=(np.nan, 0.0)),
        joint_state(1.025, q=(0.0, 1e200)),
        joint_state(1.03, tau=(0.0, 1.0, 2.0)),  # malformed
        joint_state(1.05),
        joint_state(1.04),  # late
        joint_state(1.05, tau=(7.0, 7.0)),  # duplicate
    ]
    recording = read_joint_states(save(tmp_path / "bag", {"js": messages}))
    checks = recording.checks
    np.testing.assert_allclose(recording.t, [0, 0.04, 0.05], atol=1e-9)
    np.testing.assert_allclose(recording.tau[:, 0], [1.0, 1.04, 1.05])
    assert (checks.messages, checks.partial, checks.not_finite, checks.malformed) == (8, 1, 2, 1)
    assert (checks.reordered, checks.duplicates) == (1, 1)
    assert "1 partial left out" in str(checks)


def test_stampless_messages_get_their_time_of_reception(tmp_path, save, joint_state):
    messages = [joint_state(0.0, tau=(i, i)) for i in range(3)]
    recording = read_joint_states(save(tmp_path / "bag", {"js": messages}))
    np.testing.assert_allclose(recording.t, [0, 0.01, 0.02], atol=1e-9)
    assert recording.checks.stamped_by == "log"


def test_topics_are_listed_and_must_be_chosen(tmp_path, bag, save, joint_state):
    assert joint_state_topics(bag) == {"/joint_states": 10}
    assert read_joint_states(bag, topic="joint_states").t.size == 10
    two = save(tmp_path / "two", {"/l": [joint_state(1.0)], "/r": [joint_state(1.0)]})
    with pytest.raises(DataError, match=r"/l \(a, b\), /r .*by topic=/l"):
        read_joint_states(two)
    with pytest.raises(DataError, match="no joint-state topic /x"):
        read_joint_states(two, topic="/x")


@pytest.mark.parametrize(
    ("stamps", "content", "sentence"),
    [
        ([], {}, "holds no message"),
        (STAMPS, {"tau": ()}, "carries no effort: record it with"),
        (STAMPS, {"q": ()}, "carries no position: record it with"),
        (STAMPS, {"tau": (0.0, 0.0)}, "effort .* never changes"),
        ([1.0], {}, "1 usable sample"),
        (STAMPS, {"names": ("a", "a")}, "must differ"),
        (STAMPS, {"names": (), "q": (), "v": (), "tau": ()}, "name no joints"),
    ],
)
def test_unusable_recordings_are_rejected_with_the_reason(
    tmp_path, stamps, content, sentence, save, joint_state
):
    messages = [joint_state(t, **content) for t in stamps]
    with pytest.raises(DataError, match=sentence):
        read_joint_states(save(tmp_path / "bag", {"js": messages}))


def test_missing_joints_are_named_beside_those_there_are(bag, tmp_path, save, joint_state):
    with pytest.raises(
        DataError, match="no joint elbow: /joint_states carries a, b; name them by"
    ):
        read_joint_states(bag, joints=["a", "elbow"])
    halves = [joint_state(1 + 0.1 * i, ("ab"[i % 2],), (0,), (0,), (i,)) for i in range(6)]
    with pytest.raises(DataError, match="carries all of a, b"):
        read_joint_states(save(tmp_path / "halves", {"js": halves}), joints=["a", "b"])


def test_other_files_than_bags_are_rejected_with_a_cure(tmp_path):
    with pytest.raises(DataError, match="there is no bag"):
        read_joint_states(tmp_path / "nowhere")
    with pytest.raises(DataError, match="neither metadata"):
        read_joint_states(tmp_path)
    for name, sentence in (("x.txt", "no rosbag2 file"), ("x.bag", "rosbags-convert")):
        (tmp_path / name).write_text("hello")
        with pytest.raises(DataError, match=sentence):
            read_joint_states(tmp_path / name)


def test_an_unmerged_write_ahead_log_is_not_overlooked(bag):
    next(bag.glob("*.db3")).with_name("bag.db3-wal").write_bytes(b"pages")
    with pytest.raises(DataError, match="wal_checkpoint"):
        read_joint_states(bag)


class _Trap:
    def __reduce__(self):
        return (pytest.fail, ("a recording was executed",))


@pytest.mark.parametrize("suffix", [".db3", ".mcap"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        b"SQLite format 3\0" + b"\xff" * 100,
        b"\x89MCAP0\r\n" + b"\x01" * 99,
        pickle.dumps(_Trap()),
    ],
)
def test_foreign_files_are_rejected(tmp_path, suffix, content):
    (tmp_path / f"x{suffix}").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.(db3|mcap)"):
        read_joint_states(tmp_path / f"x{suffix}")


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_damaged_files_give_an_error_or_valid_rows(tmp_path, storage, save, joint_state):
    folder = save(tmp_path / "bag", {"js": map(joint_state, STAMPS)}, storage)
    (folder / "metadata.yaml").unlink()
    file = next(folder.iterdir())
    whole = file.read_bytes()
    rng = np.random.default_rng(0)
    rejected = 0
    for i in range(60):
        broken = bytearray(whole[: rng.integers(len(whole))] if i % 2 else whole)
        for at in rng.integers(len(broken), size=0 if i % 2 else 40):
            broken[at] = rng.integers(256)
        file.write_bytes(broken)
        try:
            assert np.isfinite(read_joint_states(folder).q).all()
        except DataError:
            rejected += 1
    assert rejected >= (30 if storage == "sqlite3" else 15)  # a shorter MCAP file may be whole
