# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""External torques are read back from a run's recording, told and true ones apart."""

from __future__ import annotations

import numpy as np
import pytest
from rclpy.serialization import serialize_message

from ml3_ros.data.bags.touches import read_touches
from ml3_ros.data.bags.writer import write_joint_states
from ml3_ros.data.recording import JointRecording
from ml3_ros.errors import DataError
from test.unit.reports.touches import JOINTS, NANO, START, torque_msg, write_touches


def test_what_was_told_and_what_was_true_are_read_apart(tmp_path):
    write_touches(tmp_path / "bag", seconds=2.0)
    touches = read_touches(tmp_path / "bag", JOINTS)
    assert touches.told.stamps[0] == START and len(touches.told.stamps) == 200
    assert np.all(np.diff(touches.told.stamps) == NANO // 100)
    np.testing.assert_allclose(touches.truth.torque[120], [3.0, 0.0])
    np.testing.assert_allclose(touches.told.torque[120], [2.5, 0.25])
    np.testing.assert_allclose(touches.told.std[120], [0.2, 0.1])
    assert touches.told.touched[120].tolist() == [True, False]
    assert touches.payloads == ((START, 0.5), (START + NANO, 2.5))


def test_torques_between_joint_states_are_interpolated(tmp_path):
    write_touches(tmp_path / "bag", seconds=2.0)
    truth = read_touches(tmp_path / "bag", JOINTS).truth
    halfway = np.array([START + NANO - NANO // 200])  # the push begins at 1 s
    np.testing.assert_allclose(truth.at(halfway), [[1.5, 0.0]])


def test_a_real_arm_has_no_truth(tmp_path):
    write_touches(tmp_path / "bag", seconds=1.0, simulated=False)
    touches = read_touches(tmp_path / "bag", JOINTS)
    assert touches.truth is None and touches.payloads == ()


def test_torques_of_other_joints_are_none(tmp_path):
    write_touches(tmp_path / "bag", seconds=1.0)
    assert read_touches(tmp_path / "bag", ("a", "b")) is None


def test_a_bag_of_other_topics_alone_has_none(tmp_path):
    n = 5
    recording = JointRecording(
        t=np.arange(n) / 100.0,
        q=np.zeros((n, 2)),
        v=np.zeros((n, 2)),
        tau=np.zeros((n, 2)),
        names=JOINTS,
        start_ns=START,
        topic="/joint_states",
    )
    write_joint_states(tmp_path / "bag", recording)
    assert read_touches(tmp_path / "bag", JOINTS) is None


def test_torques_of_different_lengths_are_rejected(tmp_path):
    short = torque_msg(START + 5 * NANO, [1.0])
    write_touches(tmp_path / "bag", seconds=1.0, more=(serialize_message(short),))
    with pytest.raises(DataError, match=r"different lengths.*record anew"):
        read_touches(tmp_path / "bag", JOINTS)
