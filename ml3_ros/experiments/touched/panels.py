# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Errors of the experiment on touched arms by model, family and method."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml3_ros.experiments.runner.experiment import Arrays
from ml3_ros.experiments.touched.config import TouchedExperimentConfig
from ml3_ros.reports.styles import in_order

OURS = ("learned", "unshaped", "left_out", "fit_weights")
BOUND = "contacts_known"
CLEAN = "none"

Errors = NDArray[np.float64]
"""NMSE of torque without contacts on held-out motion, (seeds, arms)."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Errors of one model.

    Attributes:
        model: Its name.
        errors: By family and method; a method that knows no seed is repeated for every seed, and
            some have fewer.
    """

    model: str
    errors: Mapping[str, Mapping[str, Errors]]

    @property
    def methods(self) -> list[str]:
        """All methods, in the order of figures."""
        return in_order(list(dict.fromkeys(m for found in self.errors.values() for m in found)))

    def rivals(self, family: str) -> list[str]:
        """Return the methods that are neither ours nor the bound."""
        return [name for name in self.errors[family] if name not in (*OURS, BOUND)]

    def means(self, family: str, method: str) -> Errors:
        """Return the geometric mean over the arms, (seeds,)."""
        return np.asarray(np.exp(np.log(self.errors[family][method]).mean(-1)))

    def ratio(self, family: str, method: str, other: str) -> float:
        """Return the geometric mean of a method's errors over another's, arm by arm."""
        own, rival = self.errors[family][method], self.errors[family][other]
        with np.errstate(divide="ignore", invalid="ignore"):
            # seeds first: not all methods have the same number of them
            return float(np.exp((np.log(own).mean(0) - np.log(rival).mean(0)).mean()))


def panels_of(
    config: TouchedExperimentConfig, seeds: dict[int, Arrays], shared: Arrays
) -> list[Panel]:
    """Return the errors of every model."""
    return [
        Panel(
            model,
            {f: errors_of(f"error/{model}/{f}/", seeds, shared) for f in config.families},
        )
        for model in config.models
    ]


def errors_of(prefix: str, seeds: dict[int, Arrays], shared: Arrays) -> dict[str, Errors]:
    """Return the errors behind a prefix by method, in the order of figures."""
    first = next(iter(seeds.values()))
    own = {
        key.removeprefix(prefix): np.stack(
            [arrays[key] for arrays in seeds.values() if key in arrays]
        )
        for key in first
        if key.startswith(prefix)
    }
    others = {
        key.removeprefix(prefix): np.broadcast_to(value, (len(seeds), len(value)))
        for key, value in shared.items()
        if key.startswith(prefix)
    }
    return {name: (own | others)[name] for name in in_order([*own, *others])}
