# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Learners of a feedforward for tracking: they take an arm's samples and give a model."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.data.filters import AccelerationFilter
from ml3_ros.errors import DataError
from ml3_ros.experiments.tracking.config import CLIP_NORM, Method
from ml3_ros.identification.models.least_squares import (
    JointColumns,
    RecursiveLeastSquares,
    TorqueRegressor,
)
from ml3_ros.learners.inverse_dynamics.net import as_feedforward
from ml3_ros.learners.inverse_dynamics.online import OnlineConfig, OnlineLearner
from ml3_ros.learners.inverse_dynamics.squared_error import squared_error
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.robots.base import Array, RigidBodyModel
from ml3_ros.robots.control.feedforward import Feedforward
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.tasks.inverse_dynamics.recipes import Recipe
from ml3_ros.zoo import shipped_loss

RIDGE = 1e-6  # of least squares, on parameters in SI units with torques in the arm's units
_METHOD = "model"


class Learner(Protocol):
    """Learns from filtered samples; a model that it has handed out never changes."""

    def learn(self, t: float, q: Array, v: Array, a: Array, tau: Array) -> bool:
        """Take a sample [s, rad, rad/s, rad/s^2, N m]; return whether the model is another now."""
        ...

    def model(self) -> Feedforward:
        """Return what has been learned so far; it also takes many states at once, (T, n)."""
        ...


class NetworkLearner:
    """A network under one loss, trained as policy_optimizer does."""

    def __init__(
        self,
        loss: LearnedLoss,
        units: Units,
        robot: str,
        *,
        steps_per_window: int,
        memory: int,
        seed: int,
    ) -> None:
        """Begin with the random model of that seed; batches are of the last `memory` samples."""
        recipe = Recipe(steps_per_window=steps_per_window)
        sampling = replace(recipe.sampling(), memory=memory)
        config = replace(OnlineConfig(), sampling=sampling)
        self._online = OnlineLearner(
            recipe.optimizee(units, robot), {_METHOD: loss}, config, seed=seed
        )

    def learn(self, t: float, q: Array, v: Array, a: Array, tau: Array) -> bool:
        """See `Learner`."""
        self._online.push(t, q, v, a, tau)
        changed = self._online.learn() is not None
        for ended in self._online.ended().values():  # results of a frozen model would mislead
            raise DataError(f"the loss cannot train the network any more ({ended.reason})")
        return changed

    def model(self) -> Feedforward:
        """See `Learner`."""
        return as_feedforward(self._online.optimizee, self._online.methods[_METHOD].theta)


class LeastSquaresLearner:
    """Recursive least squares on the rigid-body regressor with friction columns."""

    def __init__(self, model: PinocchioModel, units: Units, window: int, keep: float) -> None:
        """Begin with zero parameters: kinematics are known, no mass is.

        Args:
            model: The arm as described.
            units: Its efforts weigh the joints' errors.
            window: Samples per update.
            keep: Share of its weight that the past keeps at an update [-].
        """
        self._regressor = TorqueRegressor(model, JointColumns())
        self._solver = RecursiveLeastSquares(
            len(self._regressor.nominal), ridge=RIDGE, noise=np.array(units.effort), keep=keep
        )
        self._window = window
        self._waiting: list[tuple[Array, Array, Array, Array]] = []

    def learn(self, t: float, q: Array, v: Array, a: Array, tau: Array) -> bool:
        """See `Learner`."""
        self._waiting.append((q, v, a, tau))
        if len(self._waiting) < self._window:
            return False
        q, v, a, tau = (np.stack(signal) for signal in zip(*self._waiting, strict=True))
        self._solver.update(self._regressor(q, v, a), tau)
        self._waiting.clear()
        return True

    def model(self) -> Feedforward:
        """See `Learner`."""
        regressor, parameters = self._regressor, self._solver.parameters

        def torque(q: Array, v: Array, a: Array) -> Array:
            rows = regressor(*(np.atleast_2d(x) for x in (q, v, a)))
            return np.asarray((rows @ parameters).reshape(q.shape))

        return torque


class Stream:
    """A learner behind the causal filter: measurements in, models out.

    Args:
        learner: Learns.
        n: Number of joints.
        rate: Measurements per second [Hz].
        known: What is fed forward anyway; the learner gets the torque less this model's.
    """

    def __init__(
        self, learner: Learner, n: int, rate: float, known: RigidBodyModel | None
    ) -> None:
        self.learner = learner
        self._known = known
        self._filter = AccelerationFilter(n, 1.0 / rate)

    def measure(self, t: float, q: Array, v: Array, tau: Array) -> Feedforward | None:
        """Take a measurement [s, rad, rad/s, N m]; return a model if there is a new one."""
        changed = False
        for sample in self._filter.push(t, q, v, tau):
            tau = sample.tau
            if self._known is not None:
                tau = tau - self._known.rnea(sample.q, sample.v, sample.a)
            changed |= self.learner.learn(sample.t, sample.q, sample.v, sample.a, tau)
        return self.learner.model() if changed else None


def units_of(robot: str) -> Units:
    """Return the scales of the robot's signals, as its shipped losses have them."""
    return Units.from_dict(shipped_loss(f"{robot}_ml3_shaped").provenance["units"])


def loss_of(method: Method, robot: str, step_size: float) -> LearnedLoss:
    """Return what trains the network of a method; `step_size` [-] is that of a tuned one."""
    if not method.grid:
        return shipped_loss(f"{robot}_{method.loss}")
    clip_norm = CLIP_NORM if method.loss == "sgd" else None
    return squared_error(units_of(robot), "tau", method.loss, step_size, clip_norm)


def learner_factory(
    method: Method, robot: str, nominal: PinocchioModel, *, steps_per_window: int, rate: float
) -> Callable[[float, int], Learner | None]:
    """Return (step size, seed) -> a fresh learner, or None where nothing is learned."""
    units = units_of(robot)
    window = Recipe().sampling().window

    def make(step_size: float, seed: int) -> Learner | None:
        if method.kind == "nothing":
            return None
        if method.kind == "least_squares":
            decay = 2.0 * window / (rate * method.memory) if method.memory else 0.0
            return LeastSquaresLearner(nominal, units, window, float(np.exp(-decay)))
        loss = loss_of(method, robot, step_size)
        return NetworkLearner(
            loss,
            units,
            robot,
            steps_per_window=steps_per_window,
            memory=round(rate * method.memory),
            seed=seed,
        )

    return make
