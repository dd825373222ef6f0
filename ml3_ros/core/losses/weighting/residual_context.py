# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What surrounds a residual in time and along the arm: the features that weights are learned from.

Nothing in here depends on the number of joints, and no gradient flows through it: a model shall
not learn to look bad, and through several reweighted fits that gradient is mostly noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

TRUSTED = 0.3  # share of the residuals of a joint that its scale is taken from
NORMAL = 0.3853  # that quantile of |x| for a standard normal x
OUTER = 0.9  # quantile that tells how far the others lie
SMALLEST = 1e-4  # scale of a residual, in the unit of the loss
STILL = 0.05  # speed below which a joint is about to turn [rad/s]
EXPLAINED = 2  # features of every length of newest time


@dataclass(frozen=True, kw_only=True, slots=True)
class ResidualContext:
    """Features of every residual from those around it.

    Attributes:
        spacing: Time between neighbouring samples [s].
        windows: Lengths of time that residuals are averaged over [s].
        causal: Whether windows end at a sample, as on a stream, or have it in their middle.
        newest: Lengths of time at the end of a run [s] over which it is told how much of what the
            model left at its start is explained by now. With any, features also tell the age of a
            sample and what the start leaves around it: for arms that change within a run.
    """

    spacing: float
    windows: tuple[float, ...]
    causal: bool = False
    newest: tuple[float, ...] = ()

    @property
    def size(self) -> int:
        """Number F of features."""
        of_change = 1 + 4 * len(self.windows) + EXPLAINED * len(self.newest)
        return 8 + 4 * len(self.windows) + (of_change if self.newest else 0)

    def features(
        self,
        error: Tensor,
        v: Tensor,
        count: Tensor,
        start: Tensor,
        others: Sequence[Tensor] = (),
    ) -> Tensor:
        """Return (*lead, R, L, n, F + others) from residuals in runs.

        Args:
            error: Residuals of R runs of L samples (*lead, R, L, n), in the unit of the loss.
            v: Joint velocities [rad/s], likewise.
            count: Steps that the model has made (*lead,).
            start: Residuals of a model that predicts nothing, as `error`.
            others: Further features, likewise.
        """
        error = error.detach()
        scale, outer = self._scales(error)
        u = error / scale
        size = u.abs()
        turning = torch.tanh(v.abs() / STILL)
        rows = [(1.0 + size).log(), turning, torch.sign(v) * u / (1.0 + size)]
        for window in self.windows:
            mean = self._mean(u, window)
            power = self._mean(u.square(), window).sqrt()
            beyond = power.flip(-1).cummax(-1).values.flip(-1)
            everywhere = power.mean(-1, keepdim=True)
            rows += [(1.0 + x).log() for x in (mean.abs(), power, beyond, everywhere)]
        tail = (1.0 + outer / scale).log()
        rows += [scale.log() / 4.0, tail, tail.mean(-1, keepdim=True)]
        age = 1.0 + count.reshape(*count.shape, *(1,) * (u.dim() - count.dim()))
        rows += [age.log() / 6.0, 1.0 / age]
        rows += [*(self._of_change(error, start) if self.newest else ()), *others]
        # one feature after the other in memory: far quicker than one sample after the other
        return torch.stack([x.expand_as(u) for x in rows]).movedim(0, -1)

    def _of_change(self, error: Tensor, start: Tensor) -> list[Tensor]:
        """Return what tells when the arm has changed, as features that fit (*lead, R, L, n)."""
        length = error.shape[-2]
        age = self.spacing * torch.arange(length - 1, -1, -1, dtype=error.dtype)
        rows = [(1.0 + age / self.newest[0]).log().unsqueeze(-1) / 3.0]
        now, before = error.square(), start.square()
        for window in self.windows:
            mean, power = self._mean(start, window), self._mean(before, window)
            left = self._mean(now, window).mean(-1, keepdim=True)
            whole = power.mean(-1, keepdim=True)
            rows += [(1.0 + mean.abs()).log(), (1.0 + power).log() / 2.0]
            rows += [(1.0 + whole).log() / 2.0]
            rows += [((1.0 + left) / (1.0 + whole)).log() / 2.0]
        for seconds in self.newest:
            count = min(length, max(1, round(seconds / self.spacing)))
            left, whole = (x[..., -count:, :].mean((-2, -1), keepdim=True) for x in (now, before))
            rows += [(1.0 + whole).log() / 2.0]
            rows += [((1.0 + left) / (1.0 + whole)).log() / 2.0]
        return rows

    def _scales(self, error: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scale of the smallest residuals of a joint, and of the largest."""
        flat = error.abs().flatten(-3, -2)
        n = flat.shape[-2]
        ordered = flat.sort(-2).values
        places = [min(n - 1, int(share * n)) for share in (TRUSTED, OUTER)]
        small, large = (ordered[..., i, :].unsqueeze(-2).unsqueeze(-2) for i in places)
        return (small / NORMAL).clamp_min(SMALLEST), large.clamp_min(SMALLEST)

    def _mean(self, x: Tensor, window: float) -> Tensor:
        """Return the mean of x (*lead, R, L, n) over a window around, or before, every sample."""
        half = max(1, round(window / self.spacing / (1.0 if self.causal else 2.0)))
        return windowed_mean(x, half, 0 if self.causal else half)


def windowed_mean(x: Tensor, before: int, after: int) -> Tensor:
    """Return the mean of x (*lead, L, n) over so many samples before and after each, and itself.

    At the ends of a run the mean is over those that there are.
    """
    length = x.shape[-2]
    index = torch.arange(length)
    first, end = (index - before).clamp_min(0), (index + after + 1).clamp_max(length)
    sums = torch.nn.functional.pad(x.cumsum(-2), (0, 0, 1, 0))
    total = sums.index_select(-2, end) - sums.index_select(-2, first)
    return total / (end - first).unsqueeze(-1)
