# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A linear model as optimizee, and the update rule that minimises its weighted loss at once."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ml3_ros.core.draws import Source
from ml3_ros.core.networks import FunctionalModule
from ml3_ros.core.types import Batch, Params

COLUMNS = "columns"  # name within a batch
COEFFICIENTS = "coefficients"  # name within theta
ROUNDING = 4.0  # times the rounding of a sum is what its matrix may lack to be definite


class LinearModel(FunctionalModule):
    """Predicts columns times parameters; batches hold "columns" (*lead, B, n p), joint by joint.

    Args:
        n_outputs: Number n of predicted quantities.
        groups: Which group each parameter belongs to, (p,).
    """

    def __init__(self, n_outputs: int, groups: tuple[int, ...]) -> None:
        super().__init__()
        self.n_outputs, self.groups = n_outputs, torch.tensor(groups)
        self.declare({COEFFICIENTS: torch.zeros(len(groups))})

    def init(self, generator: Source, lead: tuple[int, ...] = ()) -> Params:
        """Return parameters of zero."""
        return {COEFFICIENTS: torch.zeros(*lead, len(self.groups))}

    def call(self, params: Params, *inputs: Batch) -> Tensor:
        """Return the prediction (*lead, B, n)."""
        coefficients = params[COEFFICIENTS][..., None, :, None]
        predicted: Tensor = self.columns(inputs[0]) @ coefficients
        return predicted.squeeze(-1)

    def columns(self, batch: Batch) -> Tensor:
        """Return what each parameter adds to the prediction (*lead, B, n, p)."""
        columns = batch[COLUMNS]
        return columns.reshape(*columns.shape[:-1], self.n_outputs, len(self.groups))

    def roles(self) -> dict[str, str]:
        """Return what the parameters are."""
        return {COEFFICIENTS: "linear"}


@dataclass(frozen=True, slots=True)
class LeastSquares:
    """The update rule h = the minimum of the loss with its weights held fixed.

    One step solves the normal equations of the batch; repeated on the same batch it is iteratively
    reweighted least squares. It is for a `LinearModel` and a loss with weights.
    """

    def init(self, theta: Params, lead: tuple[int, ...] = ()) -> Params:
        """Return the state before the first step."""
        return {"count": torch.zeros(lead, dtype=next(iter(theta.values())).dtype)}


@dataclass(frozen=True, slots=True)
class WeightedProblem:
    """Minimise sum w (target - columns x)^2 + sum pull x^2.

    Attributes:
        columns: (*lead, B, n, p).
        target: (*lead, B, n).
        weights: (*lead, B, n), >= 0.
        pull: (*lead, p), > 0; without any, what the samples do not show is not determined.
    """

    columns: Tensor
    target: Tensor
    weights: Tensor
    pull: Tensor

    def value(self, x: Tensor) -> Tensor:
        """Return the weighted squares of parameters x (*lead, p), mean over samples (*lead,)."""
        error = (self.columns @ x[..., None, :, None]).squeeze(-1) - self.target
        return (self.weights * error.square()).sum(-1).mean(-1)

    def normal_equations(self) -> tuple[Tensor, Tensor]:
        """Return the sums of weighted columns times columns (*lead, p, p) and target (*lead, p).

        They are in double precision, added up in that of the columns.
        """
        rows, y = self.columns.flatten(-3, -2), self.target.flatten(-2, -1)
        weighted = rows * self.weights.flatten(-2, -1).unsqueeze(-1)
        return (weighted.mT @ rows).double(), (weighted.mT @ y.unsqueeze(-1)).double().squeeze(-1)

    def solve(self, gram: Tensor | float = 0.0, moment: Tensor | float = 0.0) -> Tensor:
        """Return the parameters x (*lead, p).

        Args:
            gram: `normal_equations` of further samples, (*lead, p, p).
            moment: Likewise, (*lead, p).
        """
        own_gram, own_moment = self.normal_equations()
        total, target = own_gram + gram, own_moment + moment
        # of columns that say the same, rounding must not decide; over a sum it grows as the root
        n_rows = self.columns.shape[-3] * self.columns.shape[-2]
        share = ROUNDING * math.sqrt(n_rows) * torch.finfo(self.target.dtype).eps
        rounding = share * total.diagonal(dim1=-2, dim2=-1).mean(-1, keepdim=True)
        total = total + torch.diag_embed(self.pull.double() + rounding)
        factor = torch.linalg.cholesky(total)
        solved = torch.cholesky_solve(target.unsqueeze(-1), factor)
        return solved.squeeze(-1).to(self.target.dtype)
