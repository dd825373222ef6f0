# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Processes of a bench: their output, their end, and what their command lines are."""

from __future__ import annotations

import signal
import sys

import pytest

from faults.rig.processes import Processes, node
from faults.rig.waiting import require

PROGRAM = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "print(sys.argv[1], flush=True); signal.pause()"
)


@pytest.fixture
def processes(tmp_path):
    with Processes(tmp_path) as processes:
        yield processes


def start(processes, word):
    running = processes.start_command("program", [sys.executable, "-c", PROGRAM, word])
    require(lambda: word in running.output(), f"'{word}'")
    return running


def test_a_process_has_its_own_output_in_the_log_of_its_name(processes):
    first = start(processes, "one")
    at = processes.kill("program")
    assert (first.exit_code, first.alive) == (-signal.SIGKILL, False)
    second = start(processes, "two")
    assert second.output() == "two\n"
    assert (processes.folder / "program.log").read_text() == "one\ntwo\n"
    assert at < second.signal(0)


def test_the_counters_of_a_process_begin_at_zero(processes):
    start(processes, "one").counter("/topic").add()
    processes.kill("program")
    assert start(processes, "two").counter("/topic").value == 0


def test_a_process_that_is_stopped_gets_a_sigint(processes):
    running = start(processes, "one")
    processes.stop("program")
    assert running.exit_code == -signal.SIGINT
    assert processes.names() == []


def test_nothing_runs_after_the_bench(tmp_path):
    with pytest.raises(ZeroDivisionError), Processes(tmp_path) as processes:
        running = start(processes, "one")
        raise ZeroDivisionError
    assert not running.alive


def test_a_runner_gets_the_command_line_of_the_node(processes, monkeypatch):
    started = []
    monkeypatch.setattr(processes, "start_command", lambda name, argv: started.append(argv))
    process = node("excitation", robot="reacher", loss=None, rate=2.0)
    processes.start(process)
    processes.start(process, "faults.rig.counted")
    plain, counted = started
    assert plain[:3] == [sys.executable, "-m", "ml3_ros.nodes.excitation"]
    assert counted == [sys.executable, "-m", "faults.rig.counted", *plain[2:]]
    assert {'robot:="reacher"', "rate:=2.0", "autostart:=true"} < set(plain)
    assert not [word for word in plain if word.startswith("loss")]
