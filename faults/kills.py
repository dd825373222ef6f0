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

from faults.kills_learning import kill_meta_learner, kill_policy_optimizer
from faults.kills_recorder import kill_recorder
from faults.listener import Listener, Topic
from faults.processes import BenchError, Kills, Processes, node, until
from faults.result import Finding, Row
from ml3_msgs.msg import InertiaPrior
from ml3_ros.bringup.description import Process
from ml3_ros.bringup.systems.invdyn import SAWYER_INVDYN
from ml3_ros.data.bags import read_joint_states
from ml3_ros.nodes.kit.qos import LATCHED_1

# What a person waits minutes for takes seconds here, so that kills hit it.
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
    """Kill every node again and again, start it again, and look at what is there."""
    count, rng = (2 if quick else 20), np.random.default_rng(0)
    rows: list[Row] = []
    with Listener() as listener, Processes(folder) as processes:
        nodes = _nodes(folder / "out")
        for name in ("sim_arm", "excitation", "rigid_body_prior", "recorder", "meta_learner"):
            processes.start(nodes[name])
        states = listener.hear(JointState, "joint_states")
        answers = listener.hear(JointState, "joint_command")
        priors = listener.hear(InertiaPrior, "inertia_prior")
        sources = {
            "sim_arm": (states, answers),
            "excitation": (answers,),
            "rigid_body_prior": (priors,),
        }
        given = (processes, count, rng)
        for measure in (
            lambda: _kill_sources(*given, nodes, sources),
            lambda: kill_recorder(*given, nodes["recorder"], states),
            lambda: kill_meta_learner(*given, nodes["meta_learner"], listener),
            lambda: kill_policy_optimizer(*given, nodes["policy_optimizer"], listener),
            lambda: _kill_tracking_controller(*given, answers),
            lambda: _kill_bag_player(*given, listener),
            lambda: _kill_conductor(*given),
        ):
            try:
                rows.extend(measure())
            except BenchError as error:  # the rest is worth measuring all the same
                rows.append(Row("the bench itself", str(error), "measures", False))
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
) -> Kills:
    """Kill a node that keeps nothing; it is back when all topics of `works` are published."""
    kills = Kills()
    until(lambda: all(len(topic) for topic in works), f"{process.name} that works")
    for _ in range(count):
        time.sleep(rng.uniform(0.2, 1.0))
        at = processes.kill(process.name)
        processes.start(process)
        begun = time.time()
        kills.wait(lambda begun=begun: all(len(topic.times(begun)) for topic in works), at)
    return kills


def _kill_tracking_controller(
    processes: Processes, count: int, rng: np.random.Generator, answers: Topic
) -> list[Row]:
    """Kill it in the place of excitation: there is one controller at a time."""
    processes.kill("excitation")
    tracking = node("tracking_controller", feedforwards=["rigid_body"])
    processes.start(tracking)
    begun = time.time()
    until(lambda: len(answers.times(begun)), "tracking_controller that works")
    kills = _kill_a_source(processes, count, rng, tracking, (answers,))
    return [kills.row("tracking_controller: its topics are there again")]


def _kill_bag_player(
    processes: Processes, count: int, rng: np.random.Generator, listener: Listener
) -> list[Row]:
    """Kill the player amid a recording; the last one plays it to its end."""
    for name in processes.names():
        processes.kill(name)
    out = processes.folder / "out"
    bags = [path for path in out.glob("bag*") if (path / "metadata.yaml").exists()]
    recordings = {path: read_joint_states(path, "joint_states") for path in bags}
    bag = max(bags, key=lambda path: len(recordings[path].t))
    n = len(recordings[bag].t)
    states = listener.hear(JointState, "joint_states")
    finished = listener.hear(Bool, "stream_finished", LATCHED_1)
    player = node("bag_player", bag=str(bag), topic="joint_states", robot="sawyer", max_ahead=0)
    processes.start(player)
    kills = _kill_a_source(processes, count, rng, player, (states,))
    begun = time.time()
    at = processes.kill("bag_player")
    processes.start(player)
    until(
        lambda: any(msg.data for _, msg in finished.since(begun)),
        "the end of the recording",
        recordings[bag].t[-1] + 30.0,
    )
    time.sleep(0.5)
    played = len(states.times(at))
    processes.kill("bag_player")
    return [
        kills.row("bag_player: it plays again, from the recording's beginning"),
        Row(
            "bag_player: samples of the play after the last kill",
            f"{played} of {n}",
            "all, then stream_finished",
            played == n,
        ),
    ]


@dataclass(slots=True)
class _Up:
    """What the runs of `ml3 up` have shown."""

    codes: list[int | None] = field(default_factory=list)
    resumed: list[int] = field(default_factory=list)
    left: int = 0


def _kill_conductor(processes: Processes, count: int, rng: np.random.Generator) -> list[Row]:
    """Kill the conductor under `ml3 up`, which ends the rest and is started again."""
    for name in processes.names():
        processes.kill(name)
    kills, seen = Kills(), _Up()
    out = processes.folder / "up"
    argv = [sys.executable, "-m", "ml3_ros.cli.main", "up", "reacher_invdyn", f"out:={out}"]
    at = 0.0
    log = processes.log("up")
    for i in range(count + 1):
        begin = log.stat().st_size if log.exists() else 0
        processes.start_command("up", [*argv, *UP_WORDS])
        learns = partial(_says, log, begin, "learning, robot time")
        if i:
            kills.wait(learns, at, UP_TIMEOUT_S)
            found = re.findall(r"resumed after (\d+)", _since(log, begin))
            seen.resumed += [int(n) for n in found]
        else:
            until(learns, "a system that learns", UP_TIMEOUT_S)
        if i == count:
            break
        time.sleep(rng.uniform(0.2, 1.5))
        children = processes.children("up")
        at = time.time()
        os.kill(children["conductor"], signal.SIGKILL)
        until(lambda: processes.ended("up") is not None, "the end of ml3 up", 30.0)
        seen.codes.append(processes.ended("up"))
        seen.left += sum(Path(f"/proc/{pid}").exists() for pid in children.values())
        processes.kill("up")
    rising = seen.resumed == sorted(set(seen.resumed))
    return [
        kills.row("conductor, under `ml3 up`: the system learns again", UP_TIMEOUT_S),
        Row(
            "conductor: `ml3 up` ends with rc 1 and leaves no process",
            f"{seen.codes.count(1)} of {count}, {seen.left} left",
            "every time, none",
            seen.codes.count(1) == count and seen.left == 0,
        ),
        Row(
            "conductor: each new run resumes after more updates than the last",
            f"{len(seen.resumed)} of {count} resumed, rising: {'yes' if rising else 'no'}",
            "every time",
            len(seen.resumed) == count and rising,
        ),
    ]


def _says(log: Path, begin: int, text: str) -> bool:
    return text in _since(log, begin)


def _since(log: Path, begin: int) -> str:
    """Return what was written to a log after its first `begin` bytes."""
    return log.read_bytes()[begin:].decode(errors="replace")
