# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Settings of the networks of an identification; without torch, which only training them needs."""

from __future__ import annotations

from dataclasses import dataclass

from ml3_ros.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkConfig:
    """Settings of networks and of their training."""

    seeds: int = 5
    batch_size: int = 64
    hidden: tuple[int, ...] = (64, 64)
    marks: tuple[int, ...] = (50, 100, 200, 400, 800)  # gradient steps to choose from
    adam_steps: tuple[float, ...] = (1e-3, 3e-3, 1e-2)  # step sizes of Adam to choose from

    def __post_init__(self) -> None:
        if self.seeds < 1 or self.batch_size < 1:
            raise ConfigError(
                f"seeds and batch_size must be >= 1, got {self.seeds}, {self.batch_size}"
            )
        if not self.marks or list(self.marks) != sorted(set(self.marks)) or self.marks[0] < 1:
            raise ConfigError(f"marks must be some rising numbers of steps, got {self.marks}")
