# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The example that needs ROS runs for real, beside a system that it starts."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

ROOT = Path(__file__).resolve().parents[2]
SHORT = ("reacher_invdyn", "loss:=none", "duration:=3", "hold_out:=1.5")


def watch(*words):
    """Run the example to its end."""
    program = [sys.executable, str(ROOT / "examples" / "watch_adaptation.py"), *words]
    paths = os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))
    env = os.environ | {"PYTHONPATH": paths}
    return subprocess.run(program, env=env, capture_output=True, text=True, timeout=300.0)


def test_a_client_reads_the_result_of_a_run_from_topics(tmp_path):
    done = watch("--up", *SHORT, f"out:={tmp_path / 'out'}")
    assert done.returncode == 0, done.stderr
    results = re.findall(r"^  (\w+) +([\d.]+) after (\d+) updates$", done.stdout, re.MULTILINE)
    assert {name for name, _, _ in results} == {"adam_tuned", "sgd_tuned"}
    assert all(int(updates) > 50 for _, _, updates in results)


def test_a_client_ends_when_the_system_it_started_cannot_run():
    done = watch("--up", "reacher_invdyn", "duration:=-1")
    assert "duration" in done.stdout + done.stderr
    assert " after " not in done.stdout
