# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whole systems: `ml3 up` in a process group of its own, and what becomes of its processes."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ml3_ros.bringup.middleware import PROFILES, RANGE, profile_variable
from ml3_ros.bringup.paths import config_file
from test.system.viewer import Viewer
from test.system.waiting import DEADLINE_S, wait_until

ROOT = Path(__file__).resolve().parents[2]


def runs(pid: int) -> bool:
    """Return whether a process runs; one that only waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Program:
    """A program that leads a session of its own; its output comes line by line."""

    def __init__(self, argv: list[str], env: Mapping[str, str] | None = None) -> None:
        if env is None:  # a profile is for what starts nodes to see to
            env = {k: v for k, v in os.environ.items() if k not in PROFILES} | {RANGE: "LOCALHOST"}
        self.process = subprocess.Popen(
            argv,
            cwd=ROOT,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.output = ""
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def expect(self, text: str) -> None:
        """Read on until a line contains `text`."""
        end = time.monotonic() + DEADLINE_S
        while text not in self.output:
            try:
                line = self._lines.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                line = None
            assert line is not None, f"no '{text}' in:\n{self.output}"
            self.output += line

    def children(self) -> dict[int, list[str]]:
        """Return the command lines of the processes that it has started, by pid."""
        task = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        pids = [int(pid) for pid in task.read_text().split()]
        return {pid: Path(f"/proc/{pid}/cmdline").read_text().split("\0") for pid in pids}

    def end(self) -> int:
        """Wait for the end and return the exit code."""
        rc = self.process.wait(DEADLINE_S)
        while (line := self._lines.get(timeout=DEADLINE_S)) is not None:
            self.output += line
        return rc


class Up(Program):
    """`ml3 up` with these words; without them nothing beside the system publishes frames."""

    def __init__(self, *words: str, env: Mapping[str, str]) -> None:
        quiet = () if any(word.startswith("frames:=") for word in words) else ("frames:=none",)
        super().__init__([sys.executable, "-m", "ml3_ros.cli.main", "up", *words, *quiet], env)

    def nodes(self) -> dict[str, int]:
        """Return the pids of the nodes by module name."""
        found = {}
        for pid, argv in self.children().items():
            module = next((word for word in argv if word.startswith("ml3_ros.nodes.")), "")
            found[module.removeprefix("ml3_ros.nodes.")] = pid
        return found


@pytest.fixture
def gone() -> Callable[[list[int]], None]:
    """Return a function that waits until none of some processes runs any more."""
    return lambda pids: wait_until(lambda: not any(map(runs, pids)))


@pytest.fixture(scope="session")
def patient_profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return our profile of Fast DDS with a lease that no process outsleeps on a busy machine.

    Where a lease ends while its participant leaves, Fast DDS 3.2 can lock up whoever looks on,
    which here is the process of the tests.
    """
    text = config_file("fastdds_localhost.xml").read_text()
    patient = text.replace("<leaseDuration><sec>3<", "<leaseDuration><sec>300<")
    assert patient != text
    path = tmp_path_factory.mktemp("dds") / "patient.xml"
    path.write_text(patient)
    return path


@pytest.fixture
def up(patient_profile: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Up]]:
    """Return a function that runs `ml3 up`; nothing of it survives the test."""
    monkeypatch.setenv(profile_variable(), str(patient_profile))
    started: list[Up] = []
    yield lambda *words: started.append(Up(*words, env=os.environ)) or started[-1]
    end_all(started)


def end_all(started: Iterable[Program]) -> None:
    """Kill programs and what they have started."""
    for one in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(one.process.pid, signal.SIGKILL)  # its nodes end with it
        one.process.wait()


@pytest.fixture
def viewer() -> Iterator[Any]:
    made: list[Viewer] = []

    def make(**topics: tuple[Any, Any]) -> Viewer:
        made.append(Viewer({name.replace("__", "/"): what for name, what in topics.items()}))
        return made[-1]

    yield make
    for one in made:
        one.close()
