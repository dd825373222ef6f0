# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""An emulated Sawyer with a clock of its own."""

from __future__ import annotations

import numpy as np

from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.sawyer.controller import Command
from ml3_ros.robots.sawyer.emulation import SawyerEmulation
from ml3_ros.robots.sawyer.interface import (
    Mode,
)

SAWYER = load_robot("sawyer")
HOME, LIMITS = SAWYER.home, SAWYER.limits
DT = 1e-3
FRICTION = Perturbation(
    viscous=tuple(0.02 * LIMITS.effort / LIMITS.velocity), coulomb=tuple(0.02 * LIMITS.effort)
)


class Robot(SawyerEmulation):
    """An emulated Sawyer with a clock of its own."""

    def __init__(self, perturbation=Perturbation(), enabled=True, **options):  # noqa: B008
        super().__init__(SAWYER, perturbation, dt=DT, **options)
        self.t = 0.0
        if enabled:
            self.enable(True, self.t)

    def send(self, mode, **arrays):
        self.command(Command(mode=mode, **arrays), self.t)

    def torque(self, tau=0.0):
        self.send(Mode.TORQUE, effort=np.broadcast_to(tau, 7).astype(float))

    def run(self, seconds, each=lambda: None):
        for _ in range(round(seconds / DT)):
            each()
            self.step(self.t)
            self.t += DT
        return self.arm.state()

    def moved(self):
        return np.abs(self.arm.state().q - HOME).max()

    def mode(self):
        return self.doing(self.t)
