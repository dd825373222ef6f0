# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Client of a system for Python programs: start a run, follow it, swap losses, read results.

    with Client() as client:
        run = client.start("reacher_invdyn", duration=10.0, out="out/mine")
        while not run.wait(1.0):
            print({name: status.nmse_mean for name, status in client.statuses().items()})
        print(run.results()["headline"])

Use it where a program of yours decides what to run next. A system that somebody else has started
is followed in the same way, without `start`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import rclpy
from rclpy.client import Client as ServiceClient
from rclpy.clock import Clock, ClockType
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

from ml3_msgs.msg import Adaptation
from ml3_msgs.srv import LoadLearnedLoss, ResetOptimizee
from ml3_ros.bringup.arguments import yaml_text
from ml3_ros.bringup.systems.invdyn import SYSTEMS
from ml3_ros.data.run_files import RunFolder
from ml3_ros.errors import ConfigError, Ml3Error
from ml3_ros.nodes.adaptation.subscriptions import LOOK_S, MethodSubscriptions
from ml3_ros.nodes.kit.qos import RELIABLE_100

LEARNER = "policy_optimizer"
LAST_LINES = 20  # of a system's output, which are kept for an error


class RunError(Ml3Error):
    """A run could not be started, failed, or did not answer."""


class Run:
    """A system that this program has started, as `ml3 up` does; its processes end with it."""

    def __init__(self, system: str, words: list[str], out: Path) -> None:
        """Start it."""
        self.out = out
        self._lines: deque[str] = deque(maxlen=LAST_LINES)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ml3_ros.cli.main", "up", system, *words],
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # a Ctrl-C is for this program to handle
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most `timeout` seconds; return whether the run has ended.

        Raises:
            RunError: It failed; the sentence has the last lines of its output.
        """
        try:
            rc = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        self._reader.join()
        if rc != 0:
            raise RunError(f"the run ended with rc {rc}:\n" + "\n".join(self._lines))
        return True

    def cancel(self) -> None:
        """End it as Ctrl-C does: commands stop, nodes end in good order, no report follows."""
        if self.running:
            self._process.send_signal(signal.SIGINT)
        self._process.wait()

    def results(self) -> dict[str, Any]:
        """Return metrics.json: per method what the table of `ml3 report` shows.

        Raises:
            RunError: The run has not ended yet.
            DataError: There are no results: it was cancelled.
        """
        if self.running:
            raise RunError("the run has no results yet: call wait first")
        return RunFolder(self.out).load_metrics()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(line.rstrip())


class Client:
    """A node in a thread of its own that follows a system in a namespace and speaks with it."""

    def __init__(self, namespace: str = "", name: str = "ml3_client") -> None:
        """Join the ROS domain of the environment.

        Args:
            namespace: That the system is in, or will be started in.
            name: Of the node.
        """
        self.namespace = namespace.strip("/")
        self._runs: list[Run] = []
        self._newest: dict[str, Adaptation] = {}
        self._context = rclpy.Context()
        rclpy.init(context=self._context, args=[])
        self._node = rclpy.create_node(
            name, namespace=self.namespace, context=self._context, use_global_arguments=False
        )
        methods = MethodSubscriptions(self._node, self._follow)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._node.create_timer(LOOK_S, methods.look, clock=steady)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Cancel the runs that this client has started and leave the ROS domain."""
        for run in self._runs:
            run.cancel()
        self._context.try_shutdown()
        self._thread.join()
        self._executor.shutdown()
        self._node.destroy_node()

    def start(self, system: str, **arguments: Any) -> Run:
        """Start a system, as `ml3 up SYSTEM argument:=value` does.

        Args:
            system: One of those that `ml3 up --help` lists.
            arguments: Its arguments; NODE__PARAMETER sets a parameter of a node.

        Raises:
            ConfigError: There is no such system or argument, or a value does not fit.
        """
        if system not in SYSTEMS:
            raise ConfigError(f"there is no system {system!r}: use one of {', '.join(SYSTEMS)}")
        given = {"namespace": self.namespace} | arguments
        words = [f"{key.replace('__', '.', 1)}:={_text(value)}" for key, value in given.items()]
        values, _ = SYSTEMS[system].parse(words)
        self._newest.clear()
        run = Run(system, words, Path(values[SYSTEMS[system].report]).expanduser())
        self._runs.append(run)
        return run

    def statuses(self) -> dict[str, Adaptation]:
        """Return the newest status of every method; empty until learning has begun."""
        return dict(sorted(self._newest.items()))

    def load_loss(self, file: str | Path, timeout: float = 10.0) -> str:
        """Let the method that a loss file names learn under it from now on.

        Args:
            file: Of the loss, in the folder that the learner may read, or a shipped loss's name.
            timeout: Longest time for the answer [s].

        Returns:
            What the learner says.

        Raises:
            RunError: The loss is rejected, or the learner does not answer.
        """
        request = LoadLearnedLoss.Request(file=str(file))
        return self._call(LoadLearnedLoss, "load_learned_loss", request, timeout)

    def reset(self, *methods: str, seed: int = 0, timeout: float = 10.0) -> str:
        """Let methods, or all of them, begin afresh with random models; the samples stay.

        Raises:
            RunError: A method is unknown, or the learner does not answer.
        """
        request = ResetOptimizee.Request(methods=list(methods), seed=seed)
        return self._call(ResetOptimizee, "reset_optimizee", request, timeout)

    def _call(self, kind: Any, name: str, request: Any, timeout: float) -> str:
        end = time.monotonic() + timeout
        service = self._node.resolve_service_name(f"{LEARNER}/{name}")
        client: ServiceClient[Any, Any] = self._node.create_client(kind, service)
        try:
            if not client.wait_for_service(timeout):
                raise RunError(f"there is no service {service}: does the system run?")
            answered = threading.Event()
            future = client.call_async(request)
            future.add_done_callback(lambda _: answered.set())
            if not answered.wait(max(0.0, end - time.monotonic())):
                raise RunError(f"{service} does not answer within {timeout:g} s")
            answer: Any = future.result()
            if not answer.success:
                raise RunError(answer.message)
            return str(answer.message)
        finally:
            self._node.destroy_client(client)

    def _follow(self, topic: str) -> None:
        self._node.create_subscription(Adaptation, topic, self._on_status, RELIABLE_100)

    def _on_status(self, msg: Adaptation) -> None:
        self._newest[msg.method] = msg

    def _spin(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            self._executor.spin()


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | Path) else yaml_text(value)
