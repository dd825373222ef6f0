# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 up` for real: a system runs to its end, or is ended, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import rclpy
from rosbags.interfaces import QosDurability, QosReliability
from rosbags.rosbag2 import Reader

from ml3_ros.bringup.up import environment
from ml3_ros.data.run_files import RunFolder
from test.system.waiting import DEADLINE_S

pytestmark = pytest.mark.system

NODES = {"sim_arm", "excitation", "policy_optimizer", "conductor"}
SHORT = ("reacher_invdyn", "loss:=none", "duration:=3", "hold_out:=1.5")
ENDLESS = (*SHORT, "policy_optimizer.learn_duration:=600.0")  # whatever a test looks at is there
TOPICS = {
    "/joint_states": "sensor_msgs/msg/JointState",
    "/joint_command": "sensor_msgs/msg/JointState",
    "/adaptation/adam_tuned": "ml3_msgs/msg/Adaptation",
    "/diagnostics": "diagnostic_msgs/msg/DiagnosticArray",
}


def libraries(pid):
    """Return the names of the files that a process has mapped."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return " ".join({line.rpartition("/")[2] for line in lines if "/" in line})


def wait_for_topics(expected):
    """Wait until the ROS domain shows all these topics with their types."""
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("onlooker", context=context)
    end = time.monotonic() + DEADLINE_S
    while True:
        seen = {name: types[0] for name, types in node.get_topic_names_and_types()}
        missing = {name: kind for name, kind in expected.items() if seen.get(name) != kind}
        if not missing or time.monotonic() > end:
            break
        time.sleep(0.05)
    node.destroy_node()
    context.try_shutdown()
    assert not missing


def test_a_system_runs_to_its_end_and_reports(up, tmp_path):
    run = up(*SHORT, f"out:={tmp_path / 'out'}")
    run.expect("look at it from another terminal")
    run.expect(", robot time")  # learning or, on a busy machine, held out; not the table's row
    assert run.end() == 0, run.output
    assert "Held-out NMSE" in run.output
    folder = RunFolder(tmp_path / "out")
    samples, predictions = folder.load_samples(), folder.load_predictions()
    assert samples.joint_names == ("joint0", "joint1")
    assert set(predictions.methods) == {"sgd_tuned", "adam_tuned"}
    assert set(folder.load_heldout().methods) == {"sgd_tuned", "adam_tuned"}
    np.testing.assert_allclose(np.diff(samples.t), 0.01, atol=1e-6)  # not one sample was lost
    assert folder.load_config()["robot"] == "reacher"
    assert folder.load_metrics()["experiment"] == "invdyn_live"
    for name in ("invdyn_live.png", "invdyn_live.svg"):
        assert (folder.path / name).stat().st_size > 1000


def test_losses_are_trained_on_the_stream_used_when_the_prior_is_gone_and_recorded(
    up, gone, tmp_path
):
    run = up(
        *SHORT[:1],
        *SHORT[2:],
        "loss:=train",
        "record:=true",
        f"out:={tmp_path / 'out'}",
        "meta_learner.record_seconds:=2.0",
        "meta_learner.segment_seconds:=1.0",
        "conductor.iterations:=2",
    )
    run.expect("meta-training ml3_shaped")
    pids = run.nodes()
    assert set(pids) == NODES | {"rigid_body_prior", "meta_learner", "recorder"}
    run.expect("ml3_unshaped is trained")
    run.expect("the rigid-body prior is switched off")
    gone([pids["rigid_body_prior"]])
    run.expect(", robot time")  # learning or, on a busy machine, held out; not the table's row
    assert run.end() == 0, run.output
    methods = {"ml3_shaped", "ml3_unshaped", "sgd_tuned", "adam_tuned"}
    assert set(RunFolder(tmp_path / "out").load_predictions().methods) == methods
    gone(list(pids.values()))
    with Reader(tmp_path / "out" / "bag") as bag:
        qos = {c.topic: c.ext.offered_qos_profiles for c in bag.connections}
        count = bag.topics["/learned_loss"].msgcount
    latched = {p.durability for p in qos["/learned_loss"]}
    assert latched == {QosDurability.TRANSIENT_LOCAL}
    assert count == 2
    (states,) = qos["/joint_states"]
    assert states.reliability is QosReliability.RELIABLE
    assert states.durability is QosDurability.VOLATILE


def test_a_system_rejects_a_second_one_and_a_signal_ends_it_with_what_it_has_learned(
    up, gone, tmp_path
):
    run = up(*ENDLESS, f"out:={tmp_path / 'out'}")
    run.expect("learning, robot time")
    pids = run.nodes()
    assert set(pids) == NODES
    wait_for_topics(TOPICS)
    check_that_who_adapts_has_no_model(pids)
    check_that_another_is_rejected(up, tmp_path / "other")
    for _ in range(2):  # it goes on
        run.output = ""
        run.expect("learning, robot time")
    assert run.nodes() == pids
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 0, run.output
    assert "Traceback" not in run.output
    gone(list(pids.values()))
    assert len(RunFolder(tmp_path / "out").load_samples().t) > 0
    assert RunFolder(tmp_path / "out").checkpoint("online").exists()


def check_that_who_adapts_has_no_model(pids):
    adapting = libraries(pids["policy_optimizer"])
    assert "libtorch" in adapting
    for model, knows in (("mujoco", "sim_arm"), ("pinocchio", "excitation")):
        assert model in libraries(pids[knows])
        assert model not in adapting


def check_that_another_is_rejected(up, out):
    second = up(*SHORT, f"out:={out}")
    assert second.end() == 1
    assert re.search(r"another node named /\w+ is running in this ROS domain", second.output)
    for name in ("conductor", "policy_optimizer"):  # by itself, however late the first is seen
        words = ["--ros-args", "-p", "duplicate_wait:=0.0"]
        stray = subprocess.run(
            [sys.executable, "-m", f"ml3_ros.nodes.{name}", *words],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=120.0,
            check=False,
        )
        assert stray.returncode != 0
        assert f"another node named /{name} is running" in stray.stderr


def test_a_killed_node_is_reported_and_ends_the_rest(up, gone, tmp_path):
    run = up(*ENDLESS, f"out:={tmp_path / 'out'}")
    run.expect("policy_optimizer adapts")
    pids = run.nodes()
    os.kill(pids["excitation"], signal.SIGKILL)
    assert run.end() == 1
    assert "excitation ended with signal SIGKILL" in run.output
    gone(list(pids.values()))


def test_no_node_outlives_a_killed_ml3(up, gone, tmp_path):
    run = up(*ENDLESS, f"out:={tmp_path / 'out'}")
    run.expect("policy_optimizer adapts")
    pids = run.nodes()
    run.process.kill()
    gone(list(pids.values()))


def test_a_folder_that_cannot_be_written_is_one_sentence_and_rc_1(up, gone, tmp_path):
    (tmp_path / "file").write_text("")
    run = up(*SHORT, f"out:={tmp_path / 'file' / 'out'}")
    assert run.end() == 1
    assert "choose a folder that can" in run.output
    assert "configuring policy_optimizer failed: its message above says why" in run.output
    assert "Traceback" not in run.output


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["sawyer"], "there is no system 'sawyer'; there are sawyer_invdyn"),
        (["reacher_invdyn", "durration:=3"], "has no argument 'durration'"),
        (["reacher_invdyn", "robot:=r2d2"], "there is no robot 'r2d2'"),
    ],
)
def test_a_word_that_does_not_fit_is_one_sentence_and_rc_2(up, words, sentence):
    run = up(*words)
    assert run.end() == 2
    assert sentence in run.output
    assert run.output.count("\n") == 1
