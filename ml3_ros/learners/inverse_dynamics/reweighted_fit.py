# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Robust least squares under a learned loss, for linear models of an arm."""

import torch
from torch import Tensor

from ml3_ros.core.inner_loop import adapt
from ml3_ros.core.learner import closed_form
from ml3_ros.core.linear_model import COEFFICIENTS, LinearModel
from ml3_ros.core.losses.spec import LossSpec
from ml3_ros.core.networks import BoundModel
from ml3_ros.core.types import Batch, Params

PASSES = 6  # after which weights change little; losses are trained with as many


def reweighted_fit(
    spec: LossSpec,
    phi: Params,
    model: LinearModel,
    batch: Batch,
    *,
    lead: tuple[int, ...] = (),
    passes: int = PASSES,
) -> Tensor:
    """Return the coefficients (*lead, p) of a linear model fitted to samples in order of time.

    Args:
        spec: A loss with the update rule "least_squares".
        phi: Its parameters.
        model: The structure of the model.
        batch: Columns, target and context, each (*lead, B, k).
        lead: Leading dimensions.
        passes: Fits, each with the weights that the loss gives the residuals of the last one.

    Raises:
        ConfigError: The loss has no weights.
    """
    learner = spec.learner(model)
    theta = model.init(torch.Generator(), lead)
    with torch.no_grad():
        return adapt(learner, theta, phi, [batch] * passes, lead=lead).theta[COEFFICIENTS]


def fit_weights(
    spec: LossSpec,
    phi: Params,
    model: LinearModel,
    coefficients: Tensor,
    batch: Batch,
    *,
    passes: int = PASSES,
) -> Tensor:
    """Return the weights (*lead, B, n) that the loss gives samples after a fit, positive.

    Arguments as in `reweighted_fit`; the samples of `batch` may be others than those of the fit.
    """
    bound = BoundModel(model, {COEFFICIENTS: coefficients})
    count = torch.full(coefficients.shape[:-1], float(passes))
    with torch.no_grad():
        return closed_form(spec.loss()).problem(phi, bound, batch, count).weights
