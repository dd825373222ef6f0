# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""An emulated Sawyer and the driver's decisions in lock-step, for tests without nodes."""

from __future__ import annotations

import numpy as np

from ml3_ros.errors import MessageError
from ml3_ros.nodes.messages.sawyer_client import view_from_msg
from ml3_ros.nodes.sawyer_driver.parameters import SawyerDriverParameters
from ml3_ros.robots.control.safety import SafetyStage
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.sawyer.controller import Command
from ml3_ros.robots.sawyer.driving import SawyerDriving
from ml3_ros.robots.sawyer.driving_config import DrivingConfig, State
from ml3_ros.robots.sawyer.emulation import SawyerEmulation
from ml3_ros.robots.sawyer.interface import Mode

SAWYER = load_robot("sawyer")
MODEL = PinocchioModel(SAWYER)
EFFORT = SAWYER.limits.effort
STEP, CYCLE, CONTROL = 1, 2, 10  # [ms] of physics and states, of the driver, of the controller
FRICTION = Perturbation(viscous=(2.0, 2.0, 1.0, 1.0, 0.2, 0.2, 0.2))


class Bench:
    """A robot, a driver, and a controller that pushes on top of gravity; time in whole ms."""

    def __init__(self, config=None, outcome="hold"):
        self.robot = SawyerEmulation(SAWYER, FRICTION, dt=1e-3, timeout_outcome=outcome)
        self.robot.control.set_timeout(0.05)
        safety = SafetyStage(MODEL, SawyerDriverParameters().safety(), rate=1000.0 / CYCLE)
        self.driving = SawyerDriving(MODEL, safety, SAWYER.home, config or DrivingConfig())
        self.push = None  # [N m] (7,); None: the controller is dead
        self.states_come = self.driver_lives = True
        self.ms = 0
        self.sent = []  # (ms, Send)
        self.rejected = []

    @property
    def now(self):
        return self.ms * 1e-3

    @property
    def q(self):
        return self.robot.arm.state().q

    @property
    def speed(self):
        return float(np.abs(self.robot.arm.state().v).max())

    def run(self, ms, until=None):
        for _ in range(ms):
            if until is not None and until():
                return self
            self._millisecond()
        assert until is None, f"it did not happen within {ms} ms: {self.driving.state}"
        return self

    def _millisecond(self):
        now = self.now
        if self.states_come and self.driver_lives:
            self._report(now)
        if self.push is not None and self.ms % CONTROL == 0 and self.driver_lives:
            tau = MODEL.nle(self.q, np.zeros(7)) + self.push
            self.command(tau, self.ms - self.ms % STEP)
        if self.driver_lives and self.ms % CYCLE == 0:
            send = self.driving.cycle(now)
            if send is not None:
                self.sent.append((self.ms, send))
                self._forward(send, now)
        self.robot.step(now)
        self.ms += 1

    def _report(self, now):
        reading, assembly = self.robot.reading(), self.robot.assembly
        v = np.where(np.abs(reading.v) < 0.001001, 0.0, reading.v)
        self.driving.reports.on_joints(self.ms, reading.q, v, now)
        self.driving.reports.on_gravity(self.robot.control.gravity_effort(reading.q, v), now)
        reports = self.driving.reports
        reports.cuff, reports.collision = self.robot.cuff, self.robot.collided
        self.driving.reports.on_robot(view_from_msg(assembly), now)

    def _forward(self, send, now):
        try:
            if send.torque is not None:
                self.robot.command(Command(mode=Mode.TORQUE, effort=send.torque), now)
            else:
                self.robot.command(Command(mode=Mode.POSITION, position=send.position), now)
        except MessageError as error:
            self.rejected.append(str(error))

    def command(self, tau, stamp):
        try:
            self.driving.on_command(stamp, tau, self.now)
        except MessageError as error:
            self.rejected.append(str(error))

    def enabled(self):
        """Enable the robot and wait until its brakes are released."""
        self.run(5)
        self.driving.arm()
        self.robot.enable(True, self.now)
        return self.run(1100)

    def active(self, push=None):
        self.enabled()
        self.push = np.zeros(7) if push is None else push
        return self.run(200, lambda: self.driving.state is State.ACTIVE)

    def torques(self, since=0):
        return [(ms, s.torque) for ms, s in self.sent if s.torque is not None and ms >= since]


def one(joint, value):
    return np.where(np.arange(7) == joint, value, 0.0)
