# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A formula as a meta-loss: the weights of errors are sums of a few terms that people can read.

It is what a structured loss is distilled to. Its coefficients are phi, so it can also be
meta-trained as it is.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from ml3_ros.core.checks import check_number
from ml3_ros.core.draws import Source
from ml3_ros.core.losses.formulas.terms import AGE, parse, written
from ml3_ros.core.losses.loss_input import LossInput
from ml3_ros.core.losses.meta_losses import (
    LARGEST_BOUND,
    SMALLEST_BOUND,
    MetaLoss,
    weighted_errors,
)
from ml3_ros.core.schedules import OLDEST
from ml3_ros.core.types import Batch, Params
from ml3_ros.errors import ConfigError

MAX_TERMS = 1024  # bounds what a description from outside can make us allocate


class FormulaLoss(MetaLoss):
    """A structured loss whose weights are a formula; take it to read what a loss has learned.

    L = mean_b sum_j 2 w_j s_j^2 (sqrt(1 + (e_j / s_j)^2) - 1), log w_j = sum_i c_ji t_i, where
    t_i are the terms. It starts as the squared error: c = 0, s = e^2.

    Args:
        n_outputs: Number k of predicted quantities.
        context_sizes: Names and sizes of the further observed inputs.
        terms: Of the logarithm of the weights, see `terms.parse`.
        bound: Weights stay within e^-bound .. e^bound.
        normalised: Whether the weights of a batch have geometric mean 1.
        oldest: Gradient steps after which weights no longer change.
    """

    def __init__(
        self,
        n_outputs: int,
        context_sizes: Mapping[str, int],
        *,
        terms: tuple[str, ...] = ("1",),
        bound: float = 6.0,
        normalised: bool = False,
        oldest: float = 100.0,
    ) -> None:
        super().__init__(n_outputs, context_sizes)
        check_number("bound", bound, SMALLEST_BOUND, LARGEST_BOUND)
        check_number("oldest", oldest, 1.0, OLDEST)
        if not 1 <= len(terms) <= MAX_TERMS:
            raise ConfigError(f"a formula has 1 to {MAX_TERMS} terms, got {len(terms)}")
        if AGE in self.context_sizes:
            raise ConfigError(f"an input of a formula cannot be called {AGE!r}: that is a term")
        self.terms = tuple(parse(text, self.context_sizes) for text in terms)
        self.bound, self.normalised, self.oldest = bound, normalised, oldest
        self.declare(
            {
                "coefficients": torch.zeros(n_outputs, len(terms)),
                "log_scale": torch.full((n_outputs,), 2.0),
            }
        )

    def init(self, generator: Source, lead: tuple[int, ...] = ()) -> Params:
        """Return fresh phi, at which the loss is the squared error."""
        return {
            "coefficients": torch.zeros(*lead, self.n_outputs, len(self.terms)),
            "log_scale": torch.full((*lead, self.n_outputs), 2.0),
        }

    def evaluate(self, phi: Params, inputs: LossInput) -> Tensor:
        """Return the value (*lead,), see `MetaLoss`."""
        error = inputs.prediction - inputs.target
        values = self.values(inputs.context, inputs.count, error[..., :1])
        log_weight = values @ phi["coefficients"].mT
        return weighted_errors(
            error, log_weight, phi["log_scale"], bound=self.bound, normalised=self.normalised
        )

    def values(self, context: Batch, count: Tensor, like: Tensor) -> Tensor:
        """Return every term (*lead, B, n_terms).

        Args:
            context: Inputs in units of their scales, each (*lead, B, n).
            count: Gradient steps that the model has made (*lead,).
            like: Of the shape (*lead, B, 1).
        """
        age = count.clamp_max(self.oldest).log1p()[..., None, None].expand_as(like)
        inputs, one = {**context, AGE: age}, torch.ones_like(like)
        return torch.cat([term.value(inputs, one) for term in self.terms], -1)

    def written(self, phi: Params) -> list[str]:
        """Return the formula of each weight, with three digits."""
        lines = []
        for output, row in enumerate(phi["coefficients"].tolist()):
            parts = []
            for coefficient, term in zip(row, self.terms, strict=True):
                if coefficient:
                    sign = "-" if coefficient < 0.0 else "+"
                    unit = written(term, self.context_sizes)
                    number = f"{abs(coefficient):.3g}"
                    parts.append(f"{sign} {number}" + (f" {unit}" if term.factors else ""))
            left = "log w" + (f"_{output + 1}" if self.n_outputs > 1 else "")
            lines.append(f"{left} = {' '.join(parts).removeprefix('+ ') or '0'}")
        return lines
