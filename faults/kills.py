"""SIGKILL of every node at random times: it goes on where it was, and what is lost is counted."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool

from faults.bench_node import BenchNode, Topic
from faults.kills_meta_learner import kill_meta_learner
from faults.kills_policy_optimizer import kill_policy_optimizer
from faults.kills_recorder import kill_recorder
from faults.processes import Processes, RunningProcess, node
from faults.recoveries import Recoveries
from faults.result import Finding, Row, rows_of
from faults.rig import Rig
from faults.waiting import require
from ml3_msgs.msg import InertiaPrior
from ml3_ros.bringup.description import Process
from ml3_ros.bringup.systems.invdyn import SAWYER_INVDYN
from ml3_ros.data.bags import read_joint_states
from ml3_ros.nodes.kit.qos import LATCHED_1

# What a person waits minutes for takes seconds here, so that recoveries hit it.
FASTER = {
    "meta_learner": {
        "record_seconds": 6.0,
        "segment_seconds": 2.0,
        "iterations": 100,
        "checkpoint_period": 0.3,
    },
    "policy_optimizer": {"checkpoint_period": 0.5, "steps_per_window": 1},
}
UP_WORDS = ("loss:=none", "duration:=600.0", "resume:=true", "policy_optimizer.sgd_lr:=0.0")
UP_TIMEOUT_S = 60.0


def bench(folder: Path, quick: bool) -> Finding:
    """Kill every node again and again, start it again, and compare what is there."""
    count, rng = (2 if quick else 20), np.random.default_rng(0)
    with Rig(folder, nice={}) as rig:
        bench, processes, nodes = rig.bench, rig.processes, _nodes(folder / "out")
        for name in ("sim_arm", "excitation", "rigid_body_prior", "recorder", "meta_learner"):
            processes.start(nodes[name])
        states = bench.record(JointState, "joint_states")
        commands = bench.record(JointState, "joint_command")
        sources = {
            "sim_arm": (states, commands),
            "excitation": (commands,),
            "rigid_body_prior": (bench.record(InertiaPrior, "inertia_prior"),),
        }
        given = (processes, count, rng)
        rows = rows_of(
            lambda: _kill_sources(*given, nodes, sources),
            lambda: kill_recorder(*given, nodes["recorder"], states),
            lambda: kill_meta_learner(*given, nodes["meta_learner"], bench),
            lambda: kill_policy_optimizer(*given, nodes["policy_optimizer"], bench),
            lambda: _kill_tracking_controller(*given, commands),
            lambda: _kill_bag_player(*given, bench),
            lambda: _kill_conductor(*given),
        )
    return Finding(
        title="Killed nodes go on",
        method=(
            "The nodes of `sawyer_invdyn` with loss:=train, record:=true and resume:=true, each "
            f"SIGKILLed {count} times at random (seeded) times and started again with the same "
            "command line, while the others go on. Half of the kills of the two learners hit the "
            "writing of a checkpoint. tracking_controller takes the place of excitation. Times "
            "are from the kill to the first message of the new process that goes beyond what was "
            "before; Python's own start is most of it. The conductor is killed under "
            "`ml3 up reacher_invdyn`, which then ends all nodes and is started again."
        ),
        rows=rows,
    )


def _nodes(out: Path) -> dict[str, Process]:
    """Return the nodes of the system, which configure and activate themselves."""
    given = {"loss": "train", "record": "true", "resume": "true", "out": str(out)}
    values = SAWYER_INVDYN.resolve(given | {"duration": "86400"})
    return {
        process.name: replace(
            process,
            parameters={**process.parameters, "autostart": True, **FASTER.get(process.name, {})},
        )
        for process in SAWYER_INVDYN.started(values)
        if process.name != "conductor"
    }


def _kill_sources(
    processes: Processes,
    count: int,
    rng: np.random.Generator,
    nodes: Mapping[str, Process],
    sources: Mapping[str, Sequence[Topic]],
) -> list[Row]:
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


def _kill_tracking_controller(
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


def _kill_bag_player(
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
    time.sleep(0.5)
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


@dataclass(slots=True)
class _Runs:
    """What the runs of `ml3 up` have shown, whose conductors were killed."""

    codes: list[int | None] = field(default_factory=list)
    resumed: list[int] = field(default_factory=list)
    left: int = 0

    def rows(self, count: int) -> list[Row]:
        """Return the rows of the table."""
        ended = self.codes.count(1)
        rising = self.resumed == sorted(set(self.resumed))
        return [
            Row(
                "conductor: `ml3 up` ends with rc 1 and leaves no process",
                f"{ended} of {count}, {self.left} left",
                "every time, none",
                ended == count and self.left == 0,
            ),
            Row(
                "conductor: each new run resumes after more updates than the last",
                f"{len(self.resumed)} of {count} resumed, rising: {'yes' if rising else 'no'}",
                "every time",
                len(self.resumed) == count and rising,
            ),
        ]


def _kill_conductor(processes: Processes, count: int, rng: np.random.Generator) -> list[Row]:
    """Kill the conductor under `ml3 up`, which ends the rest and is started again."""
    processes.kill_all()
    recoveries, runs = Recoveries(), _Runs()
    out = processes.folder / "up"
    argv = [sys.executable, "-m", "ml3_ros.cli.main", "up", "reacher_invdyn", f"out:={out}"]
    up = processes.start_command("up", [*argv, *UP_WORDS])
    require(partial(_learns, up), "a system that learns", UP_TIMEOUT_S)
    for _ in range(count):
        time.sleep(rng.uniform(0.2, 1.5))
        children = up.children()
        at = time.time()
        os.kill(children["conductor"], signal.SIGKILL)
        require(partial(_has_ended, up), "the end of ml3 up", 30.0)
        runs.codes.append(up.exit_code)
        runs.left += sum(Path(f"/proc/{pid}").exists() for pid in children.values())
        up = processes.start_command("up", [*argv, *UP_WORDS])
        recoveries.wait(partial(_learns, up), at, UP_TIMEOUT_S)
        runs.resumed += [int(n) for n in re.findall(r"resumed after (\d+)", up.output())]
    row = recoveries.row("conductor, under `ml3 up`: the system learns again", UP_TIMEOUT_S)
    return [row, *runs.rows(count)]


def _learns(up: RunningProcess) -> bool:
    return "learning, robot time" in up.output()


def _has_ended(up: RunningProcess) -> bool:
    return not up.alive
