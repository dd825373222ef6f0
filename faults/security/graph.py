# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What every node of a Sawyer's systems uses of the ROS graph, seen while the systems run.

`python -m faults.security.graph FILE` writes the policies that allow just that.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rclpy.node import Node

from faults.rig import bench_node
from faults.rig.bench_node import BenchNode
from faults.rig.processes import node
from faults.rig.rig import SAWYER_MESSAGES, Rig
from faults.rig.waiting import BenchError, require
from faults.security.policies import Use, use_in_graph, write_policies
from ml3_ros.bringup.description import System
from ml3_ros.bringup.operator import REQUESTS
from ml3_ros.bringup.systems.invdyn import REPLAY, SAWYER_INVDYN
from ml3_ros.bringup.systems.reach import REACHER_REACH
from ml3_ros.bringup.systems.track import SAWYER_TRACK
from ml3_ros.nodes.sawyer_driver.parameters import SUPPRESSED

OPERATOR, DRIVER = "ml3_operator", "sawyer_driver"
FASTER = {
    "meta_learner": {"record_seconds": "3.0", "segment_seconds": "1.0", "iterations": "1"},
    "bag_player": {"topic": "joint_states"},
    "sawyer_driver": {"message_package": SAWYER_MESSAGES} | dict.fromkeys(SUPPRESSED, "true"),
}
READ_S = 0.2  # between looks at the whole graph, which cost the nodes time
DEADLINE_S = 400.0  # of a system on a busy machine; it trains two losses


class Seen(dict[str, Use]):
    """What every node has used so far."""

    def add_graph(self, onlooker: Node) -> None:
        """Add what all nodes of the graph use now."""
        for name, _ in onlooker.get_node_names_and_namespaces():
            if name != bench_node.NAME and not name.startswith("_"):
                self.setdefault(name, Use()).add(use_in_graph(onlooker, name))


def graph_use(folder: Path) -> dict[str, Use]:
    """Run all systems for a while; return what each of their nodes has used.

    Raises:
        BenchError: A system does not come up.
    """
    seen = Seen()
    trained = ("loss:=train", "record:=true", "duration:=3", "hold_out:=5", f"out:={folder}/train")
    _run(folder, seen, SAWYER_INVDYN, trained, "held out")
    real = ("robot:=sawyer", "record:=true", f"out:={folder}/real")
    _run(folder, seen, SAWYER_INVDYN, real, "learning, robot time")
    bag = folder / "train" / "bag"
    replayed = (f"bag:={bag}", "urdf:=sawyer", f"out:={folder}/replay")
    _run(folder, seen, REPLAY, replayed, "learning, robot time")
    for system, robot, logged in (
        (SAWYER_TRACK, "sawyer_sim", "learning, robot time"),
        (SAWYER_TRACK, "sawyer", "learning, robot time"),
        (REACHER_REACH, "sawyer_sim", "learning, robot time"),
        (REACHER_REACH, "sawyer", "adapts"),  # no episode begins before an operator enables it
    ):
        words = (f"robot:={robot}", f"out:={folder}/{system.name}_{robot}")
        _run(folder, seen, system, words, logged)
    return dict(seen)


def _run(folder: Path, seen: Seen, system: System, words: Sequence[str], logged: str) -> None:
    """Run a system until its conductor logs something, and read the graph meanwhile."""
    words = (*words, "frames:=arm_frames")
    values, _ = system.parse(words)
    with Rig(folder) as rig:
        names = {process.name for process in system.started(values)}
        if DRIVER in names:
            rig.processes.start(node("sawyer_emulator", message_package=SAWYER_MESSAGES))
        settings = [
            f"{name}.{key}:={value}"
            for name, given in FASTER.items()
            if name in names
            for key, value in given.items()
        ]
        argv = [sys.executable, "-m", "ml3_ros.cli.main", "up", system.name, *words, *settings]
        up = rig.processes.start_command("up", argv)

        def has_logged() -> bool:
            seen.add_graph(rig.bench.node)
            output = up.output()
            if not up.alive:
                raise BenchError(f"{system.name} has ended:\n{output[-1000:]}")
            return logged in output

        require(has_logged, f"{system.name} that logs '{logged}'", DEADLINE_S, READ_S)
        if DRIVER in names:
            _add_operator(seen, rig.bench)
        rig.stop("up")


def _add_operator(seen: Seen, bench: BenchNode) -> None:
    """Add a node with all clients of `ml3 arm`; the real one is gone too soon to be seen."""
    operator = bench.add_node(OPERATOR)
    names = set()
    for template, kind, _ in REQUESTS.values():
        name = template.format(driver=DRIVER)
        operator.create_client(kind, name)
        names.add(operator.resolve_service_name(name))

    def is_seen() -> bool:
        seen.add_graph(bench.node)
        return OPERATOR in seen and names <= seen[OPERATOR].request

    require(is_seen, "an operator in the graph")
    bench.remove_node(operator)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as work:
        write_policies(graph_use(Path(work)), Path(sys.argv[1]))
