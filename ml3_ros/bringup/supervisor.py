# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Supervisor: starts processes, shows their output, and leaves none behind.

Each child leads its own process group, so a Ctrl-C in the terminal reaches the supervisor alone,
which then ends every group: SIGINT, then SIGTERM, then SIGKILL. The kernel sends the children
SIGTERM if the supervisor itself is killed.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TextIO

from ml3_ros.bringup.parent import linker

PATIENCE_S = 1.8  # from SIGINT to SIGTERM, and from there to SIGKILL: all is over within 5 s
REMIND_S = 0.3
TICK_S = 0.1
COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """What to start: a name for its output, the words of the command, its environment.

    The crash of a command that is not `vital` is logged, and the rest goes on.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    vital: bool = True


class Child:
    """One running process and the lines that it has not finished yet."""

    def __init__(self, command: Command, prefix: str) -> None:
        """Start it."""
        self.name, self.vital = command.name, command.vital
        self.prefix = prefix
        self.rest = b""
        self.reported = False
        self.process = subprocess.Popen(
            list(command.argv),
            env=dict(command.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent(),
        )
        assert self.process.stdout is not None
        self.stdout = self.process.stdout
        os.set_blocking(self.stdout.fileno(), False)

    def lines(self, *, last: bool = False) -> list[str]:
        """Return the lines that are complete by now; with `last` also an unfinished one."""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self.stdout.fileno(), 65536):
                self.rest += chunk
        *complete, self.rest = self.rest.split(b"\n")
        if last and self.rest:
            complete.append(self.rest)
            self.rest = b""
        return [line.decode(errors="replace").rstrip() for line in complete]

    def send(self, number: int) -> None:
        """Send a signal to the whole group of the child."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def group_lives(self) -> bool:
        """Return whether the child or a process that it started still runs."""
        if self.process.poll() is None:
            return True
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        return True


class Supervisor:
    """Runs sets of commands; SIGINT, SIGTERM and SIGHUP end everything with rc 0."""

    def __init__(self, out: TextIO | None = None) -> None:
        """Write to `out`; colours only on a terminal, and not with NO_COLOR."""
        self._out = out if out is not None else sys.stdout
        self._colour = self._out.isatty() and "NO_COLOR" not in os.environ
        self.interrupted = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def run(self, commands: Sequence[Command], *, ends: str, bare: bool = False) -> int:
        """Start all commands and return when none is left.

        Args:
            commands: What to start; names are unique.
            ends: The command whose end, with rc 0, ends the rest.
            bare: Show the output without prefixes.

        Returns:
            0 if `ends` ended well or a signal ended everything, 1 if a process crashed.
        """
        children: list[Child] = []
        rc = 0
        try:
            for i, command in enumerate(commands):
                if self.interrupted:
                    break
                children.append(Child(command, "" if bare else self._prefix(i, commands)))
            rc = self._watch(children, ends)
        finally:
            self._end(children)
        return 0 if self.interrupted else rc

    def log(self, text: str) -> None:
        """Print one line of the supervisor itself."""
        self._print("", text)

    def _watch(self, children: list[Child], ends: str) -> int:
        with selectors.DefaultSelector() as selector:
            for child in children:
                selector.register(child.stdout, selectors.EVENT_READ, child)
            while not self.interrupted:
                for key, _ in selector.select(TICK_S):
                    self._show(key.data)
                    if key.data.process.poll() is not None:
                        selector.unregister(key.fileobj)
                for child in children:
                    rc = child.process.poll()
                    if rc is None or child.reported:
                        continue
                    child.reported = True
                    self._show(child, last=True)
                    if rc != 0 and child.vital:
                        self.log(f"{child.name} ended with {_reason(rc)}: ending the rest")
                        return 1
                    if child.name == ends:
                        return 0
                    how = f" with {_reason(rc)}" if rc else ""
                    self.log(f"{child.name} has ended{how}")
                if all(child.reported for child in children):
                    return 0
        return 0

    def _end(self, children: list[Child]) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            deadline = time.monotonic() + PATIENCE_S
            again = 0.0
            while living := [child for child in children if child.group_lives()]:
                now = time.monotonic()
                if now > deadline or (number == signal.SIGKILL and again):
                    break
                if now > again:  # a node that is just starting misses the first one
                    again = now + REMIND_S
                    for child in living:
                        child.send(number)
                for child in children:
                    self._show(child)
                time.sleep(0.02)
        for child in children:
            child.process.wait()
            self._show(child, last=True)
            child.stdout.close()
            if child.process.returncode == -signal.SIGKILL and not child.reported:
                self.log(f"{child.name} did not end by itself and was killed")

    def _show(self, child: Child, *, last: bool = False) -> None:
        for line in child.lines(last=last):
            self._print(child.prefix, line)

    def _print(self, prefix: str, line: str) -> None:
        try:
            print(f"{prefix}{line}", file=self._out, flush=True)
        except (BrokenPipeError, ValueError) as error:  # nobody reads any more: end as with Ctrl-C
            self.interrupted = True
            if isinstance(error, BrokenPipeError):  # what is left goes nowhere, also at the exit
                with open(os.devnull, "wb") as nowhere:
                    os.dup2(nowhere.fileno(), self._out.fileno())

    def _prefix(self, i: int, commands: Sequence[Command]) -> str:
        width = max(len(command.name) for command in commands)
        text = f"{commands[i].name:>{width}} | "
        return f"\x1b[{COLOURS[i % len(COLOURS)]}m{text}\x1b[0m" if self._colour else text

    def _on_signal(self, _number: int, _frame: object) -> None:
        self.interrupted = True


def die_with_parent() -> Callable[[], None]:
    """Return what a child calls before its program starts, so that it ends with this process."""
    link = linker(os.getpid())

    def in_child() -> None:
        # Until its node has started, Python would answer SIGINT with a traceback; nodes install
        # their own handler, and SIGTERM ends those that have not come so far.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if not link():
            os._exit(1)

    return in_child


def _reason(rc: int) -> str:
    return f"signal {signal.Signals(-rc).name}" if rc < 0 else f"rc {rc}"
