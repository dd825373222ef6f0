# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Learned efforts of points: what a controller that adds them is given beside positions."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from ml3_msgs.msg import LearnedModel
from ml3_ros.errors import DataError
from ml3_ros.learners.inverse_dynamics.net import as_feedforward
from ml3_ros.learners.inverse_dynamics.net_file import ModelReader
from ml3_ros.nodes.messages.joint_states import listed
from ml3_ros.nodes.messages.ml3 import model_from_msg
from ml3_ros.nodes.trajectory_commander.parameters import TrajectoryCommanderParameters
from ml3_ros.robots.base import Array
from ml3_ros.robots.control.feedforward import Feedforward, FeedforwardConfig, FeedforwardGate
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.ros2_control.trajectory import Points


class LearnedEfforts:
    """Fills the efforts of points with the torques of the newest learned model.

    What the robot adds by itself is taken out. The rest passes a `FeedforwardGate`: bounded, faded
    in, and out again when the model is too old.
    """

    def __init__(self, model: PinocchioModel, parameters: TrajectoryCommanderParameters) -> None:
        """Begin without a learned model; `model` is the arm as described."""
        p = parameters
        self._model, self._method = model, p.feedforward
        self._robot_adds = p.habits.gravity == "robot"
        trust = FeedforwardConfig(
            share=p.feedforward_share, fade=p.feedforward_fade, max_age=p.model_timeout
        )
        self._gate = FeedforwardGate(model.limits.effort, trust)
        self._reader = ModelReader()
        self._learned: Feedforward | None = None
        self._came = 0.0  # monotonic time of the newest one [s]
        self.update = 0

    def on_model(self, msg: LearnedModel) -> None:
        """Take a model.

        Raises:
            DataError: It is broken, or of another arm.
        """
        if msg.method != self._method:
            return
        data = model_from_msg(msg, self._model.names)
        net, theta = self._reader(data, msg.method)
        if net.units.joint_names != self._model.names:
            raise DataError(f"the model of {msg.method} is of {listed(net.units.joint_names)}")
        self._learned, self._came = as_feedforward(net, theta), time.monotonic()
        self.update = msg.update

    def filled(self, points: Points, seconds: float) -> Points:
        """Return points with efforts; the last ones were `seconds` ago."""
        if self._learned is None:
            return points
        age, step = time.monotonic() - self._came, seconds
        rows = []
        for q, v, a in zip(points.q, points.v, points.a, strict=True):
            rows.append(self._gate.passed(self._torque(q, v, a), age, step).tau)
            step = 0.0  # the weight changes once a trajectory
        return replace(points, effort=np.array(rows))

    def _torque(self, q: Array, v: Array, a: Array) -> Array:
        assert self._learned is not None
        tau = np.asarray(self._learned(q, v, a), dtype=np.float64)
        return tau - self._model.nle(q, np.zeros_like(q)) if self._robot_adds else tau
