"""Where a bench plays: nodes as processes of their own, and the bench's own node among them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile

from faults.counted import FOLDER_VARIABLE, Counter
from ml3_ros.bringup.supervisor import die_with_parent
from ml3_ros.bringup.up import environment

UP_S = 120.0  # within this a node is active on a busy machine
SAWYER_MESSAGES = "ml3_sawyer_test_msgs"


class NodeProcess:
    """A node of ml3_ros in a process of its own, which leaves nothing behind."""

    def __init__(
        self,
        executable: str,
        folder: Path,
        parameters: Mapping[str, object],
        runner: str = "faults.counted",
    ) -> None:
        """Start it.

        Args:
            executable: Module in ml3_ros.nodes; also the name of the node.
            folder: Of its log and of its counters.
            parameters: Values as YAML text would have them.
            runner: Module that runs the node's module.
        """
        self.name, self._folder = executable, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / f"{executable}.log"
        argv = [sys.executable, "-m", runner, f"ml3_ros.nodes.{executable}", "--ros-args"]
        for key, value in parameters.items():
            argv += ["-p", f"{key}:={value}"]
        env = environment() | {FOLDER_VARIABLE: str(folder)}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                argv,
                env=env,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )
        self.pid = self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process that was started still runs."""
        return self._process.poll() is None

    def said(self) -> str:
        """Return all that it has printed."""
        return self.log.read_text(errors="replace")

    def counter(self, topic: str) -> Counter:
        """Return the counter of what it has read of a topic, named in full."""
        return Counter(self._folder, topic)

    def end(self, number: int = signal.SIGINT) -> None:
        """Send a signal, and kill what does not follow it."""
        if self.alive:
            os.killpg(self.pid, number)
        try:
            self._process.wait(8.0)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()


class Stage:
    """The nodes of a bench and one of its own, which publishes, listens and reads /diagnostics.

    A context manager: at its end nothing runs any more.
    """

    def __init__(self, folder: Path) -> None:
        """Begin empty; logs go to `folder`."""
        self.folder = folder
        self.nodes: dict[str, NodeProcess] = {}
        self.told: dict[str, dict[str, str]] = {}
        self._clients: dict[str, Any] = {}
        os.environ.update(environment())
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        self.probe = rclpy.create_node("fault_bench", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.probe)
        self.listen(DiagnosticArray, "/diagnostics", self._on_diagnostics, 100)

    def __enter__(self) -> Stage:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """End every node."""
        for node in self.nodes.values():
            node.end()
        own = self._executor.get_nodes()
        self._executor.shutdown()
        for mine in own:
            mine.destroy_node()
        self._context.try_shutdown()

    def start(
        self,
        executable: str,
        *,
        wait: bool = True,
        runner: str = "faults.counted",
        **parameters: object,
    ) -> NodeProcess:
        """Start a node; with `wait` until it tells that it is active.

        Raises:
            RuntimeError: It does not become active.
        """
        self.told.pop(executable, None)
        options = {"autostart": "true", **parameters}
        options = {key: value for key, value in options.items() if value is not None}
        node = NodeProcess(executable, self.folder / executable, options, runner)
        self.nodes[executable] = node
        if wait and not self.until(lambda: self.of(executable, "state") == "active", UP_S):
            raise RuntimeError(f"{executable} did not start:\n{node.said()[-2000:]}")
        return node

    def end(self, executable: str) -> None:
        """End a node."""
        self.nodes.pop(executable).end()

    def of(self, node: str, key: str) -> str:
        """Return what a node has told last on /diagnostics, or ""."""
        return self.told.get(node, {}).get(key, "")

    def count(self, node: str, *kinds: str) -> int:
        """Return a sum of counts that a node has told."""
        return sum(int(self.of(node, kind) or 0) for kind in kinds)

    def node(self, name: str) -> Node:
        """Return one more node of the bench's own."""
        node = rclpy.create_node(name, context=self._context)
        self._executor.add_node(node)
        return node

    def publisher(self, msg_type: type, topic: str, qos: QoSProfile) -> Any:
        """Publish from the bench's own node."""
        return self.probe.create_publisher(msg_type, topic, qos)

    def silence(self, publisher: Any) -> None:
        """End a publisher."""
        self.probe.destroy_publisher(publisher)

    def listen(
        self, msg_type: type, topic: str, heard: Callable[[Any], object], qos: QoSProfile | int
    ) -> None:
        """Call `heard` with the messages of a topic."""
        self.probe.create_subscription(msg_type, topic, lambda msg: heard(msg) and None, qos)

    def call(
        self, srv_type: type, name: str, timeout_s: float = 10.0, /, **request: object
    ) -> Any:
        """Call a service and return its answer, or None if none comes in time."""
        if name not in self._clients:
            self._clients[name] = self.probe.create_client(srv_type, name)
        client = self._clients[name]
        if not self.until(client.service_is_ready, timeout_s):
            return None
        answer = client.call_async(srv_type.Request(**request))
        return answer.result() if self.until(answer.done, timeout_s) else None

    def until(self, condition: Callable[[], object], timeout_s: float) -> bool:
        """Spin until `condition` is true; return whether that was in time."""
        end = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > end:
                return False
            self._executor.spin_once(timeout_sec=0.002)
        return True

    def spin(self, seconds: float) -> None:
        """Spin for a while."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() > end, seconds + 1.0)

    def connected(self, publisher: Any, count: int = 1) -> None:
        """Wait until a publisher has found `count` subscriptions.

        Raises:
            RuntimeError: It does not.
        """
        if not self.until(lambda: publisher.get_subscription_count() >= count, UP_S):
            raise RuntimeError(f"nobody listens to {publisher.topic_name}")

    def _on_diagnostics(self, msg: DiagnosticArray) -> None:
        for status in msg.status:
            self.told[status.name] = {entry.key: entry.value for entry in status.values}
