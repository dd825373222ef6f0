"""Nodes as processes that a bench starts and kills, and how long it took them to be back."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from faults.result import Row
from ml3_ros.bringup.description import Process
from ml3_ros.bringup.up import command, environment
from ml3_ros.errors import Ml3Error

DEADLINE_S = 20.0  # from a kill to the same work as before


class BenchError(Ml3Error):
    """What a bench waits for has not come."""


def node(name: str, executable: str | None = None, **parameters: Any) -> Process:
    """Return a node that configures and activates itself, with these parameters."""
    return Process(
        name=name, executable=executable or name, parameters={"autostart": True, **parameters}
    )


def until(condition: Callable[[], Any], what: str, timeout_s: float = 60.0) -> Any:
    """Return what `condition` returns once that is true.

    Raises:
        BenchError: It was not within `timeout_s` [s]; `what` names it.
    """
    end = time.monotonic() + timeout_s
    while not (result := condition()):
        if time.monotonic() > end:
            raise BenchError(f"{what}: not within {timeout_s:g} s")
        time.sleep(0.02)  # the nodes need the machine more
    return result


class Processes:
    """Processes by name; leaving the context kills those that are left."""

    def __init__(
        self,
        folder: Path,
        environ: Mapping[str, str] | None = None,
        nice: Mapping[str, int] | None = None,
    ) -> None:
        """Write what they say to `folder`/NAME.log, all their lives one after the other.

        Args:
            folder: Of the logs.
            environ: Variables beside those that `ml3 up` sets.
            nice: Nice values by name, where they are allowed; 0 for all others.
        """
        self.folder, self._nice = folder, nice or {}
        self._environ = {**environment(), **(environ or {})}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_exception: object) -> None:
        for name in list(self._running):
            self.kill(name)

    def start(self, process: Process) -> None:
        """Start a node with the command line that `ml3 up` gives it."""
        self.start_command(process.name, command(process, {}, self._environ).argv)

    def start_command(self, name: str, argv: Sequence[str]) -> None:
        """Start a program."""
        with self.log(name).open("ab") as log:
            self._running[name] = subprocess.Popen(
                list(argv),
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        with contextlib.suppress(PermissionError):  # before it has threads of its own
            os.setpriority(os.PRIO_PROCESS, self._running[name].pid, self._nice.get(name, 0))

    def kill(self, name: str, number: int = signal.SIGKILL) -> float:
        """End a process and collect it; return the time at which the signal was sent [s]."""
        process = self._running.pop(name)
        at = self._send(process, number)
        process.wait(60.0)
        return at

    def signal(self, name: str, number: int) -> float:
        """Send a signal that does not end a process; return when [s]."""
        return self._send(self._running[name], number)

    def _send(self, process: subprocess.Popen[bytes], number: int) -> float:
        at = time.time()
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)
        return at

    def pid(self, name: str) -> int:
        """Return the process id."""
        return self._running[name].pid

    def ended(self, name: str) -> int | None:
        """Return the exit code, or None while it runs."""
        return self._running[name].poll()

    def log(self, name: str) -> Path:
        """Return where the process writes what it says."""
        return self.folder / f"{name}.log"

    def children(self, name: str) -> dict[str, int]:
        """Return the process ids of the nodes that a program has started, by their modules."""
        pid, found = self.pid(name), {}
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            words = Path(f"/proc/{child}/cmdline").read_text().split("\0")
            module = next((word for word in words if word.startswith("ml3_ros.nodes.")), "")
            found[module.rpartition(".")[2]] = int(child)
        return found

    def names(self) -> list[str]:
        """Return who was started and not ended by the bench."""
        return list(self._running)


@dataclass(slots=True)
class Kills:
    """How long it took after each kill [s], and what went wrong."""

    times: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def wait(self, back: Callable[[], Any], at: float, timeout_s: float = DEADLINE_S) -> None:
        """Wait until `back` is true after the kill at `at` [s since the epoch], and note it."""
        try:
            until(back, "recovery", at + timeout_s - time.time())
        except BenchError as error:
            self.failures.append(str(error))
            with contextlib.suppress(BenchError):  # the next kill shall hit a node that works
                until(back, "recovery", timeout_s)
        else:
            self.times.append(time.time() - at)

    def row(self, what: str, timeout_s: float = DEADLINE_S) -> Row:
        """Return the row of the table."""
        n = len(self.times) + len(self.failures)
        return Row(
            what,
            f"{len(self.times)} of {n}, after {spread(self.times, 's')}",
            f"every time within {timeout_s:g} s",
            not self.failures and n > 0,
        )


def spread(values: Sequence[float] | np.ndarray, unit: str, scale: float = 1.0) -> str:
    """Return median and largest of some values in one line."""
    if len(values) == 0:
        return "none"
    scaled = scale * np.asarray(values, dtype=float)
    return f"median {np.median(scaled):.3g} {unit}, max {scaled.max():.3g} {unit}"
