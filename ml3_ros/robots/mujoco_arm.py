# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Simulated arm on MuJoCo, exactly as described or perturbed; takes torques, returns states."""

from __future__ import annotations

import logging

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ml3_ros.errors import RobotError
from ml3_ros.robots.base import ArmState, Array, RobotDescription, joint_array
from ml3_ros.robots.mjcf_writer import mjcf_text
from ml3_ros.robots.motors import Motors
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pushes import Push, joint_torque

_NOMINAL = Perturbation()

# MuJoCo's own handler appends to a file in the current folder; here divergence raises an error.
mujoco.set_mju_user_warning(logging.getLogger(__name__).debug)

# implicitfast treats damping implicitly, so that no viscous friction on a light wrist makes the
# arm unstable. It is of first order, but at half a millisecond accelerations on a tracked
# trajectory agree with rnea as well as RK4's.
_PHYSICS_DT = 5e-4
_LEAST_STEPS = 4  # a period: at two, a loop of 1000 Hz that decays would grow
_MOTOR_STEPS = 4  # in which the motors' torque is held at its mean
# Dry friction and joint stops are soft constraints in MuJoCo. With its defaults a light wrist
# would creep at 0.5 rad/s under half of its dry friction, and pass its stop by 0.4 rad.
_SOLREF = (2.0 * _PHYSICS_DT, 1.0)
_SOLIMP = (0.995, 0.999, 0.001, 0.5, 2.0)
# Damping of a joint whose brake is on [N m s/rad]: a load of 50 N m moves it by 0.3 mrad a minute,
# where dry friction, which is soft in MuJoCo, would let it creep by 20.
_BRAKE = 1e7
PAYLOAD = "ml3_payload"  # body at the tool
_HEAVIEST = 1e4  # payload [kg]: far above it the mass matrix loses its digits
_SHORTEST, _LONGEST = 1e-6, 10.0  # period of a command [s]


class MujocoArm:
    """A simulated arm without contacts; joint order is that of the description.

    `step` integrates M a + nle + friction = tau in steps of at most 0.5 ms. `Motors` go over to
    the newest torque whose delay is over, clamped to the effort limits, within a period; before
    the first, they give the torque that holds the arm where it was reset. M, nle, rnea and
    forward_kinematics are MuJoCo's own and leave the motion alone.
    """

    def __init__(
        self,
        description: RobotDescription,
        perturbation: Perturbation = _NOMINAL,
        *,
        seed: int = 0,
    ) -> None:
        """Build the arm and put it at its home.

        Args:
            description: The arm as its file describes it.
            perturbation: What is different in this arm.
            seed: Of the sensor noise.
        """
        self.names, self.limits = description.names, description.limits
        self.nq, self.nv = description.nq, description.nv
        self._delay = perturbation.command_delay
        self._noise = {
            name: perturbation.per_joint(name, self.nv)
            for name in ("position_noise", "velocity_noise", "torque_noise")
        }
        self._rng = np.random.default_rng(seed)
        self._model, self._tool_site = compiled(description, perturbation)
        self._dof = columns(self._model, self.names)
        self._bodies = self._model.dof_bodyid[self._dof]
        self._pushes: tuple[Push, ...] = ()
        self._damping = self._model.dof_damping[self._dof].copy()
        self._braked = np.zeros(self.nv, dtype=bool)
        self._data = mujoco.MjData(self._model)
        self._query = mujoco.MjData(self._model)
        self._motors = Motors(np.zeros(self.nv), self.limits.effort, self._delay)
        self._motor_torque = np.zeros(self.nv)
        self._state = self.reset(description.home)

    def reset(self, q: ArrayLike, v: ArrayLike | None = None) -> ArmState:
        """Put the arm at q [rad] (n,) with velocity v [rad/s] (n,) (default: at rest), at time 0.

        Raises:
            RobotError: Wrong shape, not finite, or q outside the position limits; the arm is
                unchanged.
        """
        q = joint_array(q, self.nq, "q")
        v = np.zeros(self.nv) if v is None else joint_array(v, self.nv, "v")
        outside = (q < self.limits.lower) | (q > self.limits.upper)
        if outside.any():
            raise RobotError(
                f"q is outside the limits of {self.names[int(np.argmax(outside))]}: reset inside"
            )
        mujoco.mj_resetData(self._model, self._data)
        self._data.qpos[self._dof], self._data.qvel[self._dof] = q, v
        holding = self.nle(q, np.zeros(self.nv))
        self._motors = Motors(holding, self.limits.effort, self._delay)
        self._drive(0.0)
        mujoco.mj_forward(self._model, self._data)
        self._state = self._measure()
        return self._state

    def brake(self, locked: ArrayLike) -> None:
        """Lock the joints where `locked` (n,) is true and free the others; motors go on.

        The effort that is measured at a locked joint is the load that motor and brake bear
        together, Coriolis and gravity torque.
        """
        self._braked = np.asarray(locked, dtype=bool)
        self._model.dof_damping[self._dof] = np.where(self._braked, _BRAKE, self._damping)

    def set_payload(self, mass: float) -> None:
        """Put a point mass [kg] at the tool in place of the payload; the motion goes on.

        Raises:
            RobotError: mass is negative, not finite or no payload's; the payload is unchanged.
        """
        if not 0.0 <= mass <= _HEAVIEST:
            raise RobotError(f"payload is {mass}: it must be 0 to {_HEAVIEST:g} kg")
        self._model.body_mass[self._model.body(PAYLOAD).id] = mass
        mujoco.mj_setConst(self._model, mujoco.MjData(self._model))

    def push(self, *pushes: Push) -> None:
        """Let these forces act on the links from now on, in place of those before; none: let go.

        No sensor measures them: the effort that is measured is the motors'.

        Raises:
            RobotError: There is no such link, or a number is not finite; the forces stay.
        """
        for push in pushes:
            if not 0 <= push.link < self.nv or not np.isfinite((*push.point, *push.force)).all():
                raise RobotError(
                    f"{push} cannot act: name a link from 0 to {self.nv - 1} and finite numbers"
                )
        self._pushes = pushes

    def external_torque(self) -> Array:
        """Return what the pushes load the joints with at this instant, sum J^T f [N m] (n,)."""
        torque = joint_torque(self._model, self._data, self._bodies, self._pushes)
        return np.asarray(torque[self._dof])

    def state(self) -> ArmState:
        """Return the newest measurement; asking again draws no new noise."""
        return self._state

    def step(self, tau: ArrayLike, dt: float) -> ArmState:
        """Command the full joint torque tau [N m] (n,), gravity included, and let dt [s] pass.

        Without delay the motors give tau at the end of it, and are halfway there in the mean.

        Returns:
            What the arm measures then: position, velocity and torque of that instant.

        Raises:
            RobotError: tau has the wrong length or is not finite, or dt is out of range: the arm
                is unchanged. Or the simulation diverged: reset the arm.
        """
        tau = joint_array(tau, self.nv, "tau")
        if not _SHORTEST <= dt <= _LONGEST:
            raise RobotError(f"dt is {dt}: it must be {_SHORTEST:g} to {_LONGEST:g} s")
        start = self._data.time
        self._motors.command(start, tau, dt)
        count = max(int(np.ceil(dt / _PHYSICS_DT - 1e-9)), _LEAST_STEPS)
        self._model.opt.timestep = h = dt / count
        for done in range(0, count, _MOTOR_STEPS):
            several = min(_MOTOR_STEPS, count - done)
            self._drive(start + (done + 0.5 * several) * h)  # the mean of these steps
            mujoco.mj_step(self._model, self._data, several)
        self._data.time = start + dt
        if not (np.isfinite(self._data.qpos).all() and np.isfinite(self._data.qvel).all()):
            raise RobotError("the simulated arm diverged: reset it and command smaller torques")
        self._drive(start + dt)
        self._state = self._measure()
        return self._state

    def _drive(self, t: float) -> None:
        """Let motors and pushes act as they do at time t [s]."""
        self._motor_torque = self._motors.torque(t)
        self._data.qfrc_applied[self._dof] = self._motor_torque + self.external_torque()

    def _measure(self) -> ArmState:
        def noisy(value: Array, kind: str) -> Array:
            return value + self._noise[kind] * self._rng.normal(size=self.nv)

        tau = self._motor_torque
        if self._braked.any():
            load = self.nle(self._data.qpos[self._dof], self._data.qvel[self._dof])
            tau = np.where(self._braked, load, tau)
        return ArmState(
            t=self._data.time,
            q=noisy(self._data.qpos[self._dof], "position_noise"),
            v=noisy(self._data.qvel[self._dof], "velocity_noise"),
            tau=noisy(tau, "torque_noise"),
            saturated=self._motors.saturated,
        )

    def energy(self) -> float:
        """Return kinetic plus potential energy [J] of the arm as it moves now."""
        self._place(self._data.qpos[self._dof], self._data.qvel[self._dof])
        mujoco.mj_energyPos(self._model, self._query)
        mujoco.mj_energyVel(self._model, self._query)
        return float(self._query.energy.sum())

    def M(self, q: Array) -> Array:
        """Return the joint-space inertia matrix [kg m^2] (n, n), armature included."""
        self._place(q)
        full = np.zeros((self.nv, self.nv))
        mujoco.mj_fullM(self._model, self._query, full)
        inertia: Array = full[np.ix_(self._dof, self._dof)]
        return inertia

    def nle(self, q: Array, v: Array) -> Array:
        """Return Coriolis, centrifugal and gravity torque [N m] (n,)."""
        self._place(q, v)
        torque: Array = self._query.qfrc_bias[self._dof]
        return torque

    def rnea(self, q: Array, v: Array, a: Array) -> Array:
        """Return inverse dynamics without friction [N m] (n,), by MuJoCo's own recursion."""
        self._place(q, v)
        self._query.qacc[self._dof] = a
        tau = np.zeros(self.nv)
        mujoco.mj_rne(self._model, self._query, 1, tau)
        torque: Array = (tau + self._model.dof_armature * self._query.qacc)[self._dof]
        return torque

    def forward_kinematics(self, q: Array) -> Array:
        """Return T_world_tool [m] (4, 4)."""
        self._place(q)
        pose = np.eye(4)
        pose[:3, :3] = self._query.site_xmat[self._tool_site].reshape(3, 3)
        pose[:3, 3] = self._query.site_xpos[self._tool_site]
        return pose

    def _place(self, q: Array, v: Array | float = 0.0) -> None:
        """Put the query data, not the moving arm, at (q, v)."""
        self._query.qpos[self._dof], self._query.qvel[self._dof] = q, v
        mujoco.mj_fwdPosition(self._model, self._query)
        mujoco.mj_fwdVelocity(self._model, self._query)


def compiled(
    description: RobotDescription, perturbation: Perturbation
) -> tuple[mujoco.MjModel, int]:
    """Return the model of the perturbed arm, the site of its tool."""
    arm = description
    spec = mujoco.MjSpec.from_string(mjcf_text(arm.model, arm.name, arm.limits, arm.gravity))
    spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_CONTACT
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    # On divergence MuJoCo would silently start again from its initial state.
    spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_AUTORESET
    site = spec.site(description.tool)
    if site is None:
        raise RobotError(
            f"there is no frame {description.tool!r} for the tool: name a site, body or link"
        )
    site.parent.add_body(  # also where there is no payload yet
        name=PAYLOAD,
        pos=site.pos,
        mass=perturbation.payload,
        ipos=(0.0, 0.0, 0.0),
        inertia=(0.0, 0.0, 0.0),
        explicitinertial=True,
    )
    try:
        model = spec.compile()
    except ValueError as error:
        raise RobotError(f"MuJoCo cannot simulate {description.path}: {error}") from None
    joints, n = [model.joint(name) for name in description.names], description.nv
    dof = columns(model, description.names)
    scales = perturbation.per_joint("mass_scale", n)
    for joint, scale in zip(joints, scales, strict=True):
        link = model.body_weldid == model.jnt_bodyid[joint.id]
        link[model.body(PAYLOAD).id] = False
        model.body_mass[link] *= scale
        model.body_inertia[link] *= scale
    for own, drawn in ((model.dof_damping, "viscous"), (model.dof_frictionloss, "coulomb")):
        friction = perturbation.per_joint(drawn, n)
        own[dof] = np.where(friction > 0.0, friction, own[dof])  # in place of the file's
    model.dof_solref[:] = model.jnt_solref[:] = _SOLREF
    model.dof_solimp[:] = model.jnt_solimp[:] = _SOLIMP
    mujoco.mj_setConst(model, mujoco.MjData(model))
    return model, int(model.site(description.tool).id)


def columns(model: mujoco.MjModel, names: tuple[str, ...]) -> NDArray[np.intp]:
    """Return where the velocities of the named joints stand in MuJoCo's arrays, (n,)."""
    return np.array([model.joint(name).dofadr[0] for name in names], dtype=np.intp)
