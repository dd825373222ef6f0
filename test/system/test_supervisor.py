# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The supervisor with real processes: its exit code is right, and it leaves none behind."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 60.0

PARENT = """
import json, sys
from ml3_ros.bringup.supervisor import Command, Supervisor
children = json.loads(sys.argv[1])
commands = [
    Command(name=name, argv=[sys.executable, "-c", code], vital=name != "viewer")
    for name, code in children
]
sys.exit(Supervisor().run(commands, ends="main"))
"""
# A node that ends on SIGINT, as ours do.
OBEDIENT = """
import os, signal, sys, time
def end(*_):
    print("bye", flush=True)
    sys.exit(0)
signal.signal(signal.SIGINT, end)
print("pid", os.getpid(), flush=True)
time.sleep(600)
"""
# One that does not, and has a child of its own.
STUBBORN = """
import os, signal, subprocess, sys, time
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("pid", os.getpid(), "pid", child.pid, flush=True)
time.sleep(600)
"""

# One that ends when a file is there.
WAITING = """
import os, time
while not os.path.exists({file!r}):
    time.sleep(0.01)
print("long")
"""


class Run:
    """A supervisor in a process of its own, and the pids that its children print."""

    def __init__(self, *children: tuple[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PARENT, json.dumps(children)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []

    def pids(self, count: int) -> list[int]:
        """Read the output until so many pids have come."""
        while sum(line.count("pid ") for line in self.lines) < count:
            line = self.process.stdout.readline()
            assert line, "the output ended before the children had started"
            self.lines.append(line)
        words = " ".join(self.lines).split()
        return [int(after) for word, after in itertools.pairwise(words) if word == "pid"]

    def expect(self, text: str) -> None:
        """Read the output until a line contains `text`."""
        while not any(text in line for line in self.lines):
            line = self.process.stdout.readline()
            assert line, f"the output ended without '{text}'"
            self.lines.append(line)

    def end(self) -> tuple[int, str]:
        """Wait for the end; return rc and everything printed."""
        rest, _ = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, "".join(self.lines) + rest


def test_the_end_of_the_main_process_ends_the_rest_with_rc_0(gone):
    run = Run(("node", OBEDIENT), ("main", "print('done')"))
    pids = run.pids(1)
    rc, output = run.end()
    assert rc == 0
    assert "main | done" in output
    gone(pids)


@pytest.mark.parametrize("code", ["raise SystemExit(3)", "import os; os.kill(os.getpid(), 11)"])
def test_a_crash_is_reported_and_ends_the_rest(code):
    run = Run(("main", OBEDIENT), ("node", code))
    rc, output = run.end()
    assert rc == 1
    assert "node ended with rc 3" in output or "node ended with signal SIGSEGV" in output


def test_what_only_shows_something_may_crash(tmp_path):
    go_on = tmp_path / "go_on"
    run = Run(("viewer", "raise SystemExit(3)"), ("main", WAITING.format(file=str(go_on))))
    run.expect("viewer has ended with rc 3")
    go_on.touch()
    rc, output = run.end()
    assert rc == 0
    assert "main | long" in output


def test_a_node_that_ends_well_leaves_the_rest_running(tmp_path):
    go_on = tmp_path / "go_on"
    run = Run(("node", "print('short')"), ("main", WAITING.format(file=str(go_on))))
    run.expect("node has ended")
    go_on.touch()
    rc, output = run.end()
    assert rc == 0
    assert "main | long" in output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything_with_rc_0(gone, number):
    run = Run(("node", OBEDIENT), ("main", OBEDIENT))
    pids = run.pids(2)
    run.process.send_signal(number)
    run.process.send_signal(number)
    rc, output = run.end()
    assert rc == 0
    assert output.count("bye") == 2
    gone(pids)


def test_who_does_not_listen_is_killed_with_its_children(gone):
    run = Run(("node", STUBBORN), ("main", OBEDIENT))
    pids = run.pids(3)
    run.process.send_signal(signal.SIGINT)
    rc, output = run.end()
    assert rc == 0
    assert "node did not end by itself and was killed" in output
    gone(pids)


def test_no_child_outlives_a_supervisor_that_was_killed(gone):
    run = Run(("node", OBEDIENT), ("main", OBEDIENT))
    pids = run.pids(2)
    run.process.kill()
    run.end()
    gone(pids)


def test_a_reader_that_goes_away_ends_everything(gone):
    run = Run(("node", OBEDIENT), ("main", "while True: print('noise', flush=True)"))
    pids = run.pids(1)
    run.process.stdout.close()
    assert run.process.wait(DEADLINE_S) == 0
    gone(pids)
