# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Input of a meta-loss: a model, its prediction, its age, and the batch it is trained on."""

from dataclasses import dataclass

from torch import Tensor

from ml3_ros.core.learner import Predictor
from ml3_ros.core.types import Batch


@dataclass(frozen=True, slots=True)
class LossInput:
    """One evaluation's inputs, each in units of its scale, so that typical values are about 1.

    Attributes:
        model: The model itself, for losses that need more than its prediction.
        prediction: Of the model on the batch (*lead, B, k).
        target: What the prediction is compared with (*lead, B, k).
        context: Further observed quantities by name, each (*lead, B, n).
        count: Gradient steps that the model has made (*lead,).
    """

    model: Predictor
    prediction: Tensor
    target: Tensor
    context: Batch
    count: Tensor
