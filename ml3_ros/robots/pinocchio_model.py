# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Rigid-body model of an arm on Pinocchio: M(q), inverse dynamics, tool pose, regressor."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pinocchio

from ml3_ros.errors import RobotError
from ml3_ros.robots.base import Array, RobotDescription, joint_array
from ml3_ros.robots.perturbation import Perturbation

LEAST_MASS = 1e-3  # of a link whose parameters are set [kg]
_DRIFT_STEP = 1e-5  # of the differences that give the change of momentum [s]
_NOMINAL = Perturbation()


class PinocchioModel:
    """Rigid-body dynamics M(q) a + nle(q, v) = tau of an arm, as described or perturbed.

    Friction, noise and delay of the perturbation are no part of it. All methods take one state
    (n,) or a batch (B, n). One instance holds one work space: use one per thread.
    """

    def __init__(
        self, description: RobotDescription, perturbation: Perturbation = _NOMINAL
    ) -> None:
        """Copy the arm's model and change its masses."""
        self.description = description
        self.names = description.names
        self.limits = description.limits
        self.nq, self.nv = description.nq, description.nv
        self._model = description.model.copy()
        self._model.gravity.linear = description.gravity
        self._tool = tool_frame(self._model, description.tool)
        self._perturb(perturbation)
        self._data = self._model.createData()
        self._armature = np.array(self._model.armature)

    def _perturb(self, perturbation: Perturbation) -> None:
        for i, scale in enumerate(perturbation.per_joint("mass_scale", self.nv), start=1):
            # set one by one: the constructor rejects inertias that rounding made no body's
            link = self._model.inertias[i]
            link.mass, link.inertia = link.mass * scale, link.inertia * scale
        if perturbation.payload > 0.0:
            frame = self._model.frames[self._tool]
            point = pinocchio.Inertia(
                perturbation.payload, frame.placement.translation, np.zeros((3, 3))
            )
            self._model.inertias[frame.parentJoint] = (
                self._model.inertias[frame.parentJoint] + point
            )

    def M(self, q: Array) -> Array:
        """Return the joint-space inertia matrix [kg m^2], with armature: (n, n), or (B, n, n)."""
        return self._each(
            (self.nv, self.nv), lambda q: pinocchio.crba(self._model, self._data, q), q=q
        )

    def nle(self, q: Array, v: Array) -> Array:
        """Return Coriolis, centrifugal and gravity torque [N m]: (n,), or (B, n)."""
        return self._each(
            (self.nv,),
            lambda q, v: pinocchio.nonLinearEffects(self._model, self._data, q, v),
            q=q,
            v=v,
        )

    def momentum(self, q: Array, v: Array) -> Array:
        """Return M(q) v [N m s]: (n,), or (B, n); also for parameters that no body has.

        Those of a fit may make composite bodies of negative mass, which `M` cannot sum up.
        """
        still = np.zeros_like(v)
        return np.asarray(self.rnea(q, still, v) - self.rnea(q, still, still))

    def momentum_drift(self, q: Array, v: Array) -> Array:
        """Return C(q, v)^T v - g(q) [N m]: how M v changes without torque; (n,), or (B, n).

        By central differences of the momentum along the motion, less C v + g.
        """
        step = _DRIFT_STEP * np.asarray(v)
        change = self.momentum(q + step, v) - self.momentum(q - step, v)
        return np.asarray(change / (2.0 * _DRIFT_STEP) - self.rnea(q, v, np.zeros_like(v)))

    def gravity_gradient(self, q: Array) -> Array:
        """Return the change of the gravity torque with q [N m/rad]: (n, n), or (B, n, n)."""
        return self._each(
            (self.nv, self.nv),
            lambda q: pinocchio.computeGeneralizedGravityDerivatives(self._model, self._data, q),
            q=q,
        )

    def rnea(self, q: Array, v: Array, a: Array) -> Array:
        """Return inverse dynamics M(q) a + nle(q, v) [N m], armature included: (n,), or (B, n)."""
        return self._each(
            (self.nv,),
            lambda q, v, a: pinocchio.rnea(self._model, self._data, q, v, a),
            q=q,
            v=v,
            a=a,
        )

    @property
    def tool_position(self) -> Array:
        """Where the tool is, in the frame of the joint that moves it [m], (3,)."""
        return np.array(self._model.frames[self._tool].placement.translation)

    def forward_kinematics(self, q: Array) -> Array:
        """Return T_world_tool [m]: (4, 4), or (B, 4, 4)."""
        return self._each((4, 4), self._tool_pose, q=q)

    def _tool_pose(self, q: Array) -> Array:
        pinocchio.framesForwardKinematics(self._model, self._data, q)
        pose: Array = self._data.oMf[self._tool].homogeneous
        return pose

    def payload_torque(self, q: Array, v: Array, a: Array) -> Array:
        """Return what a point mass of 1 kg at the tool adds to rnea [N m/kg]: (n,), or (B, n).

        J^T (acceleration - gravity), with the tool's linear Jacobian J (3, n) in the world frame.
        """
        return self._each((self.nv,), self._payload_torque, q=q, v=v, a=a)

    def _payload_torque(self, q: Array, v: Array, a: Array) -> Array:
        world = pinocchio.LOCAL_WORLD_ALIGNED
        pinocchio.forwardKinematics(self._model, self._data, q, v, a)
        J = pinocchio.computeFrameJacobian(self._model, self._data, q, self._tool, world)
        pinocchio.updateFramePlacement(self._model, self._data, self._tool)
        motion = pinocchio.getFrameClassicalAcceleration(
            self._model, self._data, self._tool, world
        )
        torque: Array = self._linear(J).T @ (motion.linear - self._model.gravity.linear)
        return torque

    def _linear(self, J: Array) -> Array:
        """Return the upper half (3, n) of a Jacobian (6, n), which comes flat for one joint."""
        return np.asarray(J.reshape(6, self.nv)[:3])

    def point_jacobian(self, q: Array, link: int, point: Array) -> Array:
        """Return J(q), the velocity of a point of a link is J v: (3, n), or (B, 3, n).

        J^T f is the joint torque [N m] of a force f [N] that acts there; both in the world frame.

        Args:
            q: Joint positions [rad], (n,) or (B, n).
            link: Which link: that of joint number `link`, from 0.
            point: Where on the link, in the frame of its joint [m], (3,).
        """
        return self._each((3, self.nv), lambda q: self._point_jacobian(q, link + 1, point), q=q)

    def _point_jacobian(self, q: Array, joint: int, point: Array) -> Array:
        world = pinocchio.LOCAL_WORLD_ALIGNED
        pinocchio.computeJointJacobians(self._model, self._data, q)
        J = pinocchio.getJointJacobian(self._model, self._data, joint, world)
        arm = self._data.oMi[joint].rotation @ point
        turning = J.reshape(6, self.nv)[3:]
        moved: Array = self._linear(J) - pinocchio.skew(arm) @ turning
        return moved

    def regressor(self, q: Array, v: Array, a: Array) -> Array:
        """Return Y(q, v, a) with Y @ inertial_parameters() = rnea(q, v, a): (n, p), or (B, n, p).

        p = 10 n: ten inertial parameters a link. An arm with armature has n more columns, diag(a),
        because rotor inertia cannot be expressed by the links'.
        """
        p = self.inertial_parameters().size
        return self._each((self.nv, p), self._regressor, q=q, v=v, a=a)

    def _regressor(self, q: Array, v: Array, a: Array) -> Array:
        links = pinocchio.computeJointTorqueRegressor(self._model, self._data, q, v, a)
        links = np.reshape(links, (self.nv, -1))  # of one joint Pinocchio gives a row without axes
        return np.hstack((links, np.diag(a))) if self._armature.any() else links

    def inertial_parameters(self) -> Array:
        """Return the parameters (p,) that belong to `regressor`.

        For each link m, m c (3), then Ixx Ixy Iyy Ixz Iyz Izz about the joint's origin [kg, kg m,
        kg m^2]; after all links the armature (n,) [kg m^2] if there is any.
        """
        links = [inertia.toDynamicParameters() for inertia in self._model.inertias.tolist()[1:]]
        return np.concatenate([*links, self._armature] if self._armature.any() else links)

    def set_inertial_parameters(self, parameters: Array) -> None:
        """Change the links to parameters (p,), in the order of `inertial_parameters`.

        A fit may give links that no body has, also masses about zero: these are set to
        LEAST_MASS, as the centre of mass is a quotient by the mass. Armature stays where there is
        none.

        Raises:
            RobotError: Wrong length, or not finite.
        """
        parameters = joint_array(parameters, self.inertial_parameters().size, "parameters")
        for i, link in enumerate(parameters[: 10 * self.nv].reshape(self.nv, 10), start=1):
            link[0] = np.copysign(max(abs(link[0]), LEAST_MASS), link[0])
            self._model.inertias[i] = pinocchio.Inertia.FromDynamicParameters(link)
        if self._armature.any():
            self._model.armature = parameters[10 * self.nv :]
            self._armature = parameters[10 * self.nv :]
        self._data = self._model.createData()

    def _each(
        self, shape: tuple[int, ...], function: Callable[..., Array], **vectors: Array
    ) -> Array:
        """Return `function` of one state, or of every row of a batch stacked; one is `shape`."""
        rows = {name: np.ascontiguousarray(x, dtype=np.float64) for name, x in vectors.items()}
        batch = rows["q"].shape[:-1]
        for name, x in rows.items():
            if x.shape != (*batch, self.nv) or len(batch) > 1:
                raise RobotError(
                    f"{name} has shape {x.shape}: give ({self.nv},) or (B, {self.nv}), all alike"
                )
        if not batch:
            return np.reshape(function(*rows.values()), shape)
        out = np.empty((*batch, *shape))
        for i, row in enumerate(zip(*rows.values(), strict=True)):
            out[i] = np.reshape(function(*row), shape)
        return out


def tool_frame(model: pinocchio.Model, name: str) -> int:
    """Return the index of the frame `name`; a site comes before a body of that name."""
    for kind in (pinocchio.FrameType.OP_FRAME, pinocchio.FrameType.BODY):
        if model.existFrame(name, kind):
            return int(model.getFrameId(name, kind))
    raise RobotError(
        f"there is no frame {name!r} for the tool: name a site, body or link of the file"
    )
