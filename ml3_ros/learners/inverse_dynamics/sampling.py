# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Batches from samples: the newest of a stream mixed with draws of all that came before."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ml3_ros.core.draws import Source, rand
from ml3_ros.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplingConfig:
    """How the samples of a recording become batches.

    A stream (`steps_per_window` > 0) shows at first one window of samples, and one more after
    every `steps_per_window` gradient steps; a batch then mixes `newest` samples of the last window
    with uniform draws of all that came before: the newest alone let a model forget. Without a
    stream, batches are uniform draws of all samples.
    """

    batch_size: int = 32
    query_size: int = 64
    steps_per_window: int = 0
    window: int = 8  # samples per window
    newest: int = 8  # of these, in every batch
    evaluated_on: Literal["seen", "held_out"] = "seen"  # at meta-train, on a stream
    memory: int = 0  # samples that uniform draws go back; 0: to the first, for an arm that stays

    def __post_init__(self) -> None:
        for name, least in (
            ("batch_size", 1),
            ("query_size", 1),
            ("steps_per_window", 0),
            ("memory", 0),
        ):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} must be >= {least}, got {getattr(self, name)}")
        if not 1 <= self.newest <= min(self.window, self.batch_size):
            raise ConfigError(
                f"newest must be 1 to {min(self.window, self.batch_size)}, got {self.newest}"
            )

    def draw(self, seen: Tensor, generator: Source) -> Tensor:
        """Return sample indices (k, B) for tasks of which `seen` (k,) samples have come."""
        uniform = rand(generator, len(seen), self.batch_size)
        reach = seen.clamp_max(self.memory) if self.memory else seen
        samples = (seen - reach).unsqueeze(-1) + (uniform * reach.unsqueeze(-1)).long()
        if self.steps_per_window:
            samples[:, -self.newest :] = seen.unsqueeze(-1) - 1 - torch.arange(self.newest)
        return samples


def nmse(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared error per joint over the target's variance, (*lead, n).

    Args:
        prediction: Torques, (*lead, T, n).
        target: Measured torques, (*lead, T, n).
    """
    error = (prediction - target).square().mean(-2)
    return error / target.var(-2, unbiased=False).clamp_min(1e-12)
