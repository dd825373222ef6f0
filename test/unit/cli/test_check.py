# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 check`: 0 and lines of ok for a good recording, else 1 and one sentence a problem."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import lfilter

from ml3_ros.cli.main import main
from ml3_ros.data.bags.writer import write_joint_states
from ml3_ros.data.recording import JointRecording
from ml3_ros.identification.gate import check_all
from ml3_ros.robots.control.trajectories import Excitation, ExcitationConfig
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot

TOPICS = {
    *("rate", "gaps", "velocity", "effort", "smoothing", "excitation", "repeats", "twins"),
    *("contact", "clipping", "rank", "parameters", "messages", "positions", "fit"),
}


@pytest.fixture(scope="module")
def model():
    return PinocchioModel(load_robot("reacher"))


@pytest.fixture(scope="module")
def recording(model):
    """24 s of a Reacher with friction."""
    t = np.arange(2400) / 100.0
    config = ExcitationConfig(frequency=(0.2, 0.8))
    q, v, a = Excitation(model.limits, np.zeros(2), 3, config).at(t + 5.0)
    size = np.abs(model.rnea(q, v, a)).max(axis=0)
    tau = model.rnea(q, v, a) + size * (0.05 * v + 0.1 * np.sign(v))
    noise = 0.01 * size * np.random.default_rng(0).normal(size=tau.shape)
    return JointRecording(
        names=model.names, t=t, q=q, v=v, tau=tau + noise, start_ns=10**9, topic="/joint_states"
    )


@pytest.fixture
def check(tmp_path, capsys):
    """Run `ml3 check` on a recording -> (exit code, lines, content of --json)."""

    def run(recording):
        bag, out = tmp_path / "bag", tmp_path / "out" / "check.json"
        write_joint_states(bag, recording)
        code = main(["check", str(bag), "--urdf", "reacher", "--json", str(out)])
        return code, capsys.readouterr().out.splitlines(), json.loads(out.read_text())

    return run


def test_a_good_recording_passes(check, recording):
    code, lines, content = check(recording)
    assert code == 0, lines
    assert {line.split()[1].rstrip(":") for line in lines} == TOPICS
    assert all(line.startswith("ok ") for line in lines)
    assert content["ok"] and {one["topic"] for one in content["findings"]} == TOPICS


def test_each_problem_is_a_line_and_the_code_is_1(check, recording):
    late = recording.t + 2.0 * (recording.t > 12.0)
    clipped = np.clip(recording.tau, None, 0.6 * recording.tau.max(axis=0))
    code, lines, content = check(replace(recording, t=late, tau=clipped))
    assert code == 1 and not content["ok"]
    bad = [line for line in lines if line.startswith("PROBLEM")]
    topics = [line.split()[1].rstrip(":") for line in bad]
    assert topics.count("clipping") == 2 and topics.count("gaps") == 1
    assert all(line.endswith(".") and line.count("PROBLEM") == 1 for line in bad)
    problems = [p for one in content["findings"] for p in one["problems"]]
    assert len(problems) == len(bad)


def test_a_slow_motion_hides_inertia(check, recording, model):
    """Both joints creep; the sentence names what to move."""
    t = recording.t[:, None]
    omega, size = 2.0 * np.pi * np.array([[0.06, 0.08], [0.1, 0.13]]), [[0.8], [0.3]]
    q, v, a = (
        sum(s * k(w * t) for s, w, k in zip(size, omega, kind, strict=True))
        for kind in (
            (np.sin, np.cos),
            (lambda x: omega[0] * np.cos(x), lambda x: -omega[1] * np.sin(x)),
            (lambda x: -(omega[0] ** 2) * np.sin(x), lambda x: -(omega[1] ** 2) * np.cos(x)),
        )
    )
    friction = np.abs(recording.tau).max(axis=0) * (0.05 * v + 0.1 * np.sign(v))
    white = np.random.default_rng(1).normal(size=v.shape)
    noise = 0.1 * np.abs(friction).max(axis=0) * lfilter([1.0], [1.0, -0.98], white, axis=0)
    code, lines, _ = check(
        replace(recording, q=q, v=v, tau=model.rnea(q, v, a) + friction + noise)
    )
    assert code == 1
    hidden = [line for line in lines if "does not show in this motion" in line]
    assert any("inertia of link" in line and "to and fro faster" in line for line in hidden), lines


def test_a_short_recording_is_checked_as_far_as_it_goes(check, recording):
    short = recording.t < 6.0
    part = replace(
        recording, **{name: getattr(recording, name)[short] for name in ("t", "q", "v", "tau")}
    )
    code, lines, _ = check(part)
    assert code == 1
    assert lines[0].startswith("PROBLEM  length: the recording is too short")
    assert any(line.startswith("ok       rate") for line in lines)


def test_a_hand_on_the_arm_is_a_problem(recording, model):
    touched = (recording.t % 6.0 > 2.0) & (recording.t % 6.0 < 3.5)
    push = np.zeros_like(recording.tau)
    push[touched] = 0.5 * np.abs(recording.tau).max(axis=0)
    findings = {
        one.topic: one for one in check_all(replace(recording, tau=recording.tau + push), model)
    }
    assert not findings["contact"].fine
    assert "Record without touching the arm" in findings["contact"].text


def test_a_bag_of_another_arm_is_rejected(check, recording, tmp_path, capsys):
    write_joint_states(tmp_path / "bag", replace(recording, names=("a", "b")))
    assert main(["check", str(tmp_path / "bag"), "--urdf", "reacher"]) == 2
    assert "give the URDF of the arm that was recorded" in capsys.readouterr().err


def test_it_needs_neither_torch_nor_matplotlib():
    code = (
        "import sys; import ml3_ros.cli.recordings.check, ml3_ros.identification.gate, "
        "ml3_ros.robots.pinocchio_model; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'matplotlib', 'sklearn')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
