# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 topics` in a process of its own, as from another terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from sensor_msgs.msg import JointState

from ml3_ros.bringup.up import environment
from ml3_ros.nodes.kit.qos import LATCHED_1


@pytest.fixture
def topics(graph):
    """Return a function that runs the command to its end; it has two topics to look at."""
    probe = graph.plain()
    probe.create_publisher(JointState, "silent", 10)
    latched = probe.create_publisher(JointState, "latched", LATCHED_1)
    latched.publish(JointState(name=["a", "b"], position=[0.25] * 20))

    def run(*words, **streams):
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
        command = [sys.executable, "-m", "ml3_ros.cli.main", "topics", *words]
        with subprocess.Popen(command, env=environment(), text=True, **streams) as process:
            try:
                graph.until(lambda: process.poll() is not None)
            finally:
                process.kill()
            return process.returncode, *process.communicate()

    run.namespace = graph.namespace
    return run


def test_topics_are_listed_with_who_is_there(topics):
    rc, out, _ = topics()
    lines = {words[0]: words[1:] for words in map(str.split, out.splitlines())}
    assert rc == 0
    assert lines[f"{topics.namespace}/silent"] == ["sensor_msgs/msg/JointState", "1", "0"]


def test_messages_are_shown_also_those_from_before_and_long_arrays_are_cut(topics):
    rc, out, _ = topics(f"{topics.namespace}/latched", "--count", "1")
    assert rc == 0
    assert "name: [a, b]" in out
    assert "position: [0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, ... 20 in all]" in out


def test_a_topic_that_nobody_publishes_is_one_sentence(topics):
    rc, out, err = topics("/nowhere")
    assert (rc, out) == (2, "")
    assert err.startswith("ml3: nobody publishes on /nowhere in this ROS domain")
    assert err.count("\n") == 1


def test_a_reader_that_goes_away_ends_it_without_a_word(topics):
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as stdout:
        rc, _, err = topics(stdout=stdout)
    assert (rc, err) == (-signal.SIGPIPE, "")
