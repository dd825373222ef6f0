# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""ALPaCA (Harrison, Sharma and Pavone 2018): Bayesian regression on meta-learned features.

The torque of an `InverseDynamicsNet` with a free matrix M_theta(q) is linear in its last layer W:
u_j = w_j . psi, psi = (h(q), 1) x a, with features h of the layer before. Meta-learned are the
features and a normal prior of w_j, with mean k_j and precision sigma_j^-2 Lambda; on a robot's
samples its posterior has the mean

    (Psi^T Psi + Lambda)^-1 (Psi^T U + Lambda K)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm import trange

from ml3_ros.core.draws import rand
from ml3_ros.core.outer import adam
from ml3_ros.core.types import Batch, Params, scoped
from ml3_ros.errors import ConfigError
from ml3_ros.learners.inverse_dynamics.net import InverseDynamicsNet
from ml3_ros.tasks.inverse_dynamics.family import InverseDynamicsFamily

PRECISION, NOISE = 10.0, 0.1  # of prior and torques at the start, in the network's units
FLOOR = 1e-3  # of the precision: keeps it definite


@dataclass(frozen=True, kw_only=True, slots=True)
class LastLayerConfig:
    """How features and prior are meta-learned.

    Attributes:
        n_outer_steps: Steps of Adam.
        n_tasks: Robots in each.
        most_samples: Of a robot that the posterior is conditioned on: 1 to so many, log-uniform.
        outer_lr: Step size, which falls to zero along a line.
    """

    n_outer_steps: int = 400
    n_tasks: int = 4
    most_samples: int = 500
    outer_lr: float = 3e-3

    def __post_init__(self) -> None:
        for name in ("n_outer_steps", "n_tasks", "most_samples"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be >= 1, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class Moments:
    """What samples (*lead, B) say of the last layer: Psi^T Psi (*lead, D, D), Psi^T U (D, n)."""

    gram: Tensor
    cross: Tensor

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(self.gram + other.gram, self.cross + other.cross)


class BayesianLastLayer:
    """The last layer of a network as a linear model with a meta-learned prior.

    Args:
        net: With `nle="given"` and a "full" inertia.

    Raises:
        ConfigError: Another network, whose torque is not linear in its last layer.
    """

    def __init__(self, net: InverseDynamicsNet) -> None:
        if net.nle_mode != "given" or net.inertia_form != "full":
            raise ConfigError("a Bayesian last layer needs a network of a full M(q), F given")
        self.net, self._last = net, len(net.hidden)
        self.n = net.units.n_joints
        self.size = (net.hidden[-1] + 1) * self.n

    def init(self, seeds: Sequence[int]) -> Params:
        """Return fresh features and prior, (seeds, *shape)."""
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        phi = self.net.init(generators, (len(seeds),))
        hidden = {k: p for k, p in phi.items() if not k.endswith(f"_{self._last}")}
        eye = math.sqrt(PRECISION) * torch.eye(self.size)
        return hidden | {
            "mean": torch.zeros(len(seeds), self.size, self.n),
            "root": eye.repeat(len(seeds), 1, 1),
            "log_noise": torch.full((len(seeds), self.n), math.log(NOISE)),
        }

    def regressor(self, phi: Params, batch: Batch) -> Tensor:
        """Return psi of samples (*lead, B): (*lead, B, D)."""
        x = torch.cat([batch["q"].sin(), batch["q"].cos()], dim=-1)
        layers = scoped(phi, "inertia_net")
        for i in range(self._last):
            bias = layers[f"bias_{i}"].unsqueeze(-2)
            x = self.net.inertia_net.activation(x @ layers[f"weight_{i}"] + bias)
        x = torch.cat([x, torch.ones_like(x[..., :1])], dim=-1)
        a = batch["a"] / torch.tensor(self.net.units.acceleration)
        return (x.unsqueeze(-1) * a.unsqueeze(-2)).flatten(-2)

    def moments(self, phi: Params, batch: Batch, weight: Tensor | None = None) -> Moments:
        """Return what a batch says; `weight` (*lead, B) leaves samples out where it is zero."""
        psi = self.regressor(phi, batch)
        weighted = psi if weight is None else psi * weight.unsqueeze(-1)
        return Moments(weighted.mT @ psi, weighted.mT @ self.target(batch))

    def target(self, batch: Batch) -> Tensor:
        """Return the torque in the network's units (*lead, B, n)."""
        return batch[self.net.target] / torch.tensor(self.net.units.effort)

    def posterior(self, phi: Params, moments: Moments) -> tuple[Tensor, Tensor]:
        """Return the mean of W (*lead, D, n), and the Cholesky factor of its precision (D, D)."""
        root = phi["root"].tril()
        prior = root @ root.mT + FLOOR * torch.eye(self.size)
        factor = torch.linalg.cholesky(moments.gram + prior)
        return torch.cholesky_solve(moments.cross + prior @ phi["mean"], factor), factor

    def theta(self, phi: Params, moments: Moments) -> Params:
        """Return the network whose last layer is the posterior's mean, (*lead, *shape)."""
        mean, _ = self.posterior(phi, moments)
        lead = mean.shape[:-2]
        # rows are (feature, i) of a_i, columns the torques j: an entry of M is (j, i)
        layer = mean.unflatten(-2, (-1, self.n)).mT.flatten(-2)
        hidden = {k: p for k, p in phi.items() if k.startswith("inertia_net.")}
        theta = {k: p.expand(*lead, *p.shape[len(lead) :]) for k, p in hidden.items()}
        theta[f"inertia_net.weight_{self._last}"] = layer[..., :-1, :]
        theta[f"inertia_net.bias_{self._last}"] = layer[..., -1, :]
        return theta

    def surprise(self, phi: Params, moments: Moments, query: Batch) -> Tensor:
        """Return the negative log likelihood of other samples of the robot, (*lead,).

        It lacks a constant.

        Their predictive distribution has variance sigma_j^2 (1 + psi^T (...)^-1 psi).
        """
        mean, factor = self.posterior(phi, moments)
        psi = self.regressor(phi, query)
        error = self.target(query) - psi @ mean
        spread = torch.linalg.solve_triangular(factor, psi.mT, upper=False).square().sum(-2)
        log_variance = 2.0 * phi["log_noise"].unsqueeze(-2) + spread.log1p().unsqueeze(-1)
        likelihood = error.square() * (-log_variance).exp() + log_variance
        return 0.5 * likelihood.mean((-2, -1))


def meta_learn_features(
    family: InverseDynamicsFamily, seeds: Sequence[int], config: LastLayerConfig | None = None
) -> Params:
    """Return features and prior for each seed, with which other samples surprise least.

    Args:
        family: The robots of meta-training.
        seeds: Of the features, robots and samples.
        config: How to train.
    """
    config = config or LastLayerConfig()
    model, n = BayesianLastLayer(family.optimizee), len(seeds)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    phi = model.init(seeds)
    state = adam.init(phi)
    n_support = family.recordings.n_support
    for step in trange(config.n_outer_steps, desc="ALPaCA", leave=False, mininterval=1.0):
        tasks = family.sample(n * config.n_tasks, generators)
        count = config.most_samples ** rand(generators, len(tasks), 1)
        samples = (rand(generators, len(tasks), config.most_samples) * n_support).long()
        kept = (torch.arange(config.most_samples) < count).float()
        context = _by_seed(family.observe(tasks, samples), n)
        query, _ = family.query(tasks, torch.zeros_like(tasks), generators)
        leaves = {k: p.requires_grad_() for k, p in phi.items()}
        shared = {k: p.unsqueeze(1) for k, p in leaves.items()}
        moments = model.moments(shared, context, kept.view(n, config.n_tasks, -1))
        loss = model.surprise(shared, moments, _by_seed(query, n))
        grads = torch.autograd.grad(loss.mean(1).sum(), tuple(leaves.values()))
        phi = {k: p.detach() for k, p in leaves.items()}
        named = dict(zip(phi, grads, strict=True))
        share = 1.0 - step / config.n_outer_steps
        adam.step(phi, named, state, tuple(phi), share * config.outer_lr)
    return phi


def _by_seed(batch: Batch, n: int) -> Batch:
    """Return (seeds tasks, B, k) as (seeds, tasks, B, k)."""
    return {k: x.reshape(n, -1, *x.shape[1:]) for k, x in batch.items()}
