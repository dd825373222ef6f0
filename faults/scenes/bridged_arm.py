# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parts of the bench of efforts: emulated robot, bridge, controller, and how efforts end."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

import numpy as np
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from std_msgs.msg import Float64MultiArray, String
from std_srvs.srv import SetBool, Trigger

from faults.rig.processes import node
from faults.rig.rig import START_S, Rig
from faults.rig.waiting import BenchError, require, until
from ml3_ros.nodes.kit.qos import LATCHED_100
from ml3_ros.robots.ros2_control.presets import PRESETS

ROBOT = node("ros2_control_emulator", preset="ur")
BRIDGE = node("effort_bridge", preset="ur")
CONTROLLER = replace(
    node("excitation", limit_share=0.4, position_margin=0.15, lost_error=0.6, gain=0.1),
    remappings=(("joint_states", f"{BRIDGE.name}/joint_states"),),
)
NICE = {ROBOT.name: -15, BRIDGE.name: -15, CONTROLLER.name: -10}
SILENT_S = 0.3


class BridgedArm:
    """Robot, bridge and controller: their topics as recorded, and the requests of an operator."""

    def __init__(self, rig: Rig, rng: np.random.Generator) -> None:
        """Record the topics of nodes that are started in `rig`."""
        self.bench, self.processes, self.rng = rig.bench, rig.processes, rng
        topic = f"{PRESETS['ur'].effort_controller}/commands"
        self.sent = rig.bench.record(Float64MultiArray, topic)
        self.state = rig.bench.record(String, f"{BRIDGE.name}/state", LATCHED_100)
        self.interruptions = 0  # faults that the bench did not make

    def bridge_is(self, state: str) -> bool:
        """Return whether the bridge has last published this state."""
        last = self.state.last()
        return last is not None and last.data == state

    def make_active(self) -> None:
        """Let an operator enable the bridge and wait until efforts are sent for a while."""
        for _ in range(10):
            if self.bridge_is("fault"):
                self.bench.request(Trigger, f"{BRIDGE.name}/reset")
            require(self._enable, "a bridge that may be enabled", 60.0)
            if until(lambda: self.bridge_is("active"), 20.0):
                time.sleep(self.rng.uniform(0.5, 1.2))
                if self.bridge_is("active"):
                    return
            self.interruptions += self.bridge_is("fault")
        raise BenchError("the arm does not stay active")

    def _enable(self) -> bool:
        return bool(self.bench.request(SetBool, f"{BRIDGE.name}/enable", data=True).success)

    def restore(self) -> None:
        """Start and activate what a fault has ended."""
        for process in (ROBOT, BRIDGE, CONTROLLER):
            gone = process.name not in self.processes.names()
            if gone or process.name == CONTROLLER.name:
                if process.name in self.processes.names():
                    self.processes.kill(process.name)
                self.bench.forget_diagnostics(process.name)
                self.processes.start(process)
            require(partial(self._runs, process.name), process.name, START_S)

    def _runs(self, name: str) -> bool:
        if self.bench.is_active(name):
            return True
        if name == BRIDGE.name:
            change = Transition(id=Transition.TRANSITION_ACTIVATE)
            self.bench.request(ChangeState, f"{name}/change_state", transition=change)
        return False

    def first_zero(self, since: float) -> float | None:
        """Return when the first zeros after `since` were sent [s]."""
        return next((t for t, msg in self.sent.since(since) if not any(msg.data)), None)

    def is_silent(self) -> bool:
        """Return whether no efforts are sent any more, and the last ones were zeros."""
        last = self.sent.last()
        quiet = not self.sent.published_since(time.time() - SILENT_S)
        return quiet and last is not None and not any(last.data)

    def is_idle(self) -> bool:
        """Return whether the robot is commanded nothing."""
        commanded = self.bench.diagnostic(ROBOT.name, "commanded [N m]")
        return all(word.endswith(" 0") for word in commanded.split(", "))
