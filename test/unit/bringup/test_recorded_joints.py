# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Joints of a replay: those that the recording carries, or some of them."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.bringup.systems.registry import SYSTEMS
from ml3_ros.data.bags.writer import write_joint_states
from ml3_ros.data.recording import JointRecording
from ml3_ros.errors import ConfigError
from ml3_ros.robots.registry import load_robot


@pytest.fixture
def recorded(tmp_path):
    """Write a bag that carries two joints of a Sawyer under other names, and return its path."""
    t = 0.01 * np.arange(50)
    q = np.stack([np.sin(t), np.cos(t)], axis=1)
    names = ("arm/right_j1", "arm/right_j3")
    recording = JointRecording(names=names, t=t, q=q, v=q, tau=q, start_ns=0, topic="/x")
    write_joint_states(tmp_path / "bag", recording)
    return tmp_path / "bag"


def joints_of_replay(**given):
    replay = SYSTEMS["replay"]
    values = replay.complete(replay.resolve({"urdf": "sawyer", "frames": "none", **given}))
    processes = replay.started(values)
    found = {p.name: p.parameters for p in processes}
    assert found["policy_optimizer"]["joints"] == found["bag_player"]["joints"]
    return found["bag_player"]["joints"]


@pytest.mark.parametrize("rename", ["", "arm/"])
def test_a_recording_chooses_the_joints_that_are_replayed(recorded, rename):
    joints = joints_of_replay(bag=str(recorded), rename=rename)
    assert joints == ["right_j1", "right_j3"]


def test_of_what_is_recorded_some_joints_can_be_chosen(recorded, tmp_path):
    given = {"bag": str(recorded), "out": str(tmp_path / "out"), "rename": "arm/"}
    assert joints_of_replay(joints="[right_j3]", **given) == ["right_j3"]
    with pytest.raises(ConfigError, match=r"does not carry right_j0: choose .* right_j1"):
        joints_of_replay(joints="right_j0,right_j1", **given)


def test_of_a_recording_that_does_not_exist_all_joints_are_asked_for(tmp_path):
    assert joints_of_replay(bag=str(tmp_path / "none")) == list(load_robot("sawyer").names)
