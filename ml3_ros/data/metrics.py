# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Metrics files: metrics.json with curves and headline numbers, and the resolved config.json."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.run_files import RunFolder
from ml3_ros.errors import DataError


@dataclass(slots=True)
class Metrics:
    """Curves of every method, one row a seed, and the numbers that a reader needs first.

    Attributes:
        experiment: Its name.
        config: Resolved configuration, and what the x axis counts ("x").
        methods: For each method x (C,) and per_seed (seeds, C).
        headline: A few named numbers.
    """

    experiment: str
    config: dict[str, Any]
    methods: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    headline: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, x: Sequence[float], per_seed: NDArray[np.float64]) -> None:
        """Add a method; a diverged seed stays in as infinity."""
        if per_seed.ndim != 2 or per_seed.shape[1] != len(x):
            raise DataError(f"{name}: per_seed must be (seeds, {len(x)}), got {per_seed.shape}")
        finite = np.where(np.isnan(per_seed), np.inf, per_seed)
        self.methods[name] = {"x": list(x), "per_seed": finite.tolist()}

    def save(self, out: Path) -> Path:
        """Write OUT/metrics.json and OUT/config.json; return the path of the first."""
        folder = RunFolder.create(out)
        folder.save_metrics(asdict(self))
        folder.save_config(self.config)
        return out / "metrics.json"


def resolved(config: Any) -> dict[str, Any]:
    """Return a configuration dataclass as JSON-able data."""
    if not is_dataclass(config) or isinstance(config, type):
        raise DataError(f"{config!r} is no configuration: give a dataclass instance")
    data: dict[str, Any] = json.loads(json.dumps(asdict(config), default=str))
    return data
