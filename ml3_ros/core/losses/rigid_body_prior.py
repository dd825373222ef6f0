# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A network of an arm's rigid-body dynamics that is linear in what may differ from arm to arm.

Inverse dynamics is linear in the masses: tau = sum_k c_k tau_k(q, v, a) with tau_0 the nominal arm
(c_0 = 1), tau_k the change per share of link k's mass, and the last one that per kg of payload.
The network is trained once on a rigid-body library; whoever uses it needs no library.
"""

import torch
from torch import Tensor

from ml3_ros.core.checks import MAX_JOINTS
from ml3_ros.core.draws import Source
from ml3_ros.core.networks import FunctionalModule, Mlp
from ml3_ros.core.types import Params
from ml3_ros.errors import ConfigError


class RigidBodyPrior(FunctionalModule):
    """M_k(q), gravity and Coriolis torques of every term k, in the units of the arm.

    M_k is symmetric in SI units; the Coriolis torque is quadratic in the velocity, as it must be.
    Angles are in rad; velocities, accelerations and torques in units of the arm's typical ones, so
    that M_k in these units is diag(1/power) P_k diag(power) with a symmetric P_k.

    Args:
        power: Square root of each joint's unit of torque times its unit of acceleration (n,).
        n_terms: Number K of terms, the nominal arm first.
        hidden: Widths of the hidden layers (tanh).
        with_nle: Whether the network knows gravity and Coriolis torques, or M alone.
    """

    def __init__(
        self,
        power: tuple[float, ...],
        n_terms: int,
        *,
        hidden: tuple[int, ...] = (192, 192),
        with_nle: bool = True,
    ) -> None:
        super().__init__()
        n = len(power)
        if not 0 < n <= MAX_JOINTS:
            raise ConfigError(f"a physics prior is for 1 to {MAX_JOINTS} joints, not for {n}")
        self.power = power
        self.n_joints, self.n_terms, self.with_nle = n, n_terms, with_nle
        pairs = n * (n + 1) // 2
        self.sizes = [pairs, n, n * pairs] if with_nle else [pairs]  # M, gravity, Coriolis
        with torch.device("cpu"):  # few numbers, needed also where weights are nothing but shapes
            self._ratio = torch.tensor(power) / torch.tensor(power).unsqueeze(-1)
            self._first, self._second = torch.tril_indices(2 * n, 2 * n)
            rows, columns = torch.tril_indices(n, n)
            index = torch.zeros(n, n, dtype=torch.int64)
            index[rows, columns] = index[columns, rows] = torch.arange(pairs)
        self._entry = index.flatten()  # which of the pairs each entry of a symmetric matrix is
        self.rows, self.columns = rows, columns
        n_features = 2 * n + len(self._first)
        self.net = Mlp((n_features, *hidden, n_terms * sum(self.sizes)))

    def init(self, generator: Source, lead: tuple[int, ...] = ()) -> Params:
        """Return fresh parameters."""
        return self.net.init(generator, lead)

    def parts(self, params: Params, q: Tensor) -> list[Tensor]:
        """Return the network's outputs at positions q [rad] (*lead, B, n), for every term.

        The entries of P_k (*lead, B, K, pairs); and, with `with_nle`, gravity (*lead, B, K, n) and
        the Coriolis torque of every product v_i v_j, i >= j (*lead, B, K, n pairs).
        """
        angles = torch.cat([q.sin(), q.cos()], dim=-1)
        # rigid-body dynamics is made of products of sines and cosines: a first factor for free
        products = angles[..., self._first] * angles[..., self._second]
        entries = self.net.call(params, torch.cat([angles, products], dim=-1))
        rows = entries.reshape((*entries.shape[:-1], self.n_terms, sum(self.sizes)))
        return list(torch.split(rows, self.sizes, dim=-1))

    def terms(self, params: Params, q: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Return M (*lead, B, K, n, n) and F (*lead, B, K, n) of every term.

        Args:
            params: Parameters of the network.
            q: Joint positions [rad], (*lead, B, n).
            v: Joint velocities in the arm's units, (*lead, B, n); without `with_nle` F is zero.
        """
        n = self.n_joints
        parts = self.parts(params, q)
        inertia = parts[0][..., self._entry].reshape((*parts[0].shape[:-1], n, n)) * self._ratio
        if not self.with_nle:
            return inertia, inertia.new_zeros(inertia.shape[:-1])
        products = self.products(v)[..., None, :, None]
        coriolis = parts[2].reshape((*parts[1].shape, -1)) @ products
        return inertia, parts[1] + coriolis.squeeze(-1)

    def products(self, v: Tensor) -> Tensor:
        """Return v_i v_j, i >= j (*lead, B, pairs)."""
        return v[..., self.rows] * v[..., self.columns]
