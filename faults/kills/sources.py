# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""SIGKILL of nodes that keep nothing: what they publish is there again."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool

from faults.rig.bench_node import BenchNode, Topic
from faults.rig.processes import Processes, node
from faults.rig.recoveries import Recoveries
from faults.rig.result import Row
from faults.rig.waiting import require, until
from ml3_ros.bringup.description import Process
from ml3_ros.data.bags.reader import read_joint_states
from ml3_ros.nodes.kit.qos import LATCHED_1

ARRIVED_S = 10.0  # within this the last samples of a recording have come


def kill_sources(
    processes: Processes,
    count: int,
    rng: np.random.Generator,
    nodes: Mapping[str, Process],
    sources: Mapping[str, Sequence[Topic]],
) -> list[Row]:
    """Kill nodes, one after the other; `sources` are the topics that each of them publishes."""
    return [
        _kill_a_source(processes, count, rng, nodes[name], works).row(
            f"{name}: its topics are there again"
        )
        for name, works in sources.items()
    ]


def _kill_a_source(
    processes: Processes,
    count: int,
    rng: np.random.Generator,
    process: Process,
    works: Sequence[Topic],
) -> Recoveries:
    """Kill a node that keeps nothing; it works when all topics of `works` are published."""
    recoveries = Recoveries()
    require(lambda: all(len(topic) for topic in works), f"{process.name} that works")
    for _ in range(count):
        time.sleep(rng.uniform(0.2, 1.0))
        at = processes.kill(process.name)
        processes.start(process)
        recoveries.wait(partial(_all_published, works, time.time()), at)
    return recoveries


def _all_published(topics: Sequence[Topic], since: float) -> bool:
    """Return whether all topics have messages published from `since` on [s]."""
    return all(topic.published_since(since) for topic in topics)


def kill_tracking_controller(
    processes: Processes, count: int, rng: np.random.Generator, commands: Topic
) -> list[Row]:
    """Kill it in the place of excitation: there is one controller at a time."""
    processes.kill("excitation")
    tracking = node("tracking_controller", feedforwards=["rigid_body"])
    processes.start(tracking)
    begun = time.time()
    require(partial(commands.published_since, begun), "tracking_controller that works")
    recoveries = _kill_a_source(processes, count, rng, tracking, (commands,))
    return [recoveries.row("tracking_controller: its topics are there again")]


def kill_bag_player(
    processes: Processes, count: int, rng: np.random.Generator, bench: BenchNode
) -> list[Row]:
    """Kill the player amid a recording; the last one plays it to its end."""
    processes.kill_all()
    out = processes.folder / "out"
    bags = [path for path in out.glob("bag*") if (path / "metadata.yaml").exists()]
    recordings = {path: read_joint_states(path, "joint_states") for path in bags}
    bag = max(bags, key=lambda path: len(recordings[path].t))
    n = len(recordings[bag].t)
    states = bench.record(JointState, "joint_states")
    finished = bench.record(Bool, "stream_finished", LATCHED_1)
    player = node("bag_player", bag=bag, topic="joint_states", robot="sawyer", max_ahead=0)
    processes.start(player)
    recoveries = _kill_a_source(processes, count, rng, player, (states,))
    begun = time.time()
    at = processes.kill("bag_player")
    processes.start(player)
    require(
        lambda: any(msg.data for _, msg in finished.since(begun)),
        "the end of the recording",
        recordings[bag].t[-1] + 30.0,
    )
    until(lambda: len(states.times(at)) >= n, ARRIVED_S)
    played = len(states.times(at))
    processes.kill("bag_player")
    return [
        recoveries.row("bag_player: it plays again, from the recording's beginning"),
        Row(
            "bag_player: samples of the play after the last kill",
            f"{played} of {n}",
            "all, then stream_finished",
            played == n,
        ),
    ]
