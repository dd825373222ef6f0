# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Symbolic distillation: a formula of few terms that weighs errors as a learned loss does.

Terms are chosen one by one, each the one that explains most of what the others leave (orthogonal
matching pursuit, with sparse least squares for the coefficients).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import combinations

import torch
from torch import Tensor

from ml3_ros.core.losses.formulas.formula_loss import FormulaLoss
from ml3_ros.core.losses.formulas.terms import AGE, FUNCTIONS, SIZE
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.losses.meta_losses import StructuredLoss
from ml3_ros.core.types import Batch
from ml3_ros.errors import ConfigError

MOST_CROSSED = 6  # elements of which pairs are multiplied; of more there are too many pairs
AGES = 24  # that samples are drawn at
NEGLIGIBLE = 1e-10  # share of a candidate that is left when the others say the same


@dataclass(frozen=True, kw_only=True, slots=True)
class DistillConfig:
    """How a formula is looked for.

    Attributes:
        terms: Most terms of the formula, a constant among them.
        reach: Inputs are drawn uniformly from +- this many of their scales.
        gain: A term that explains less than this share of the variance is left out.
        samples: Drawn of the inputs, at each of several ages.
        seed: Of the draws.
    """

    terms: int = 10
    reach: float = 3.0
    gain: float = 1e-3
    samples: int = 512
    seed: int = 0

    def __post_init__(self) -> None:
        if not (self.terms >= 1 and self.samples >= 16):
            raise ConfigError("terms must be >= 1, samples >= 16")
        if not (0.0 < self.reach <= 1e6 and 0.0 <= self.gain < 1.0):
            raise ConfigError("reach must be > 0, and gain from 0 to below 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class Distilled:
    """A formula, and how well it says what the loss says.

    Attributes:
        loss: The formula as a loss, with the update rule and the learned steps of the other one.
        lines: The logarithm of the weight of each output, to be read.
        explained: Share of the variance of the logarithm of weights, on draws not fitted to [-].
        rms: Of what is left, likewise: weights are off by about this share [-].
    """

    loss: LearnedLoss
    lines: tuple[str, ...]
    explained: float
    rms: float


def distill(loss: LearnedLoss, config: DistillConfig) -> Distilled:
    """Return the formula that a structured loss is distilled to.

    Raises:
        ConfigError: The loss is no structured one, or its weights see more than single samples.
    """
    network = _structured(loss)
    oldest = max(network.knots[-1], 1.0) if network.knots else 1.0
    candidates = _candidates(network)
    generator = torch.Generator().manual_seed(config.seed)

    def fresh(terms: tuple[str, ...]) -> FormulaLoss:
        return FormulaLoss(
            network.n_outputs,
            network.context_sizes,
            terms=terms,
            bound=network.bound,
            normalised=network.normalised,
            oldest=oldest,
        )

    drawn = [_draw(network, loss, oldest, config, generator) for _ in range(2)]
    library = fresh(candidates)
    (features, target, trust), held_out = (
        (_values(library, each), each.log_weight, each.trust) for each in drawn
    )
    root = trust.sqrt()
    columns = features.unsqueeze(0) * root.T.unsqueeze(-1)  # (k, N, terms)
    chosen = _chosen(columns, (target * root).T, config)
    terms = tuple(candidates[i] for i in chosen)
    solved = torch.linalg.lstsq(columns[..., chosen], (target * root).T.unsqueeze(-1)).solution
    coefficients = solved.squeeze(-1)
    explained, rms = _quality(held_out[0][:, chosen] @ coefficients.T, *held_out[1:])
    learned = {k: p for k, p in loss.phi.items() if not k.startswith("net.")}
    spec = replace(
        loss.spec,
        architecture="formula",
        options={
            "terms": terms,
            "bound": network.bound,
            "normalised": network.normalised,
            "oldest": oldest,
        },
    )
    phi = learned | {"coefficients": coefficients.float()}
    provenance = loss.provenance | {"distilled_from": loss.sha256()}
    return Distilled(
        loss=LearnedLoss(spec=spec, phi=phi, provenance=provenance),
        lines=tuple(fresh(terms).written(phi)),
        explained=explained,
        rms=rms,
    )


def _structured(loss: LearnedLoss) -> StructuredLoss:
    network = loss.spec.network()
    if type(network) is not StructuredLoss:
        raise ConfigError(
            f"a loss {loss.spec.architecture!r} cannot be distilled: only 'structured' ones can, "
            "whose weights are a function of what they see"
        )
    if network.error_statistics:
        raise ConfigError(
            "the weights of this loss see the errors of a whole batch (error_statistics), and no "
            "term does: distill one that was trained without"
        )
    return network


def _candidates(network: StructuredLoss) -> tuple[str, ...]:
    """Return every term that may be chosen, the constant first."""
    sizes = network.context_sizes
    elements = [
        name if size == 1 else f"{name}[{i}]" for name, size in sizes.items() for i in range(size)
    ]
    plain = [f"{function}({x})" if function else x for x in elements for function in FUNCTIONS]
    plain += [f"{SIZE}({name})" for name, size in sizes.items() if size > 1]
    if len(elements) <= MOST_CROSSED:
        plain += [f"{a}*{b}" for a, b in combinations(elements, 2)]
    if not network.knots:
        return ("1", *plain)
    ages = [AGE, f"square({AGE})", f"log({AGE})"]
    return ("1", *ages, *plain, *(f"{age}*{x}" for age in ages for x in plain))


@dataclass(frozen=True, slots=True)
class _Draw:
    """Inputs at several ages, and the logarithm of the weights there, rows by age and sample."""

    context: Batch  # (AGES, samples, n)
    count: Tensor  # (AGES,)
    log_weight: Tensor  # (N, k), double
    trust: Tensor  # (N, k), how much a change of it changes the bounded one


def _draw(
    network: StructuredLoss,
    loss: LearnedLoss,
    oldest: float,
    config: DistillConfig,
    generator: torch.Generator,
) -> _Draw:
    lead = (AGES if network.knots else 1, config.samples)
    context = {
        name: config.reach * (2.0 * torch.rand(*lead, size, generator=generator) - 1.0)
        for name, size in network.context_sizes.items()
    }
    count = (torch.linspace(0.0, 1.0, lead[0]) * math.log1p(oldest)).expm1()
    error = torch.zeros(*lead, network.n_outputs)
    with torch.no_grad():
        log_weight = network.log_weight(loss.phi, context, error, count).double()
    if network.normalised:
        log_weight = log_weight - log_weight.mean((-2, -1), keepdim=True)
    log_weight = log_weight.flatten(0, 1)
    trust = 1.0 - (log_weight / network.bound).tanh().square()
    return _Draw(context, count, log_weight, trust)


def _values(library: FormulaLoss, drawn: _Draw) -> Tensor:
    """Return every candidate (N, terms) where weights were drawn."""
    like = torch.ones(*next(iter(drawn.context.values())).shape[:-1], 1)
    return library.values(drawn.context, drawn.count, like).flatten(0, 1).double()


def _chosen(columns: Tensor, target: Tensor, config: DistillConfig) -> list[int]:
    """Return the numbers of the terms, the constant first, then those that explain most.

    Args:
        columns: Candidates (k, N, terms), the constant first.
        target: What is explained (k, N).
        config: When to stop.
    """
    left, rest = columns.clone(), target.clone()
    size = left.square().sum(1)
    chosen: list[int] = []
    total = float("inf")
    best = 0
    while True:
        chosen.append(best)
        direction = left[..., best] / left[..., best].norm(dim=1, keepdim=True)
        rest = rest - direction * (direction * rest).sum(1, keepdim=True)
        left = left - direction.unsqueeze(-1) * (direction.unsqueeze(1) @ left)
        if len(chosen) == 1:
            total = float(rest.square().sum())
        if len(chosen) == config.terms:
            return chosen
        length = left.square().sum(1)
        known = length < NEGLIGIBLE * size
        gains = (rest.unsqueeze(1) @ left).squeeze(1).square() / length.clamp_min(1e-300)
        gain = torch.where(known, 0.0, gains).sum(0)
        best = int(gain.argmax())
        if not float(gain[best]) > config.gain * total:
            return chosen


def _quality(found: Tensor, target: Tensor, trust: Tensor) -> tuple[float, float]:
    """Return the explained share of variance and what is left, (N, k), by trust."""
    mean = (trust * target).sum(0) / trust.sum(0)
    left = float((trust * (found - target).square()).sum())
    total = float((trust * (target - mean).square()).sum())
    rms = math.sqrt(left / float(trust.sum()))
    return 1.0 - left / max(total, 1e-300), rms
