# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Random numbers for many seeds at once, equal to those that each seed draws alone."""

from collections.abc import Sequence

import torch
from torch import Tensor

Source = torch.Generator | Sequence[torch.Generator]
"""One generator; or one for each seed, and the seeds share the rows of a draw in order."""


def rand(source: Source, *shape: int) -> Tensor:
    """Return numbers uniform in [0, 1)."""
    generators = _each(source)
    if len(generators) == 1:
        return torch.rand(*shape, generator=generators[0])
    numbers = torch.empty(shape)
    for rows, generator in zip(_shares(numbers, len(generators)), generators, strict=True):
        rows.uniform_(generator=generator)
    return numbers


def randn(source: Source, *shape: int) -> Tensor:
    """Return numbers of the standard normal distribution."""
    generators = _each(source)
    if len(generators) == 1:
        return torch.randn(*shape, generator=generators[0])
    numbers = torch.empty(shape)
    for rows, generator in zip(_shares(numbers, len(generators)), generators, strict=True):
        rows.normal_(generator=generator)
    return numbers


def randint(source: Source, low: int, high: int, *shape: int) -> Tensor:
    """Return integers uniform in [low, high)."""
    generators = _each(source)
    if len(generators) == 1:
        return torch.randint(low, high, shape, generator=generators[0])
    numbers = torch.empty(shape, dtype=torch.int64)
    for rows, generator in zip(_shares(numbers, len(generators)), generators, strict=True):
        rows.random_(low, high, generator=generator)
    return numbers


def n_seeds(source: Source) -> int:
    """Return how many seeds share a draw."""
    return len(_each(source))


def _each(source: Source) -> Sequence[torch.Generator]:
    return (source,) if isinstance(source, torch.Generator) else source


def _shares(numbers: Tensor, n: int) -> tuple[Tensor, ...]:
    """Return the rows of each of n seeds.

    Raises:
        ValueError: The rows cannot be shared equally.
    """
    if len(numbers) % n:
        raise ValueError(f"{n} seeds cannot share {len(numbers)} rows equally")
    return numbers.view(n, len(numbers) // n, *numbers.shape[1:]).unbind()
