# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parts of the hold bench: emulated robot, driver, controller, and how the arm comes to a hold."""

from __future__ import annotations

import time

import numpy as np
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64, String
from std_srvs.srv import SetBool, Trigger

from faults.rig.processes import node
from faults.rig.rig import SAWYER_MESSAGES, Rig
from faults.rig.waiting import BenchError, require
from faults.scenes.holds import COMMAND_TIMEOUT_S, Holds
from ml3_ros.nodes.kit.qos import LATCHED_100
from ml3_ros.robots.sawyer import interface as sawyer

ROBOT = node("sawyer_emulator", message_package=SAWYER_MESSAGES, control_rate=500)
DRIVER = node("sawyer_driver", message_package=SAWYER_MESSAGES)
CONTROLLER = node("excitation", limit_share=0.4, position_margin=0.15, lost_error=0.6, gain=0.1)
# Nodes that start take all that they get of the machine; that shall not be what is measured.
NICE = {ROBOT.name: -15, DRIVER.name: -15, CONTROLLER.name: -10}
REST = 0.02  # velocity below which the arm is at rest [rad/s]


class SawyerArm:
    """Robot, driver and controller: their topics as recorded, and the requests of an operator."""

    def __init__(self, rig: Rig, rng: np.random.Generator) -> None:
        """Record the topics of nodes that are started in `rig`."""
        self.bench, self.processes, self.rng = rig.bench, rig.processes, rng
        messages = sawyer.message_types(SAWYER_MESSAGES)
        self.commands = rig.bench.record(JointState, "joint_command")
        self.sent = rig.bench.record(messages.JointCommand, sawyer.JOINT_COMMAND)
        self.joints = rig.bench.record(JointState, sawyer.JOINT_STATES)
        self.state = rig.bench.record(String, "sawyer_driver/state", LATCHED_100)
        self.mode = rig.bench.record(String, "sawyer_emulator/mode", LATCHED_100)
        self.delay = rig.bench.record(Float64, "sawyer_emulator/watchdog_delay", LATCHED_100)
        self.interruptions = 0  # faults that the bench did not make

    def driver_is(self, state: str) -> bool:
        """Return whether the driver has last published this state."""
        last = self.state.last()
        return last is not None and last.data == state

    def was_active(self, at: float) -> bool:
        """Return whether the driver was active at a time [s]; if not, a fault is counted."""
        states = [msg.data for t, msg in self.state.since() if t <= at]
        active = bool(states) and states[-1] == "active"
        self.interruptions += not active
        return active

    def make_active(self) -> None:
        """Let an operator enable the driver and wait until the arm moves."""
        for _ in range(10):
            if self.driver_is("fault"):
                self.bench.request(Trigger, "sawyer_driver/reset")
                require(lambda: not self.driver_is("fault"), "the end of a fault", 10.0)
            if not self.driver_is("active"):
                require(self._enable, "a driver that may be enabled")
            try:
                require(lambda: self.driver_is("active"), "a driver that is active", 20.0)
                require(lambda: self.driver_is("fault") or self.moves(), "motion", 20.0)
            except BenchError as error:
                if not self.driver_is("fault"):
                    raise BenchError(f"{error}: {self._traffic()}") from error
            time.sleep(self.rng.uniform(0.2, 1.0))
            if self.driver_is("active") and self.moves():
                return
            self.interruptions += 1
        raise BenchError("the arm does not stay active")

    def _traffic(self) -> str:
        """Return who has published lately."""
        since, last = time.time() - 1.0, self.state.last()
        topics = {"commands": self.commands, "robot": self.joints, "driver": self.sent}
        counts = ", ".join(f"{name} {len(x.times(since))}" for name, x in topics.items())
        active = ", ".join(filter(self.bench.is_active, self.processes.names()))
        state = last.data if last else "silent"
        return f"the driver is {state}; messages in 1 s: {counts}; active nodes: {active}"

    def _enable(self) -> bool:
        return bool(self.bench.request(SetBool, "sawyer_driver/enable", data=True).success)

    def moves(self) -> bool:
        """Return whether the arm has moved within the last half second."""
        return _travel([q for _, q, _ in self.motion(time.time() - 0.5, every=50)]) > 0.01

    def motion(self, since: float, every: int = 1) -> list[tuple[float, np.ndarray, np.ndarray]]:
        """Return time [s], q [rad] and v [rad/s] of the arm's joints, each (n,)."""
        rows = []
        for t, msg in self.joints.since(since, every):
            index = [msg.name.index(name) for name in sawyer.ARM_JOINTS]
            rows.append((t, np.array(msg.position)[index], np.array(msg.velocity)[index]))
        return rows

    def transition(self, transition: int) -> None:
        """Send the controller through a lifecycle transition."""
        change = Transition(id=transition)
        self.bench.request(ChangeState, "excitation/change_state", transition=change)

    def note_driver(self, holds: Holds, last: float) -> None:
        """Write down when the driver began to stop the arm after the command at `last` [s]."""
        states = [(t, msg.data) for t, msg in self.state.since(last)]
        stops = [(t, state) for t, state in states if state in ("stopping", "fault")]
        if stops:
            at, state = stops[0]
            holds.faults += state == "fault"
            sent = self.sent.times(last)
            before = sent[sent <= at]
            holds.begins.append((before[-1] if len(before) else at) - last)
            deadline = last + COMMAND_TIMEOUT_S
            holds.late_cycles.append(max(int((before > deadline).sum()) - 1, 0))

    def note(self, holds: Holds, last: float) -> None:
        """Write down how the arm came to a hold after the command at `last` [s]."""
        holds.repetitions += 1
        rests = [t for t, msg in self.mode.since(last) if msg.data == "position"]
        if rests:
            holds.robot.append(rests[0] - last)
            holds.watchdog += [msg.data for _, msg in self.delay.since(last)][:1]
        motion = self.motion(last - 0.02)
        after = [row for row in motion if row[0] >= last]
        fast = [t for t, _, v in after if np.abs(v).max() > REST]
        if not after:
            return
        holds.speed.append(float(np.abs(motion[0][2]).max()))
        holds.rest.append(max((fast[-1] if fast else last) - last, 0.0))
        start = motion[0][1]
        holds.travel.append(max(float(np.abs(q - start).max()) for _, q, _ in after))
        quiet = _travel([q for t, q, _ in after if t > after[-1][0] - 0.5])
        mode = self.mode.last()
        holds.held += bool(mode is not None and mode.data == "position" and quiet < 1e-3)


def _travel(positions: list[np.ndarray]) -> float:
    """Return how far a joint has gone [rad]; NaN without positions."""
    return float(np.ptp(np.array(positions), axis=0).max()) if positions else float("nan")
