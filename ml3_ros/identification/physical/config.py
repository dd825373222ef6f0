# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Settings of the physical fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ml3_ros.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class PhysicalConfig:
    """Settings of the physical fit."""

    strengths: tuple[float, ...] = (1.0, 10.0, 100.0, 1000.0)  # of the pull to the description
    memory: bool = True  # choose friction terms; without it viscous, Coulomb, offset, rotor only
    gains: Literal["auto", "fixed", "free"] = "auto"  # fixed: known, or efforts are in N m
    known_gains: tuple[float, ...] = ()  # effort per N m of each joint, as 1 / torque constant
    scale_spread: float | None = None  # relative spread of all gains together; None: as usual
    passes: int = 2  # friction terms of load are computed anew so often

    def __post_init__(self) -> None:
        if not self.strengths or not all(x > 0.0 for x in self.strengths):
            raise ConfigError(f"strengths must be some numbers > 0, got {self.strengths}")
        if any(not g > 0.0 for g in self.known_gains):
            raise ConfigError(f"known_gains must be > 0, got {self.known_gains}")
        if self.passes < 1:
            raise ConfigError(f"passes must be >= 1, got {self.passes}")
