# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A loss that works for a while, as one from a file may."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from types import SimpleNamespace

from ml3_ros.core.losses.learned_loss import LearnedLoss

DOES_NOT_FIT = RuntimeError("the size of tensor a (7) must match that of b (5)")


@dataclass(frozen=True, kw_only=True)
class FailingLoss(LearnedLoss):
    """A loss whose evaluation raises from number `good` on; the first one is the trial."""

    good: int
    error: Exception = DOES_NOT_FIT

    @staticmethod
    def like(loss, **how):
        return FailingLoss(spec=loss.spec, phi=loss.phi, provenance=loss.provenance, **how)

    def learner(self, optimizee):
        learner, calls = super().learner(optimizee), itertools.count()

        def evaluate(*inputs):
            if next(calls) >= self.good:
                raise self.error
            return learner.loss.evaluate(*inputs)

        return replace(learner, loss=SimpleNamespace(evaluate=evaluate))
