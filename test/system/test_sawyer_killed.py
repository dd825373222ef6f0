# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Emulated robot, driver and controller as processes; whoever is killed, the arm is held."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque

import numpy as np
import pytest
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from ml3_ros.cli.main import main
from ml3_ros.nodes.kit.qos import LATCHED_100, RELIABLE_100
from ml3_ros.robots.sawyer.interface import ARM_JOINTS, JOINT_STATES
from test.system.conftest import ROOT
from test.system.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.system

PACKAGE = "message_package:=ml3_sawyer_test_msgs"
# a busy machine is late now and then: here it matters that, not how soon, things happen
NODES = {
    "sawyer_emulator": (PACKAGE, "control_rate:=500"),
    "sawyer_driver": (
        PACKAGE,
        "rate:=100.0",
        "state_rate:=100",
        "state_timeout:=1.0",
        "command_timeout:=0.3",
        "robot_timeout:=0.5",
    ),
    "excitation": (
        "limit_share:=0.4",
        "position_margin:=0.15",
        "lost_error:=0.6",
        "gain:=0.1",
    ),
}


class Rig:
    """The processes by name, and what the robot shows."""

    def __init__(self) -> None:
        self.processes: dict[str, subprocess.Popen] = {}
        self.q: deque[tuple[float, np.ndarray]] = deque(maxlen=400)
        self.newest = {"mode": "", "state": ""}
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        self._node = node = rclpy.create_node("watcher", context=self._context)
        node.create_subscription(JointState, JOINT_STATES, self._on_state, RELIABLE_100)
        for key, topic in (("mode", "sawyer_emulator/mode"), ("state", "sawyer_driver/state")):
            node.create_subscription(
                String,
                topic,
                lambda msg, key=key: self.newest.update({key: msg.data}),
                LATCHED_100,
            )
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(node)
        self._thread = threading.Thread(target=self._spin)
        self._thread.start()

    def _spin(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            self._executor.spin()

    def _on_state(self, msg: JointState) -> None:
        position = dict(zip(msg.name, msg.position, strict=True))
        self.q.append((time.monotonic(), np.array([position[name] for name in ARM_JOINTS])))

    def start(self, name: str) -> None:
        words = [word for p in ("autostart:=true", *NODES[name]) for word in ("-p", p)]
        self.processes[name] = subprocess.Popen(
            [sys.executable, "-m", f"ml3_ros.nodes.{name}", "--ros-args", *words], cwd=ROOT
        )

    def end(self, name: str, number: int) -> None:
        process = self.processes.pop(name)
        process.send_signal(number)
        process.wait(DEADLINE_S)

    def operate(self) -> None:
        """Enable the driver as an operator does, until the arm moves.

        A driver or a controller that a busy machine held up may have ended in a fault.
        """
        end = time.monotonic() + DEADLINE_S
        while not (self.newest["state"] == "active" and self.moves()):
            assert time.monotonic() < end, f"the arm does not move: {self.newest}"
            if self.newest["state"] == "fault":
                main(["arm", "reset"])
            elif self.newest["state"] in ("disabled", "holding"):
                main(["arm", "enable"])
            time.sleep(0.2)

    def moves(self) -> bool:
        return self.travel(0.5) > 0.01

    def travel(self, seconds: float) -> float:
        """Return how far a joint has gone in the last `seconds` [rad]."""
        since = time.monotonic() - seconds
        recent = np.array([q for t, q in list(self.q) if t > since])
        return float(np.ptp(recent, axis=0).max()) if len(recent) else np.nan

    def held(self) -> bool:
        return self.newest["mode"] == "position" and self.travel(0.5) < 1e-3

    def close(self) -> None:
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
            process.wait()
        self._context.try_shutdown()
        self._thread.join()
        self._node.destroy_node()


@pytest.fixture
def rig():
    rig = Rig()
    for name in NODES:
        rig.start(name)
    wait_until(lambda: rig.newest["state"] == "disabled")
    yield rig
    rig.close()


def test_whoever_is_killed_the_arm_is_held_and_goes_on_when_it_is_back(rig):
    rig.operate()

    rig.end("excitation", signal.SIGKILL)
    wait_until(rig.held)
    rig.start("excitation")
    wait_until(lambda: rig.newest["state"] in ("active", "fault"))  # nobody enables it
    rig.operate()

    rig.end("sawyer_driver", signal.SIGKILL)
    wait_until(rig.held)  # by the robot's own watchdog
    rig.newest["state"] = ""
    rig.start("sawyer_driver")
    wait_until(lambda: rig.newest["state"] == "holding")
    time.sleep(1.0)  # long enough for a command to come: nobody has enabled it again
    wait_until(rig.held)  # a machine that stalls shows no state for a while
    assert rig.newest["state"] == "holding"
    rig.operate()

    rig.end("sawyer_driver", signal.SIGTERM)  # leaves by itself
    wait_until(rig.held)

    assert main(["arm", "stop"]) == 2  # reports that there is no driver
