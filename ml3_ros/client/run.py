# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Run of a system as a child process of a program, with its end, its errors and its results."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from typing import Any

from ml3_ros.data.run_files import RunFolder
from ml3_ros.errors import Ml3Error

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
