# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A safety stage of a Sawyer, and what its tests assert of joints."""

from __future__ import annotations

import numpy as np

from ml3_ros.robots.control.safety import SafetyStage
from ml3_ros.robots.control.safety_config import SafetyConfig
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot

SAWYER = load_robot("sawyer")
MODEL = PinocchioModel(SAWYER)
HOME, REST = SAWYER.home, np.zeros(SAWYER.nv)
LIMITS = SAWYER.limits
RATE = 500.0


def stage(rate=RATE, **config):
    return SafetyStage(MODEL, SafetyConfig(**config), rate=rate)


def gravity(q=HOME):
    return MODEL.nle(q, REST)


def kinds(command):
    return {violation.kind: violation.joints for violation in command.violations}


def one(joint, value):
    return np.where(np.arange(SAWYER.nv) == joint, value, 0.0)
