# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Many simulated arms of one kind, advanced together by `mujoco.rollout`, each with a load."""

from __future__ import annotations

import copy
import os

import mujoco
import numpy as np
from mujoco import rollout

from ml3_ros.errors import ConfigError, RobotError
from ml3_ros.robots.base import Array, RobotDescription
from ml3_ros.robots.mujoco_arm import PAYLOAD, columns, compiled
from ml3_ros.robots.perturbation import Perturbation

_STATE = mujoco.mjtState.mjSTATE_FULLPHYSICS
_TORQUE = int(mujoco.mjtState.mjSTATE_QFRC_APPLIED.value)
_SOLVER_STEPS = (
    2.0  # time constant of soft constraints, in physics steps: the least that is stable
)


class ParallelArms:
    """Copies of an arm without contacts; joint order is that of the description.

    For learning, where many arms that are coarsely simulated are worth more than one exact one:
    physics steps are longer than those of `MujocoArm`, motors have no delay and sensors no noise.
    Results are the same for any number of threads.

    Args:
        description: The arm.
        n: Copies.
        period: Time that a torque is held [s].
        substeps: Physics steps in it.
        viscous: Friction of each joint [N m s/rad], one number or (joints,).
        threads: Of the simulation; None takes one a core.
    """

    def __init__(
        self,
        description: RobotDescription,
        n: int,
        *,
        period: float = 0.02,
        substeps: int = 10,
        viscous: float | tuple[float, ...] = 0.0,
        threads: int | None = None,
    ) -> None:
        if n < 1 or substeps < 1 or not period > 0.0 or (threads is not None and threads < 1):
            raise ConfigError(
                f"n, substeps, period and threads must be > 0, got {n}, {substeps}, {period} and "
                f"{threads}"
            )
        model = compiled(description, Perturbation(viscous=viscous))[0]
        model.opt.timestep = period / substeps
        model.dof_solref[:, 0] = model.jnt_solref[:, 0] = _SOLVER_STEPS * period / substeps
        self.n, self.nv, self.limits = n, description.nv, description.limits
        self.period, self.substeps = period, substeps
        self._dof = columns(model, description.names)
        self._models = [copy.copy(model) for _ in range(n)]
        self._payload = model.body(PAYLOAD).id
        count = threads or len(os.sched_getaffinity(0))
        self._data = [mujoco.MjData(model) for _ in range(count)]
        # a pool of one thread is slower than none
        self._rollout = rollout.Rollout(nthread=count if count > 1 else 0)
        self._states = np.zeros((n, mujoco.mj_stateSize(model, _STATE)))
        self.reset(np.broadcast_to(description.home, (n, self.nv)))

    def load(self, payload: Array, coulomb: Array) -> None:
        """Set what each copy carries and how stiff its joints are; the motion goes on.

        Args:
            payload: Point masses at the tool (n,) [kg].
            coulomb: Dry friction (n, joints) [N m].
        """
        query = mujoco.MjData(self._models[0])
        for model, mass, friction in zip(self._models, payload, coulomb, strict=True):
            model.body_mass[self._payload] = mass
            model.dof_frictionloss[self._dof] = friction
            mujoco.mj_setConst(model, query)

    def reset(self, q: Array) -> None:
        """Put the copies at rest at q (n, joints) [rad]."""
        self._states[:] = 0.0
        self._states[:, 1 + self._dof] = q

    def step(self, tau: Array) -> None:
        """Hold torques tau (n, joints) [N m], gravity included, for a period.

        Raises:
            RobotError: A copy diverged: reset the arms and command smaller torques.
        """
        torque = np.zeros((self.n, self.substeps, self.nv))
        torque[..., self._dof] = np.clip(tau, -self.limits.effort, self.limits.effort)[:, None]
        states, _ = self._rollout.rollout(
            self._models, self._data, self._states, torque, control_spec=_TORQUE
        )
        self._states = np.ascontiguousarray(states[:, -1])
        if not np.isfinite(self._states).all():
            raise RobotError("a simulated arm diverged: reset the arms, command smaller torques")

    @property
    def q(self) -> Array:
        """Positions (n, joints) [rad]."""
        return self._states[:, 1 + self._dof]

    @property
    def v(self) -> Array:
        """Velocities (n, joints) [rad/s]."""
        return self._states[:, 1 + self.nv + self._dof]
