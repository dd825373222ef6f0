"""A loss that works for a while, as one from a file may."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from ml3_ros.core.losses.learned_loss import LearnedLoss

DOES_NOT_FIT = RuntimeError("the size of tensor a (7) must match that of b (5)")


@dataclass(frozen=True, kw_only=True)
class FailingLoss(LearnedLoss):
    """A loss whose function raises from call number `good` on; the first one is the trial."""

    good: int
    error: Exception = DOES_NOT_FIT

    @staticmethod
    def like(loss, **how):
        return FailingLoss(spec=loss.spec, phi=loss.phi, provenance=loss.provenance, **how)

    def function(self):
        inner, calls = super().function(), itertools.count()

        def fails(*inputs):
            if next(calls) >= self.good:
                raise self.error
            return inner(*inputs)

        return fails
