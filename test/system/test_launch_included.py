# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Launch files of ours inside another one, and what ends them; only where ROS 2 is installed."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time

import pytest

from ml3_ros.bringup.middleware import RANGE, profile_variable
from ml3_ros.bringup.paths import share
from test.system.conftest import ROOT, Program, end_all, runs
from test.system.waiting import wait_until

pytestmark = pytest.mark.system
pytest.importorskip("launch", reason="launch comes with a ROS 2 installation")
pytest.importorskip("launch_ros", reason="launch_ros comes with a ROS 2 installation")
if shutil.which("ros2") is None:
    pytest.skip("ros2 comes with a ROS 2 installation", allow_module_level=True)

REACH = str(share() / "launch" / "reacher_reach.launch.py")
SHORT = {"goals": "1", "updates": "1", "speed": "5"}
WORDS = [f"{key}:={value}" for key, value in SHORT.items()]
# What else a user starts: it goes on until a file is there, and shows its environment.
DRIVER = """
import os, pathlib, signal, sys, time
signal.signal(signal.SIGINT, lambda *_: sys.exit("driver: interrupted"))
print("driver:", *[f"{k}={os.environ.get(k)}" for k in sys.argv[2:]], flush=True)
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.05)
print("driver: done", flush=True)
"""
PARENT = """
import sys
from launch import LaunchDescription
from launch.actions import ExecuteProcess, GroupAction, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource

def generate_launch_description():
    source = PythonLaunchDescriptionSource({source!r})
    return LaunchDescription([
        *[GroupAction([IncludeLaunchDescription(source, launch_arguments=arguments.items())])
          for arguments in {arguments!r}],
        ExecuteProcess(cmd={driver!r}, name="driver", output="screen"),
    ])
"""


@pytest.fixture
def ros2_launch():
    """Return a function that runs a launch file; nothing of it survives the test."""
    started = []

    def start(path, *words):
        started.append(Program(["ros2", "launch", str(path), *words]))
        return started[-1]

    yield start
    end_all(started)


@pytest.fixture
def parent(tmp_path):
    """Return a function that writes a launch file with a driver and some of our systems."""
    driver = [sys.executable, "-c", DRIVER, str(tmp_path / "stop"), profile_variable(), RANGE]

    def write(*arguments):
        path = tmp_path / "parent.launch.py"
        path.write_text(PARENT.format(source=REACH, arguments=list(arguments), driver=driver))
        return path

    return write


def nodes_of(launched):
    """Return the pids of the processes that run programs of ours."""
    return [pid for pid, argv in launched.children().items() if any("ml3_ros" in w for w in argv)]


def test_systems_end_with_their_reports_and_leave_the_rest_alone(ros2_launch, parent, tmp_path):
    outs = [tmp_path / side for side in ("left", "right")]
    launched = ros2_launch(parent(*({**SHORT, "namespace": o.name, "out": str(o)} for o in outs)))
    launched.expect(f"driver: {profile_variable()}=None {RANGE}=LOCALHOST")
    for out in outs:
        launched.expect(f"figure:  {out}/reach_live.png")
    wait_until(lambda: not nodes_of(launched))
    assert launched.process.poll() is None, "the driver is still at work"
    (tmp_path / "stop").touch()
    assert launched.end() == 0, launched.output
    assert "driver: done" in launched.output
    assert "interrupted" not in launched.output


def test_a_system_that_fails_ends_alone_and_the_launch_is_rc_1(ros2_launch, parent, tmp_path):
    wrong = {**SHORT, "loss": "reacher_ml3_shaped", "out": str(tmp_path / "out")}
    launched = ros2_launch(parent(wrong))
    launched.expect("reacher_reach: conductor ended with rc 1: ending the rest")
    wait_until(lambda: not nodes_of(launched))
    assert launched.process.poll() is None, "the driver is still at work"
    (tmp_path / "stop").touch()
    assert launched.end() == 1
    assert "driver: done" in launched.output
    assert "Traceback" not in launched.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_nothing_goes_on_when_the_launch_is_killed(ros2_launch, gone, tmp_path, number):
    launched = ros2_launch(REACH, "goals:=1000", f"out:={tmp_path / 'out'}")
    launched.expect("after 0 updates: ends")
    pids = nodes_of(launched)
    assert len(pids) == 4  # arm, optimizer, frames, conductor
    launched.process.send_signal(number)
    gone(pids)


def test_a_closed_terminal_ends_everything(ros2_launch, gone, tmp_path):
    launched = ros2_launch(REACH, "goals:=1000", f"out:={tmp_path / 'out'}")
    launched.expect("after 0 updates: ends")
    pids = nodes_of(launched)
    os.killpg(launched.process.pid, signal.SIGHUP)
    gone([*pids, launched.process.pid])


def test_a_dead_conductor_ends_the_rest(ros2_launch, tmp_path):
    launched = ros2_launch(REACH, "goals:=1000", f"out:={tmp_path / 'out'}")
    launched.expect("after 0 updates: ends")
    children = launched.children()
    (conductor,) = (pid for pid, argv in children.items() if "conductor" in " ".join(argv[:3]))
    os.kill(conductor, signal.SIGKILL)
    assert launched.end() == 1
    assert "conductor ended with rc -9: ending the rest" in launched.output
    assert not any(map(runs, children))


# Not at once: interrupted while it starts processes, launch may wait for ever, `sleep` or node.
@pytest.mark.parametrize("seconds", [0.3, 0.8, 1.5])
def test_an_early_interrupt_leaves_no_traceback(ros2_launch, gone, tmp_path, seconds):
    launched = ros2_launch(REACH, *WORDS, f"out:={tmp_path / 'out'}")
    launched.expect("process started with pid")
    time.sleep(seconds)  # some time in the start of the nodes
    pids = list(launched.children())
    os.killpg(launched.process.pid, signal.SIGINT)  # as Ctrl-C in a terminal does
    gone(pids)
    launched.end()
    assert "Traceback" not in launched.output
    assert "KeyboardInterrupt" not in launched.output


def test_a_file_for_all_nodes_of_the_parent_serves_ours(ros2_launch, parent, tmp_path):
    file = tmp_path / "robot.yaml"
    file.write_text(
        "camera: {ros__parameters: {fps: 30}}\n"
        "conductor: {ros__parameters: {sources: [no_such_node], start_timeout: 1.0}}\n"
    )
    (tmp_path / "stop").touch()
    included = {**SHORT, "params_file": str(file), "out": str(tmp_path / "out")}
    launched = ros2_launch(parent(included))
    assert launched.end() == 1
    assert "no_such_node" in launched.output, "ours reads what is for it"
    alone = ros2_launch(REACH, f"params_file:={file}")
    assert alone.end() == 1
    assert "this system has no node camera" in alone.output


def test_unknown_arguments_are_named(ros2_launch):
    launched = ros2_launch(REACH, "gaols:=1")
    assert launched.end() == 1
    assert "reacher_reach has no argument 'gaols'; arguments: robot:=" in launched.output


def test_the_example_with_two_systems_runs(ros2_launch, tmp_path):
    example = ROOT / "examples" / "two_arms.launch.py"
    launched = ros2_launch(example, "duration:=2", f"out:={tmp_path}")
    assert launched.end() == 0, launched.output
    for side in ("left", "right"):
        assert (tmp_path / side / "invdyn_live.png").exists()
