# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Client node: follows the methods of a system and calls the services of its learner."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
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
from ml3_ros.bringup.systems.registry import SYSTEMS
from ml3_ros.client.run import Run, RunError
from ml3_ros.errors import ConfigError
from ml3_ros.files import user_path
from ml3_ros.nodes.adaptation.subscriptions import LOOK_S, MethodSubscriptions
from ml3_ros.nodes.kit.qos import RELIABLE_100

LEARNER = "policy_optimizer"
TICK_S = 0.05  # between looks for a service


class Client:
    """A node in a thread of its own that follows a system in a namespace and speaks with it."""

    def __init__(self, namespace: str = "", name: str = "ml3_client") -> None:
        """Join the ROS domain of the environment.

        Args:
            namespace: That the system is in, or will be started in.
            name: Of the node.
        """
        self.namespace = namespace.strip("/")
        # What the threads of callers share with one another, and with the one that spins the node.
        self._changed = threading.Condition()
        self._runs: list[Run] = []
        self._newest: dict[str, Adaptation] = {}
        self._calls = 0  # of services, under way
        self._closed = False
        self._context = rclpy.Context()
        rclpy.init(context=self._context, args=[])
        self._node = rclpy.create_node(
            name, namespace=self.namespace, context=self._context, use_global_arguments=False
        )
        # Made before the node spins, and kept: no thread adds or removes one under the executor.
        self._load = self._service(LoadLearnedLoss, "load_learned_loss")
        self._reset = self._service(ResetOptimizee, "reset_optimizee")
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
        """Cancel the runs that this client has started and leave the ROS domain.

        What another thread waits for then ends with a RunError. A second call does nothing.
        """
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
        for run in self._runs:
            run.cancel()
        with self._changed:  # a handle in use must not be destroyed
            self._changed.wait_for(lambda: self._calls == 0)
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
            RunError: The client is closed.
        """
        if system not in SYSTEMS:
            raise ConfigError(f"there is no system {system!r}: use one of {', '.join(SYSTEMS)}")
        given = {"namespace": self.namespace} | arguments
        words = [f"{key.replace('__', '.', 1)}:={_text(value)}" for key, value in given.items()]
        values, _ = SYSTEMS[system].parse(words)
        with self._changed:  # a run is started before `close` looks for it, or not at all
            self._check_open()
            self._newest.clear()
            run = Run(system, words, user_path(values[SYSTEMS[system].report]))
            self._runs.append(run)
        return run

    def statuses(self) -> dict[str, Adaptation]:
        """Return the newest status of every method; empty until learning has begun."""
        with self._changed:
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
        return self._call(self._load, request, timeout)

    def reset(self, *methods: str, seed: int = 0, timeout: float = 10.0) -> str:
        """Let methods, or all of them, begin afresh with random models; the samples stay.

        Raises:
            RunError: A method is unknown, or the learner does not answer.
        """
        request = ResetOptimizee.Request(methods=list(methods), seed=seed)
        return self._call(self._reset, request, timeout)

    def _service(self, kind: Any, name: str) -> ServiceClient[Any, Any]:
        return self._node.create_client(kind, self._node.resolve_service_name(f"{LEARNER}/{name}"))

    def _call(self, client: ServiceClient[Any, Any], request: Any, timeout: float) -> str:
        end = time.monotonic() + timeout
        with self._calling():
            if not self._wait(client.service_is_ready, end):
                raise RunError(f"there is no service {client.srv_name}: does the system run?")
            future = client.call_async(request)
            future.add_done_callback(lambda _: self._wake())
            try:
                if not self._wait(future.done, end):
                    raise RunError(f"{client.srv_name} does not answer within {timeout:g} s")
            finally:
                client.remove_pending_request(future)
            answer: Any = future.result()
        if not answer.success:
            raise RunError(answer.message)
        return str(answer.message)

    @contextlib.contextmanager
    def _calling(self) -> Iterator[None]:
        """Keep the node alive while a thread uses it."""
        with self._changed:
            self._check_open()
            self._calls += 1
        try:
            yield
        finally:
            with self._changed:
                self._calls -= 1
                self._changed.notify_all()

    def _wait(self, ready: Callable[[], bool], end: float) -> bool:
        """Wait until something is ready; return False if it is not by `end` (monotonic [s])."""
        with self._changed:
            while not ready():
                self._check_open()
                left = end - time.monotonic()
                if left <= 0.0:
                    return False
                self._changed.wait(min(left, TICK_S))
        return True

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _check_open(self) -> None:
        if self._closed:
            raise RunError("this client is closed: make a new one")

    def _follow(self, topic: str) -> None:
        self._node.create_subscription(Adaptation, topic, self._on_status, RELIABLE_100)

    def _on_status(self, msg: Adaptation) -> None:
        with self._changed:
            self._newest[msg.method] = msg

    def _spin(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            self._executor.spin()


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | Path) else yaml_text(value)
