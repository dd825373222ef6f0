# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Nodes share no memory and tell no types, and find each other all the same."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ml3_ros.bringup.middleware import PROFILES, RANGE, middleware, profile_variable
from ml3_ros.bringup.up import environment

SHARED = """
from pathlib import Path
import rclpy
rclpy.init()
node = rclpy.create_node("shared")
maps = Path("/proc/self/maps").read_text()
print(any(f"/dev/shm/{name}" in maps for name in ("fastdds", "fastrtps")))
rclpy.shutdown()
"""
THREADS = """
from pathlib import Path
import rclpy
rclpy.init()
node = rclpy.create_node("threads")
print(sorted(path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")))
rclpy.shutdown()
"""
# Prints whether it receives from the other, to which it publishes until it is killed.
RECEIVES = """
import rclpy, time
from std_msgs.msg import String
rclpy.init()
node, received = rclpy.create_node("{name}"), []
node.create_subscription(String, "{other}", received.append, 10)
publisher = node.create_publisher(String, "{name}", 10)
end, printed = time.monotonic() + 120.0, False
while True:
    publisher.publish(String(data="here"))
    rclpy.spin_once(node, timeout_sec=0.05)
    if not printed and (received or time.monotonic() > end):
        printed = True
        print(bool(received), flush=True)
"""


@pytest.fixture(autouse=True)
def as_a_user_has_it(monkeypatch):
    for profile in PROFILES:  # the other tests have it
        monkeypatch.delenv(profile, raising=False)


def bare(env: dict[str, str]) -> dict[str, str]:
    """Return the environment without a profile."""
    return {name: value for name, value in env.items() if name not in PROFILES}


def python(code: str, env: dict[str, str]) -> subprocess.Popen[str]:
    """Run code in a process."""
    return subprocess.Popen(
        [sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True
    )


def shares(env: dict[str, str]) -> bool:
    """Return whether a node in this environment maps shared memory of Fast DDS."""
    out, _ = python(SHARED, env).communicate(timeout=120.0)
    return out.strip() == "True"


@pytest.mark.parametrize("reach", ["LOCALHOST", "SUBNET"])
def test_no_memory_is_shared(monkeypatch, reach):
    monkeypatch.setenv(RANGE, reach)
    assert not shares(environment())


@pytest.mark.parametrize("reach", ["LOCALHOST", "SUBNET"])
def test_no_thread_answers_for_types(monkeypatch, reach):
    monkeypatch.setenv(RANGE, reach)
    out, _ = python(THREADS, environment()).communicate(timeout=120.0)
    assert "dds.ev" in out and "dds.tls" not in out


def test_without_the_profile_it_is_shared(monkeypatch):
    monkeypatch.setenv(RANGE, "LOCALHOST")
    assert shares(bare(environment()) | {RANGE: "LOCALHOST"})


def test_a_node_finds_another_of_this_machine_with_and_without_the_profile(monkeypatch):
    monkeypatch.setenv(RANGE, "LOCALHOST")
    ours = environment()
    plain = bare(ours)
    for other in (ours, plain | {RANGE: "LOCALHOST"}, plain | {RANGE: "SUBNET"}):
        both = [
            python(RECEIVES.format(name="one", other="two"), ours),
            python(RECEIVES.format(name="two", other="one"), other),
        ]
        try:
            assert [process.stdout.readline() for process in both] == ["True\n"] * 2
        finally:
            for process in both:
                process.kill()
                process.communicate()


@pytest.mark.parametrize(
    "env",
    [
        *({profile: "mine.xml"} for profile in PROFILES),
        {"RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp"},
    ],
    ids=[*PROFILES, "another middleware"],
)
def test_what_the_user_has_chosen_stays(env):
    assert middleware(env | {RANGE: "LOCALHOST"}) == {}


def test_only_where_nodes_stay_on_this_machine_the_profile_has_to_see_to_it():
    wide = middleware({RANGE: "SUBNET"})
    local = middleware({RANGE: "LOCALHOST", "RMW_IMPLEMENTATION": ""})
    assert wide[profile_variable()].endswith("fastdds.xml")
    assert local[profile_variable()].endswith("fastdds_localhost.xml")
    assert local[RANGE] == "SYSTEM_DEFAULT"
