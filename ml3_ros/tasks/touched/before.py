# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is known of touched arms before a network learns: nothing, a description, or a fit."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ml3_ros.core.linear_model import COLUMNS, LinearModel
from ml3_ros.core.losses.spec import LossSpec
from ml3_ros.core.types import Batch, Params
from ml3_ros.learners.inverse_dynamics.reweighted_fit import fit_weights, reweighted_fit
from ml3_ros.tasks.touched.simulated import TouchedArms

BELIEVED = 0.9  # quantile of a recording's weights that counts as full trust


@dataclass(frozen=True, kw_only=True, slots=True)
class Before:
    """What an earlier fit says of N recordings.

    Attributes:
        torque: That it predicts [N m], (N, S + H, n).
        trust: How far it believes each sample, the logarithm of a weight, (N, S + H, n); or None.
    """

    torque: Tensor
    trust: Tensor | None = None

    @staticmethod
    def nothing(arms: TouchedArms) -> "Before":
        """Return no torque at all: a network alone learns everything."""
        return Before(torque=torch.zeros_like(arms.tau))

    @staticmethod
    def described(arms: TouchedArms) -> "Before":
        """Return the arm as described, which a linear model corrects."""
        return Before(torque=arms.nominal)

    @staticmethod
    def fitted(
        arms: TouchedArms, spec: LossSpec, phi: Params, model: LinearModel, stride: int
    ) -> "Before":
        """Return robust fits under a learned loss, and how far each believed every sample.

        Args:
            arms: Recordings; each is fitted by itself.
            spec: A loss of linear models, see `reweighted_fit`.
            phi: Its parameters.
            model: The linear model.
            stride: Samples of the recording from one sample of the fit to the next.
        """
        lead, support = (len(arms),), slice(0, arms.n_support)
        columns = arms.columns
        rest = arms.tau - arms.nominal

        def batch(rows: slice) -> Batch:
            at = {"tau": rest[:, rows], "v": arms.v[:, rows]}
            return at | {COLUMNS: columns[:, rows].flatten(-2)}

        fitted = reweighted_fit(
            spec, phi, model, batch(slice(0, arms.n_support, stride)), lead=lead
        )
        trust = torch.zeros_like(arms.tau)
        for first in range(stride):
            rows = slice(first, arms.n_support, stride)
            trust[:, rows] = fit_weights(spec, phi, model, fitted, batch(rows)).log()
        full = trust[:, support].flatten(1).quantile(BELIEVED, 1)
        trust[:, support] -= full[:, None, None]
        torque = arms.nominal + (columns @ fitted[:, None, :, None]).squeeze(-1)
        return Before(torque=torque, trust=trust)
