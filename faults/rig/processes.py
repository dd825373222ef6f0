# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Processes of a bench: started with a log each, signalled, killed, and none is left behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from faults.rig.counted import FOLDER_VARIABLE, Counter
from faults.rig.waiting import BenchError, until
from ml3_ros.bringup.arguments import COMMON
from ml3_ros.bringup.description import Process
from ml3_ros.bringup.supervisor import die_with_parent
from ml3_ros.bringup.up import command, environment

STOP_S = 20.0  # from SIGINT to SIGKILL on a busy machine
GONE_S = 60.0  # within this the kernel has collected a killed process


def node(name: str, executable: str | None = None, /, **parameters: object) -> Process:
    """Return a node that configures and activates itself.

    Args:
        name: Of the node.
        executable: Module in ml3_ros.nodes, if it has another name.
        parameters: Of the node; those that are None keep their defaults.
    """
    given: dict[str, object] = {"autostart": True, **parameters}
    return Process(
        name=name,
        executable=executable or name,
        parameters={
            key: str(value) if isinstance(value, Path) else value
            for key, value in given.items()
            if value is not None
        },
    )


class RunningProcess:
    """A process that a bench has started: its log, its counters, and signals to it."""

    def __init__(
        self, name: str, argv: Sequence[str], folder: Path, environ: Mapping[str, str]
    ) -> None:
        """Start it.

        Args:
            name: Of its log, which earlier processes of that name may have begun.
            argv: The command line.
            folder: Of the log and of its counters.
            environ: All of its environment.
        """
        self.name, self.log = name, folder / f"{name}.log"
        self._counters = folder / f"{name}.counters"
        shutil.rmtree(self._counters, ignore_errors=True)
        self._counters.mkdir(parents=True)
        with self.log.open("ab") as log:
            self._log_begin = log.tell()
            self._popen = subprocess.Popen(
                list(argv),
                env={**environ, FOLDER_VARIABLE: str(self._counters)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,  # not a session: Linux compares nice values within one only
                preexec_fn=die_with_parent(),
            )
        self.pid = self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """Return the exit code, negative for a signal, or None while it runs."""
        return self._popen.poll()

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.exit_code is None

    def output(self) -> str:
        """Return all that it has printed."""
        return self.log.read_bytes()[self._log_begin :].decode(errors="replace")

    def counter(self, topic: str) -> Counter:
        """Return the counter of the messages that it has read of a topic, named in full."""
        return Counter(self._counters, topic)

    def signal(self, number: int) -> float:
        """Send a signal to its group; return when [s since the epoch]."""
        at = time.time()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)
        return at

    def kill(self) -> float:
        """Send SIGKILL and wait for the end; return when it was sent [s since the epoch]."""
        at = self.signal(signal.SIGKILL)
        if not until(lambda: not self.alive, GONE_S):
            raise BenchError(f"{self.name} does not end when killed")
        return at

    def stop(self) -> None:
        """Send SIGINT, and SIGKILL to what does not follow it."""
        self.signal(signal.SIGINT)
        if not until(lambda: not self.alive, STOP_S):
            self.kill()

    def children(self) -> dict[str, int]:
        """Return the process ids of the nodes that it has started, by their modules."""
        found = {}
        for child in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split():
            words = Path(f"/proc/{child}/cmdline").read_text().split("\0")
            module = next((word for word in words if word.startswith("ml3_ros.nodes.")), "")
            found[module.rpartition(".")[2]] = int(child)
        return found


class Processes:
    """The running processes of a bench by name; leaving the context ends those that are left."""

    def __init__(
        self,
        folder: Path,
        environ: Mapping[str, str] | None = None,
        nice: Mapping[str, int] | None = None,
    ) -> None:
        """Begin without processes.

        Args:
            folder: Of the logs, NAME.log, with all processes of a name one after the other.
            environ: Variables beside those that `ml3 up` sets.
            nice: Nice values by name, where they are allowed, 0 for all others; if left out, that
                of the bench.
        """
        self.folder, self._nice = folder, nice
        self._environ = {**environment(), **(environ or {})}
        self._running: dict[str, RunningProcess] = {}

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_exception: object) -> None:
        for process in self._running.values():
            process.signal(signal.SIGINT)  # to all of them before the first wait
        for name in self.names():
            self.stop(name)

    def __getitem__(self, name: str) -> RunningProcess:
        return self._running[name]

    def names(self) -> list[str]:
        """Return the names of those that were started and not ended by the bench."""
        return list(self._running)

    def start(self, process: Process, runner: str | None = None) -> RunningProcess:
        """Start a node with the command line that `ml3 up` gives it.

        Args:
            process: The node.
            runner: Module that runs the node's module in its place, like `faults.rig.counted`.
        """
        values = {argument.name: argument.default for argument in COMMON}
        argv = command(process, values, {}, self._environ).argv
        if runner is not None:
            python, module_option, *words = argv
            argv = [python, module_option, runner, *words]
        return self.start_command(process.name, argv)

    def start_command(self, name: str, argv: Sequence[str]) -> RunningProcess:
        """Start a program."""
        running = RunningProcess(name, argv, self.folder, self._environ)
        self._running[name] = running
        if self._nice is not None:
            with contextlib.suppress(PermissionError):  # before it has threads of its own
                os.setpriority(os.PRIO_PROCESS, running.pid, self._nice.get(name, 0))
        return running

    def kill(self, name: str) -> float:
        """Kill a process and forget it; return when [s since the epoch]."""
        return self._running.pop(name).kill()

    def kill_all(self) -> None:
        """Kill all processes and forget them."""
        for name in self.names():
            self.kill(name)

    def stop(self, name: str) -> None:
        """End a process by SIGINT and forget it."""
        self._running.pop(name).stop()
