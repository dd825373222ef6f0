# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Bags state the quality of service of their topics as rosbag2 reads it (metadata version 9).

rosbag2 has no wheel, so its parser is followed here: rosbag2_storage/src/rosbag2_storage/qos.cpp.
"""

from __future__ import annotations

import sqlite3

import pytest
import yaml
from rosbags.interfaces import QosDurability, QosHistory, QosReliability
from rosbags.rosbag2 import Reader

from ml3_ros.data.bags.qos import FOREVER, playable, reliable
from ml3_ros.data.bags.reader import read_joint_states
from ml3_ros.data.bags.writer import BagWriter, write_joint_states

LATCHED = reliable(1)._replace(durability=QosDurability.TRANSIENT_LOCAL)
LOOSE = reliable(5)._replace(reliability=QosReliability.BEST_EFFORT)
# what rmw/qos_string_conversions.h and rosbag2 know; anything else becomes "unknown"
WORDS = {
    "history": {"keep_last", "keep_all", "system_default", "unknown"},
    "reliability": {"reliable", "best_effort", "system_default", "best_available"},
    "durability": {"transient_local", "volatile", "system_default", "best_available"},
    "liveliness": {"automatic", "manual_by_topic", "system_default", "best_available"},
}
TIMES = ("deadline", "lifespan", "liveliness_lease_duration")


def check_as_rosbag2(profiles):
    """Fail where rosbag2 would not read these profiles, or lose a policy of them."""
    assert isinstance(profiles, list)
    for profile in profiles:
        assert set(profile) == {
            *WORDS, *TIMES, "depth", "avoid_ros_namespace_conventions"
        }  # fmt: skip
        for key, known in WORDS.items():
            assert profile[key] in known
        for key in TIMES:
            assert set(profile[key]) == {"sec", "nsec"}
            assert all(isinstance(x, int) and 0 <= x < 2**64 for x in profile[key].values())
        assert type(profile["depth"]) is int
        assert type(profile["avoid_ros_namespace_conventions"]) is bool


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_rosbag2_finds_the_profiles_of_each_topic(tmp_path, joint_state, storage):
    unknown = LATCHED._replace(history=QosHistory.UNKNOWN, depth=0)  # as discovery tells them
    given = {"/latched": [unknown], "/states": [reliable(5000)], "/loose": [LOOSE], "/none": []}
    writer = BagWriter(tmp_path / "bag", storage)
    for topic, qos in given.items():
        writer.add_topic(topic, "sensor_msgs/msg/JointState", qos)
        writer.write(topic, 10**9, joint_state(1.0))
    writer.close()
    with Reader(tmp_path / "bag") as reader:
        assert {c.topic: c.ext.offered_qos_profiles for c in reader.connections} == given
    bag = yaml.safe_load((tmp_path / "bag" / "metadata.yaml").read_text())
    info = bag["rosbag2_bagfile_information"]
    assert (info["version"], info["storage_identifier"]) == (9, storage)
    topics = [topic["topic_metadata"] for topic in info["topics_with_message_count"]]
    stated = {topic["name"]: topic["offered_qos_profiles"] for topic in topics}
    for profiles in stated.values():
        check_as_rosbag2(profiles)
    assert stated["/latched"][0]["durability"] == "transient_local"
    assert stated["/latched"][0]["history"] == "unknown"
    assert stated["/states"][0]["durability"] == "volatile"
    assert stated["/states"][0]["depth"] == 5000
    assert stated["/loose"][0]["reliability"] == "best_effort"
    assert stated["/none"] == []


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_the_file_states_them_as_well(tmp_path, storage):
    writer = BagWriter(tmp_path / "bag", storage)
    writer.add_topic("/latched", "std_msgs/msg/String", [LATCHED])
    writer.write("/latched", 1, b"")
    writer.close()
    if storage == "sqlite3":
        with sqlite3.connect(tmp_path / "bag" / "bag.db3") as database:
            ((text,),) = database.execute("SELECT offered_qos_profiles FROM topics").fetchall()
    else:
        raw = (tmp_path / "bag" / "bag.mcap").read_bytes()
        key = b"offered_qos_profiles"
        at = raw.index(key) + len(key)
        text = raw[at + 4 : at + 4 + int.from_bytes(raw[at : at + 4], "little")].decode()
    profiles = yaml.safe_load(text)
    check_as_rosbag2(profiles)
    assert [p["durability"] for p in profiles] == ["transient_local"]


def test_joint_states_written_from_arrays_are_played_reliably(tmp_path, save, joint_state):
    source = save(tmp_path / "source", {"/js": [joint_state(1 + 0.1 * i) for i in range(5)]})
    write_joint_states(tmp_path / "bag", read_joint_states(source))
    with Reader(tmp_path / "bag") as reader:
        (connection,) = reader.connections
    assert connection.ext.offered_qos_profiles == [reliable(5000)]
    assert (tmp_path / "bag" / "bag.mcap").exists()


def test_publishers_that_offer_the_same_stay_as_they_are():
    assert playable([]) == ()
    assert playable([LATCHED, LATCHED]) == (LATCHED,)
    deeper = LATCHED._replace(depth=10)
    assert playable([LATCHED, deeper]) == (LATCHED, deeper)  # rosbag2 takes them for the same


def test_publishers_that_differ_become_one_that_reaches_every_subscriber():
    timed = LOOSE._replace(deadline=FOREVER._replace(sec=1))
    (mixed,) = playable([timed, LATCHED])
    assert mixed.durability is QosDurability.TRANSIENT_LOCAL
    assert mixed.reliability is QosReliability.RELIABLE
    assert mixed.deadline == FOREVER
    (loose,) = playable([LOOSE, reliable(5)])
    assert loose == reliable(5)
