# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A meta-loss with a physics prior: it identifies the arm, and pulls the model towards it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ml3_ros.core.checks import LARGEST, MAX_JOINTS, SMALLEST, check_numbers
from ml3_ros.core.draws import Source
from ml3_ros.core.losses.loss_input import LossInput
from ml3_ros.core.losses.meta_losses import ERROR_FLOOR, StructuredLoss
from ml3_ros.core.losses.rigid_body_prior import RigidBodyPrior
from ml3_ros.core.networks import Mlp
from ml3_ros.core.schedules import hat_features
from ml3_ros.core.types import Batch, Params, scoped
from ml3_ros.errors import ConfigError

PRIOR = "prior"  # scope of the prior's own parameters within phi
NOISE = 0.1  # of measured torques, in the arm's units: how much a batch is trusted
FRICTION_SPREAD = 0.5  # of each joint's friction terms, in the arm's units
STICTION_VELOCITY = 0.1  # rad/s over which dry friction turns round
AROUND = 0.3  # rad around visited positions at which the model is pulled to the prior, too
TABLE = 64  # displacements that are drawn once
SMALLEST_SPREAD, LARGEST_SPREAD = 1e-6, 1e6
MAX_SPREADS = MAX_JOINTS + 1  # masses and a payload; each term costs a matrix for every state
JOINT_INPUTS = ("q", "v", "a")  # the motion of the arm, of every joint


@dataclass(frozen=True, slots=True)
class Belief:
    """What a batch reveals of the arm: coefficients of the prior's terms, and of friction.

    Attributes:
        terms: c (*lead, K), the nominal arm's first: 1.
        friction: Viscous and dry friction of every joint (*lead, 2, n), in the arm's units.
    """

    terms: Tensor
    friction: Tensor


@dataclass(frozen=True, kw_only=True, slots=True)
class TaughtPrior:
    """A prior network, what it was taught, and how well.

    Attributes:
        network: The structure.
        params: Its parameters.
        options: Those of the `PriorLoss` that belong to it.
        error: Relative error for the nominal arm at positions never seen: of M, and, where it is
            taught, of gravity and Coriolis torques.
    """

    network: RigidBodyPrior
    params: Params
    options: dict[str, Any]
    error: tuple[float, ...]

    @property
    def constants(self) -> Params:
        """The parameters under their names within phi."""
        return {f"{PRIOR}.{k}": p for k, p in self.params.items()}


class PriorLoss(StructuredLoss):
    """A `StructuredLoss` that also pulls M_theta and F_theta towards a physics prior.

    From the batch it estimates, by ridge regression, which arm of the prior's kind this is: its
    masses, payload and friction. Then it adds

        sum_rows lambda_r ||M_theta(q) - M*(q)||_r^2 (+ mu_r ||F_theta(q, v) - F*(q, v)||_r^2)

    at the visited positions and around them. How strongly, the gates lambda, mu > 0 decide: a
    learned network of the model's age, of how well the prior explains the batch, and of how well
    the model does. The prior itself (phi "prior.*") is not learned with the loss; it is trained on
    a rigid-body library before. Needs a model with `scaled_inertia` and, with `with_nle`,
    `scaled_nle`.

    Args:
        n_outputs: Number n of joints.
        context_sizes: Names and sizes of the further observed inputs; "q" and "v" among them.
        spread: Standard deviation of each term's coefficient over the arms of the kind (K - 1,).
        velocity: Unit of the velocity [rad/s] (n,).
        power: See `RigidBodyPrior`, (n,).
        prior_hidden: Widths of the prior network's hidden layers.
        with_nle: Whether F is learned by the model and known to the prior.
        knots: Ages between which gates and weights may change.
        **options: Of the `StructuredLoss`.
    """

    def __init__(
        self,
        n_outputs: int,
        context_sizes: Mapping[str, int],
        *,
        spread: tuple[float, ...],
        velocity: tuple[float, ...],
        power: tuple[float, ...],
        prior_hidden: tuple[int, ...] = (192, 192),
        with_nle: bool = True,
        knots: tuple[float, ...] = (0.0, 3.0, 10.0, 30.0, 100.0),
        **options: Any,
    ) -> None:
        n = n_outputs
        sizes = {k: context_sizes.get(k, 0) for k in JOINT_INPUTS}
        if set(sizes.values()) != {n}:
            raise ConfigError(
                f"a physics prior of {n} joints needs {', '.join(JOINT_INPUTS)} of every joint, "
                f"got {sizes}"
            )
        check_numbers("spread", spread, SMALLEST_SPREAD, LARGEST_SPREAD)
        if len(spread) > MAX_SPREADS:
            raise ConfigError(f"spread has {len(spread)} values, more than {MAX_SPREADS}")
        check_numbers("velocity", velocity, SMALLEST, LARGEST, n)
        check_numbers("power", power, SMALLEST, LARGEST, n)
        weighted = {k: size for k, size in context_sizes.items() if k != "q"}
        super().__init__(n_outputs, weighted, knots=knots, **options)
        self.prior = RigidBodyPrior(power, len(spread) + 1, hidden=prior_hidden, with_nle=with_nle)
        n_gates = (2 if with_nle else 1) * n
        self.gate_net = Mlp(
            (len(knots) + 2 * (n + 1), 40, n_gates), activation="elu", output_scale=0.0
        )
        friction = [FRICTION_SPREAD] * (2 * n if with_nle else 0)
        draw = torch.Generator().manual_seed(0)
        with torch.device("cpu"):  # as in `RigidBodyPrior`
            self._precision = (NOISE / torch.tensor([*spread, *friction])).square()
            self._velocity = torch.tensor(velocity)
            self._around = AROUND * torch.randn(TABLE, n, generator=draw)
            self._speeds = torch.randn(TABLE, n, generator=draw)

    @property
    def constant(self) -> str:
        """Scope of the parameters that are given, not meta-trained."""
        return PRIOR

    def init(self, generator: Source, lead: tuple[int, ...] = ()) -> Params:
        """Return fresh phi; gates start at 1. The prior has no leading dimensions."""
        phi = super().init(generator, lead)
        phi |= {f"gate_net.{k}": p for k, p in self.gate_net.init(generator, lead).items()}
        return phi | {f"{PRIOR}.{k}": p for k, p in self.prior.init(generator).items()}

    def evaluate(self, phi: Params, inputs: LossInput) -> Tensor:
        """Return the value (*lead,), with the model's pull towards the prior; see `MetaLoss`."""
        return super().evaluate(phi, inputs) + self._pull(phi, inputs)

    def _pull(self, phi: Params, inputs: LossInput) -> Tensor:
        q, v = inputs.context["q"], inputs.context["v"]
        with torch.no_grad():
            visited = self.prior.terms(scoped(phi, PRIOR), q, v)
            belief, residual = self.identify(phi, inputs.target, inputs.context, visited)
            rows = torch.arange(q.shape[-2], device=q.device) % TABLE
            near, speed = q + self._around[rows], self._speeds[rows].expand(v.shape)
            pairs = zip(visited, self.prior.terms(scoped(phi, PRIOR), near, speed), strict=True)
            q, v = torch.cat([q, near], dim=-2), torch.cat([v, speed], dim=-2)
            # one network call for each half: the visited states serve both purposes
            dims = (-4, -3)
            terms = tuple(torch.cat(pair, dim=d) for pair, d in zip(pairs, dims, strict=True))
            inertia, nle = self._mixed(belief, v, *terms)
        error = (inputs.prediction - inputs.target).detach()
        gate = self._gates(phi, inputs.count, residual, error)
        difference = inputs.scaled_inertia(q) - inertia
        mismatch = difference.square().sum(-1).mean(-2)
        if self.prior.with_nle:
            difference = inputs.scaled_nle(q, v * self._velocity) - nle
            mismatch = torch.cat([mismatch, difference.square().mean(-2)], dim=-1)
        pull: Tensor = (gate * mismatch).sum(-1)
        return pull

    def identify(
        self,
        phi: Params,
        target: Tensor,
        batch: Batch,
        terms: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[Belief, Tensor]:
        """Return which arm explains a batch best, and what it leaves unexplained (*lead, B, n).

        `terms` are the prior's at the states of the batch, if they are known already.
        """
        v, a = batch["v"], batch["a"]
        inertia, nle = terms or self.prior.terms(scoped(phi, PRIOR), batch["q"], v)
        torques = (inertia @ a[..., None, :, None]).squeeze(-1) + nle  # (*lead, B, K, n)
        rest = target - torques[..., 0, :]
        columns = torques[..., 1:, :]
        if self.prior.with_nle:
            columns = torch.cat([columns, self._friction_columns(v)], dim=-2)
        rows = columns.mT.flatten(-3, -2)  # (*lead, B n, p)
        normal = rows.mT @ rows + torch.diag(self._precision)
        solution = torch.linalg.solve(normal, rows.mT @ rest.flatten(-2).unsqueeze(-1)).squeeze(-1)
        unexplained = rest - (columns.mT @ solution[..., None, :, None]).squeeze(-1)
        k = self.prior.n_terms
        weights = torch.cat([torch.ones_like(solution[..., :1]), solution[..., : k - 1]], dim=-1)
        friction = solution[..., k - 1 :].unflatten(-1, (-1, self.n_outputs))
        return Belief(weights, friction), unexplained

    def believed(self, phi: Params, belief: Belief, q: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Return M* (*lead, B, n, n) and F* (*lead, B, n) of the believed arm."""
        return self._mixed(belief, v, *self.prior.terms(scoped(phi, PRIOR), q, v))

    def _mixed(
        self, belief: Belief, v: Tensor, inertia: Tensor, nle: Tensor
    ) -> tuple[Tensor, Tensor]:
        weight = belief.terms[..., None, :, None]
        nle = (weight * nle).sum(-2)
        if self.prior.with_nle:
            viscous, dry = belief.friction.unsqueeze(-2).unbind(-3)
            nle = nle + viscous * v + dry * self._direction(v)
        return (weight.unsqueeze(-1) * inertia).sum(-3), nle

    def _friction_columns(self, v: Tensor) -> Tensor:
        """Return what each friction coefficient adds to each joint's torque (*lead, B, 2n, n)."""
        return torch.cat([torch.diag_embed(v), torch.diag_embed(self._direction(v))], dim=-2)

    def _direction(self, v: Tensor) -> Tensor:
        return torch.tanh(v * self._velocity / STICTION_VELOCITY)

    def _gates(self, phi: Params, count: Tensor, residual: Tensor, error: Tensor) -> Tensor:
        features = [hat_features(count, self.knots)]
        for x in (residual, error):
            mean_square = x.square().mean(-2)
            total = mean_square.mean(-1, keepdim=True)
            features += [0.5 * (s + ERROR_FLOOR).log() for s in (mean_square, total)]
        x = torch.cat([f.expand(*error.shape[:-2], -1) for f in features], dim=-1)
        log_gate = self.gate_net.call(scoped(phi, "gate_net"), x.unsqueeze(-2)).squeeze(-2)
        return (self.bound * (log_gate / self.bound).tanh()).exp()
