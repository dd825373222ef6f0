# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The optimizee: a network that predicts joint torques, u = M_theta(q) a + F_theta(q, v)."""

from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml3_ros.core.checks import quoted
from ml3_ros.core.draws import Source
from ml3_ros.core.networks import FunctionalModule, Mlp
from ml3_ros.core.types import Batch, Params, scoped
from ml3_ros.errors import ConfigError
from ml3_ros.learners.inverse_dynamics.units import Units

STICTION_VELOCITY = 0.1  # rad/s over which Coulomb friction changes sign, as a feature of F
MIN_CHOLESKY_DIAGONAL = 1e-3  # keeps M_theta(q) positive definite

NleMode = Literal["given", "learned"]
InertiaForm = Literal["full", "cholesky"]

INERTIA_FORMS: dict[str, InertiaForm] = {"reacher": "cholesky"}
"""Form of M_theta by arm; two links share their scales, so a Cholesky factor suits them best."""


class InverseDynamicsNet(FunctionalModule):
    """Predicts torques from joint states (section IV-B.2 and eq. 10 of the paper).

    With `nle="given"`, F(q, v) is known and subtracted from the data, and the network predicts the
    inertial torque M_theta(q) a alone. With `nle="learned"` a second head learns F too (gravity,
    Coriolis, friction), so that no model is needed at all.

    Inside, everything is in the robot's units: a free n x n matrix acts from accelerations in
    units of `units.acceleration` to torques in units of `units.effort` ("full"), or M_theta is
    built from a Cholesky factor and is symmetric positive definite ("cholesky").

    Args:
        units: Scales of the robot's signals.
        nle: Whether F is given or learned.
        inertia: Form of M_theta.
        hidden: Widths of the hidden layers of both heads.
        activation: Nonlinearity between layers: "tanh", "elu" or "relu".
        output_scale: Factor on the output layers' initial weights.
    """

    def __init__(
        self,
        units: Units,
        *,
        nle: NleMode = "learned",
        inertia: InertiaForm = "full",
        hidden: tuple[int, ...] = (64, 64),
        activation: str = "tanh",
        output_scale: float = 0.1,
    ) -> None:
        super().__init__()
        if nle not in get_args(NleMode) or inertia not in get_args(InertiaForm):
            raise ConfigError(
                f"nle {quoted(nle)}, inertia {quoted(inertia)}: choose from {get_args(NleMode)} "
                f"and {get_args(InertiaForm)}"
            )
        self.units, self.nle_mode, self.inertia_form = units, nle, inertia
        self.hidden, self.activation = hidden, activation
        n = units.n_joints
        n_entries = n * n if inertia == "full" else n * (n + 1) // 2
        heads: dict[str, Any] = {"activation": activation, "output_scale": output_scale}
        self.inertia_net = Mlp((2 * n, *hidden, n_entries), **heads)
        with torch.device("cpu"):  # few numbers, needed also where weights are nothing but shapes
            self._velocity_gain = 1.0 / torch.tensor(units.velocity)
            self._acceleration_gain = 1.0 / torch.tensor(units.acceleration)
            self._effort = torch.tensor(units.effort)
            # the matrix between the two units, were M the identity in the units of each joint
            self._root = (self._effort * self._acceleration_gain).sqrt()
            self._rows, self._columns = torch.tril_indices(n, n)
        self._n_last = len(hidden)
        self._scopes = ["inertia_net"] + (["nle_net", "skip"] if nle == "learned" else [])
        if nle == "learned":
            self.nle_net = Mlp((4 * n, *hidden, n), **heads)
            self.skip = Mlp((4 * n, n), output_scale=0.0, output_bias=False)

    @property
    def target(self) -> str:
        """Key of the torque that the network predicts: "tau", or "tau_inertial" = tau - F."""
        return "tau" if self.nle_mode == "learned" else "tau_inertial"

    def init(self, generator: Source, lead: tuple[int, ...] = ()) -> Params:
        """Return fresh parameters; predictions start near zero."""
        return {
            f"{scope}.{k}": p
            for scope in self._scopes
            for k, p in getattr(self, scope).init(generator, lead).items()
        }

    def roles(self) -> dict[str, str]:
        """Return the head and the layer's role, for instance "inertia_net.hidden.weight"."""
        return {
            f"{scope}.{k}": f"{scope}.{role}"
            for scope in self._scopes
            for k, role in getattr(self, scope).roles().items()
        }

    def fan_in(self) -> dict[str, int]:
        """Return the inputs of the weights behind the first layer of each head."""
        return {
            f"{scope}.{k}": n
            for scope in self._scopes
            for k, n in getattr(self, scope).fan_in().items()
        }

    def with_offset(self, theta: Params, tau: Tensor) -> Params:
        """Return theta whose F starts at the torque tau (*lead, n) [N m], from first samples.

        Gravity at the starting pose is most of an arm's torque; begun from zero, its error would
        dominate the first steps.
        """
        if self.nle_mode == "given":
            return theta
        return {**theta, f"nle_net.bias_{self._n_last}": tau / self._effort}

    def call(self, theta: Params, batch: Batch) -> Tensor:
        """Predict the target torque [N m].

        Args:
            theta: Parameters, each (*lead, *shape).
            batch: q [rad], v [rad/s], a [rad/s^2], each (*lead, B, n).

        Returns:
            Torque [N m], (*lead, B, n).
        """
        matrix = self.scaled_inertia(theta, batch["q"])
        a = batch["a"] * self._acceleration_gain
        torque = (matrix @ a.unsqueeze(-1)).squeeze(-1)
        if self.nle_mode == "learned":
            torque = torque + self.scaled_nle(theta, batch["q"], batch["v"])
        return torque * self._effort

    def inertia(self, theta: Params, q: Tensor) -> Tensor:
        """Return M_theta(q) [kg m^2], (*lead, B, n, n), for q (*lead, B, n) [rad]."""
        matrix = self.scaled_inertia(theta, q)
        return self._effort.unsqueeze(-1) * matrix * self._acceleration_gain

    def nle(self, theta: Params, q: Tensor, v: Tensor) -> Tensor:
        """Return F_theta(q, v) [N m], (*lead, B, n); only with nle="learned"."""
        return self.scaled_nle(theta, q, v) * self._effort

    def scale_inertia(self, inertia: Tensor) -> Tensor:
        """Return a matrix [kg m^2] (..., n, n) in the network's units: entries are about 1."""
        return inertia / (self._effort.unsqueeze(-1) * self._acceleration_gain)

    def scaled_inertia(self, theta: Params, q: Tensor) -> Tensor:
        """Return M_theta(q) in the network's units, (*lead, B, n, n), for q [rad]."""
        n = self.units.n_joints
        entries = self.inertia_net.call(
            scoped(theta, "inertia_net"), torch.cat([q.sin(), q.cos()], dim=-1)
        )
        if self.inertia_form == "full":
            return entries.reshape((*entries.shape[:-1], n, n))
        factor = entries.new_zeros(*entries.shape[:-1], n, n)
        factor[..., self._rows, self._columns] = entries
        diagonal = nn.functional.softplus(factor.diagonal(dim1=-2, dim2=-1))
        factor = factor.tril(-1) + torch.diag_embed(diagonal + MIN_CHOLESKY_DIAGONAL)
        ratio = self._root / self._effort
        # diag(1/effort) S L L^T S diag(acceleration), S the square root of effort / acceleration
        return ratio.unsqueeze(-1) * (factor @ factor.mT) * (self._root / self._acceleration_gain)

    def scaled_nle(self, theta: Params, q: Tensor, v: Tensor) -> Tensor:
        """Return F_theta(q, v) in the network's units, (*lead, B, n), for q [rad], v [rad/s]."""
        direction = torch.tanh(v / STICTION_VELOCITY)
        z = torch.cat([q.sin(), q.cos(), v * self._velocity_gain, direction], dim=-1)
        return self.nle_net.call(scoped(theta, "nle_net"), z) + self.skip.call(
            scoped(theta, "skip"), z
        )


Array = NDArray[np.float64]


def as_feedforward(
    net: InverseDynamicsNet, theta: Params
) -> Callable[[Array, Array, Array], Array]:
    """Return a trained network as a function of arrays, as controllers take it.

    Args:
        net: The network.
        theta: Its parameters, without leading dimensions; whoever trains on makes new ones.

    Returns:
        (q [rad], v [rad/s], a [rad/s^2]) -> torque [N m], each (n,), or (T, n).
    """

    def torque(q: Array, v: Array, a: Array) -> Array:
        rows = np.stack([np.atleast_2d(x) for x in (q, v, a)])
        batch = dict(zip("qva", torch.from_numpy(rows.astype(np.float32)), strict=True))
        with torch.no_grad():
            tau = net.call(theta, batch)
        return np.asarray(tau.double().numpy().reshape(q.shape))

    return torque


def net_of(units: Units, robot: str) -> InverseDynamicsNet:
    """Return the network that learns all of an arm's inverse dynamics from its stream."""
    return InverseDynamicsNet(units, inertia=INERTIA_FORMS.get(robot, "full"))
