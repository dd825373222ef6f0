# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where one frame is in another, by transforms that came at some times."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ml3_ros.data import frame_tree
from ml3_ros.data.frame_tree import KEPT_NS, FrameError, FrameTree

S = 1_000_000_000
NONE = np.array([0.0, 0.0, 0.0, 1.0])
X = np.array([1.0, 0.0, 0.0])
QUARTER = Rotation.from_rotvec([0, 0, np.pi / 2]).as_quat()


@pytest.fixture
def tree():
    """base -> arm (turned by 90 degrees) -> camera, and base -> table, all fixed."""
    tree = FrameTree()
    tree.add("base", "arm", 0, X, QUARTER, fixed=True)
    tree.add("arm", "camera", 0, X, NONE, fixed=True)
    tree.add("base", "table", 0, -X, NONE, fixed=True)
    return tree


def test_a_frame_is_found_up_down_and_across(tree):
    np.testing.assert_allclose(tree.lookup("base", "base", 0), np.eye(4))
    T = tree.lookup("base", "camera", 5 * S)
    np.testing.assert_allclose(T[:3, 3], [1, 1, 0], atol=1e-12)
    np.testing.assert_allclose(T[:3, :3] @ X, [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(tree.lookup("camera", "base", 0), np.linalg.inv(T), atol=1e-12)
    np.testing.assert_allclose(tree.lookup("table", "camera", 0)[:3, 3], [2, 1, 0], atol=1e-12)


def test_a_moving_frame_is_where_it_was_at_that_time(tree):
    tree.add("base", "hand", 1 * S, X, NONE)
    tree.add("base", "hand", 2 * S, 3.0 * X, QUARTER)
    T = tree.lookup("base", "hand", 3 * S // 2)
    np.testing.assert_allclose(T[:3, 3], 2.0 * X)
    turned = Rotation.from_matrix(T[:3, :3]).magnitude()
    assert turned == pytest.approx(np.pi / 4)
    np.testing.assert_allclose(tree.lookup("base", "hand", 0)[:3, 3], 3.0 * X)
    np.testing.assert_allclose(tree.lookup("base", "hand", 2 * S)[:3, 3], 3.0 * X)
    for stamp, away in ((2 * S + 1, r"\+0\.000"), (S - 1, r"-1\.000")):
        with pytest.raises(FrameError, match=f"'hand' in 'base' at that time.*{away} s"):
            tree.lookup("base", "hand", stamp)


def test_what_is_old_is_forgotten_and_a_clock_that_was_set_begins_anew(tree):
    tree.add("base", "hand", 1 * S, X, NONE)
    tree.add("base", "hand", 2 * S + KEPT_NS, 2.0 * X, NONE)
    with pytest.raises(FrameError):
        tree.lookup("base", "hand", 2 * S)
    tree.add("base", "hand", 3 * S, 3.0 * X, NONE)
    np.testing.assert_allclose(tree.lookup("base", "hand", 0)[:3, 3], 3.0 * X)
    with pytest.raises(FrameError):
        tree.lookup("base", "hand", 4 * S)


def test_frames_that_nothing_connects_are_both_named(tree):
    with pytest.raises(FrameError, match="no way from 'nowhere' to 'base'"):
        tree.lookup("base", "nowhere", 0)


def test_a_frame_may_get_another_parent_and_circles_end_nothing(tree):
    tree.add("table", "camera", 0, X, NONE, fixed=True)
    np.testing.assert_allclose(tree.lookup("base", "camera", 0)[:3, 3], np.zeros(3), atol=1e-12)
    tree.add("camera", "base", 0, X, NONE, fixed=True)
    with pytest.raises(FrameError):
        tree.lookup("base", "nowhere", 0)


@pytest.mark.parametrize(
    ("parent", "child", "position", "quaternion"),
    [
        ("base", "base", X, NONE),
        ("", "hand", X, NONE),
        ("base", "hand", np.nan * X, NONE),
        ("base", "hand", X, 0.0 * NONE),
        ("base", "hand", X, np.nan * NONE),
    ],
)
def test_what_is_no_transform_is_rejected(tree, parent, child, position, quaternion):
    with pytest.raises(FrameError):
        tree.add(parent, child, 0, position, quaternion)
    with pytest.raises(FrameError):
        tree.lookup("base", "hand", 0)


def test_there_is_a_limit_to_what_is_kept(tree, monkeypatch):
    monkeypatch.setattr(frame_tree, "MOST_FRAMES", 4)
    tree.add("base", "one more", 0, X, NONE)
    with pytest.raises(FrameError, match="more than 4 frames"):
        tree.add("base", "too many", 0, X, NONE)
