# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What every node of the systems uses of the ROS graph, seen while the systems run.

`python -m faults.security.graph` writes the policies that allow just that, into the files of
POLICIES.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from faults.rig import bench_node
from faults.rig.bench_node import BenchNode
from faults.rig.processes import node
from faults.rig.rig import SAWYER_MESSAGES, Rig
from faults.rig.waiting import BenchError, require
from faults.security.policies import POLICIES, Use, use_in_graph, write_policies
from ml3_ros.bringup.operator import REQUESTS
from ml3_ros.bringup.systems.live_robot import LISTENER, LISTENER_OPTIONS
from ml3_ros.bringup.systems.registry import SYSTEMS
from ml3_ros.nodes.sawyer_driver.parameters import SUPPRESSED

SAWYER, ROS2_CONTROL = POLICIES
OPERATOR, COMMANDER = "ml3_operator", "trajectory_commander"
MESSAGES = "ml3_control_test_msgs"  # stands for control_msgs and controller_manager_msgs
FASTER = {
    "meta_learner": {"record_seconds": "3.0", "segment_seconds": "1.0", "iterations": "1"},
    "bag_player": {"topic": "joint_states"},
    "sawyer_driver": {"message_package": SAWYER_MESSAGES} | dict.fromkeys(SUPPRESSED, "true"),
    "effort_bridge": {
        "message_package": MESSAGES,
        "holding_controller": "joint_trajectory_controller",
    },
    "ros2_control_emulator": {"control_package": MESSAGES, "switch_package": MESSAGES},
}
ROBOTS = {  # what stands behind a driver
    "sawyer_driver": node("sawyer_emulator", message_package=SAWYER_MESSAGES),
    "effort_bridge": node("ros2_control_emulator", **FASTER["ros2_control_emulator"]),
    COMMANDER: node(
        "ros2_control_emulator", active="trajectory", **FASTER["ros2_control_emulator"]
    ),
}
READ_S = 0.2  # between looks at the whole graph, which cost the nodes time
DEADLINE_S = 400.0  # of a system on a busy machine; it trains two losses
LEARNS, ADAPTS, ENDS = "learning, robot time", "adapts", "held out"  # logged by a conductor
TRAINED = ("loss:=train", "record:=true", "duration:=3", "hold_out:=5")


class Seen(dict[str, Use]):
    """What every node has used so far."""

    def add_graph(self, onlooker: Node) -> None:
        """Add what all nodes of the graph use now."""
        for name, _ in onlooker.get_node_names_and_namespaces():
            if name != bench_node.NAME and not name.startswith("_"):
                self.setdefault(name, Use()).add(use_in_graph(onlooker, name))


def graph_use(folder: Path) -> dict[Path, dict[str, Use]]:
    """Run all systems for a while; return what each of their nodes has used, by file of policies.

    Raises:
        BenchError: A system does not come up.
    """
    return {SAWYER: _sawyer(folder), ROS2_CONTROL: _ros2_control(folder)}


def _sawyer(folder: Path) -> dict[str, Use]:
    seen = Seen()
    _run(folder, seen, "sawyer_invdyn", (*TRAINED, f"out:={folder}/train"), ENDS)
    real = ("robot:=sawyer", "record:=true", f"out:={folder}/real")
    _run(folder, seen, "sawyer_invdyn", real, LEARNS)
    bag = folder / "train" / "bag"
    replayed = (f"bag:={bag}", "urdf:=sawyer", f"out:={folder}/replay")
    _run(folder, seen, "replay", replayed, LEARNS)
    for system in ("sawyer_touch", "sawyer_work"):
        _run(folder, seen, system, (f"out:={folder}/{system}",), LEARNS)
    for system, robot, logged in (
        ("sawyer_track", "sawyer_sim", LEARNS),
        ("sawyer_track", "sawyer", LEARNS),
        ("reacher_reach", "sawyer_sim", LEARNS),
        ("reacher_reach", "sawyer", ADAPTS),  # no episode begins before an operator enables it
    ):
        words = (f"robot:={robot}", f"out:={folder}/{system}_{robot}")
        _run(folder, seen, system, words, logged)
    return dict(seen)


def _ros2_control(folder: Path) -> dict[str, Use]:
    seen = Seen()
    arm = "urdf:=sawyer"
    emulated = ("robot:=ros2_control_emulated", arm)
    _run(folder, seen, "sawyer_invdyn", (*emulated, *TRAINED, f"out:={folder}/bridged"), ENDS)
    for system, robot in (
        ("sawyer_invdyn", "ros2_control"),
        ("sawyer_track", "ros2_control_emulated"),
        ("sawyer_track", "ros2_control"),
        ("arm_motion", "ros2_control_emulated"),
        ("arm_motion", "ros2_control"),
    ):
        words = (f"robot:={robot}", arm, f"out:={folder}/{system}_{robot}")
        _run(folder, seen, system, words, LEARNS)
    by_action = ("robot:=ros2_control", arm, f"out:={folder}/action")
    settings = (f"{COMMANDER}.interface:=action", f"{COMMANDER}.message_package:={MESSAGES}")
    _run(folder, seen, "arm_motion", (*by_action, *settings), LEARNS)
    _run(folder, seen, "observe", ("record:=true", f"out:={folder}/observed"), LEARNS)
    return dict(seen)


def _run(folder: Path, seen: Seen, name: str, words: Sequence[str], logged: str) -> None:
    """Run a system until its conductor logs something, and read the graph meanwhile."""
    words = (*words, "frames:=arm_frames")
    system = SYSTEMS[name]
    observed = name == "observe"
    arguments = [word for word in words if "." not in word.partition(":=")[0]]
    # which nodes there are does not depend on the description that is published
    values, _ = system.parse([*arguments, "urdf:=sawyer"] if observed else arguments)
    with Rig(folder) as rig:
        names = {process.name for process in system.started(values)}
        driver = next((name for name in ROBOTS if name in names), "")
        if observed or (driver and not names & {robot.name for robot in ROBOTS.values()}):
            rig.processes.start(ROBOTS[COMMANDER if observed else driver])
        settings = [
            f"{name}.{key}:={value}"
            for name, given in FASTER.items()
            if name in names
            for key, value in given.items()
        ]
        argv = [sys.executable, "-m", "ml3_ros.cli.main", "up", name, *words, *settings]
        up = rig.processes.start_command("up", argv)

        def has_logged() -> bool:
            seen.add_graph(rig.bench.node)
            output = up.output()
            if not up.alive:
                raise BenchError(f"{name} has ended:\n{output[-1000:]}")
            return logged in output

        require(has_logged, f"{name} that logs '{logged}'", DEADLINE_S, READ_S)
        if driver:
            _add_operator(seen, rig.bench, driver)
        if observed:
            _add_listener(seen, rig.bench)
        rig.stop("up")


def _add_operator(seen: Seen, bench: BenchNode, driver: str) -> None:
    """Add a node with all clients of `ml3 arm`; the real one is gone too soon to be seen."""
    operator = bench.add_node(OPERATOR)
    names = set()
    for template, kind, _ in REQUESTS.values():
        name = operator.resolve_service_name(template.format(driver=driver))
        if any(name in use.reply for use in seen.values()):
            operator.create_client(kind, name)
            names.add(name)

    def is_seen() -> bool:
        seen.add_graph(bench.node)
        return OPERATOR in seen and names <= seen[OPERATOR].request

    require(is_seen, "an operator in the graph")
    bench.remove_node(operator)


def _add_listener(seen: Seen, bench: BenchNode) -> None:
    """Add a node with all subscriptions of `ml3 up` itself, likewise."""
    listener = bench.add_node(LISTENER, **LISTENER_OPTIONS)
    topics = {"robot_description": String, "joint_states": JointState}
    for topic, kind in topics.items():
        listener.create_subscription(kind, topic, lambda _: None, 1)

    def is_seen() -> bool:
        seen.add_graph(bench.node)
        return LISTENER in seen and len(topics) <= len(seen[LISTENER].subscribe)

    require(is_seen, "a listener in the graph")
    bench.remove_node(listener)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as work:
        for path, policies in graph_use(Path(work)).items():
            write_policies(policies, path)
