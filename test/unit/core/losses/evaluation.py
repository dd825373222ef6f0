# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Evaluate a meta-loss on given predictions and targets."""

from __future__ import annotations

import torch

from ml3_ros.core.losses.loss_input import LossInput


def evaluate(loss, phi, prediction, target, context, count=None, model=None):
    """Return the value of a meta-loss; by default of a model that has not been trained yet."""
    count = torch.zeros(()) if count is None else count
    model = model or (lambda batch: prediction)
    return loss.evaluate(phi, LossInput(model, prediction, target, context, count))
