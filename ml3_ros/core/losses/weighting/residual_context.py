# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What surrounds a residual in time and along the arm: the features that weights are learned from.

Nothing in here depends on the number of joints, and no gradient flows through it: a model shall
not learn to look bad, and through several reweighted fits that gradient is mostly noise.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

TRUSTED = 0.3  # share of the residuals of a joint that its scale is taken from
NORMAL = 0.3853  # that quantile of |x| for a standard normal x
OUTER = 0.9  # quantile that tells how far the others lie
SMALLEST = 1e-4  # scale of a residual, in the unit of the loss
STILL = 0.05  # speed below which a joint is about to turn [rad/s]


@dataclass(frozen=True, kw_only=True, slots=True)
class ResidualContext:
    """Features of every residual from those around it.

    Attributes:
        spacing: Time between neighbouring samples [s].
        windows: Lengths of time that residuals are averaged over [s].
        causal: Whether windows end at a sample, as on a stream, or have it in their middle.
    """

    spacing: float
    windows: tuple[float, ...]
    causal: bool = False

    @property
    def size(self) -> int:
        """Number F of features."""
        return 8 + 4 * len(self.windows)

    def features(self, error: Tensor, v: Tensor, count: Tensor) -> Tensor:
        """Return (*lead, R, L, n, F) from residuals in runs.

        Args:
            error: Residuals of R runs of L samples (*lead, R, L, n), in the unit of the loss.
            v: Joint velocities [rad/s], likewise.
            count: Steps that the model has made (*lead,).
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
            everywhere = power.mean(-1, keepdim=True).expand_as(power)
            rows += [(1.0 + x).log() for x in (mean.abs(), power, beyond, everywhere)]
        rows += [x.expand_as(u) for x in (scale.log() / 4.0, (1.0 + outer / scale).log())]
        rows.append((1.0 + outer / scale).log().mean(-1, keepdim=True).expand_as(u))
        age = count.reshape(*count.shape, *(1,) * (u.dim() - count.dim()))
        rows += [(1.0 + age).log().expand_as(u) / 6.0, 1.0 / (1.0 + age).expand_as(u)]
        return torch.stack(rows, dim=-1)

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
