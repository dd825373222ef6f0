# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""View of a metrics.json for the results page: numbers by name, curves by panel and method."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml3_ros.errors import DataError
from ml3_ros.reports.styles import in_order


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One method in one panel: x (C,) and a row (C,) a seed; infinity where a seed diverged."""

    x: NDArray[np.float64]
    per_seed: NDArray[np.float64]

    def at(self, x: float) -> NDArray[np.float64]:
        """Return the value of every seed (seeds,) at abscissa x."""
        columns = np.flatnonzero(self.x == x)
        if len(columns) == 0:
            raise KeyError(x)
        return self.per_seed[:, columns[0]]

    def quantiles(self, *shares: float) -> NDArray[np.float64]:
        """Return these quantiles over the seeds, (shares, C); they are measured values."""
        return np.quantile(self.per_seed, shares, axis=0, method="nearest")


class MetricsView(Mapping[str, float]):
    """The numbers of one metrics.json by name.

    Names are the headline keys; "METHOD at X", the median over the seeds of a method's curve;
    "seeds"; "config/KEY"; and "NAME / NAME", the quotient of two. A method of another panel than
    the first is called METHOD@PANEL, as in the file.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.content = content
        self._headline: dict[str, float] = content["headline"]

    @classmethod
    def load(cls, path: Path) -> "MetricsView | None":
        """Read a file; None where there is none.

        Raises:
            DataError: It is no metrics file.
        """
        if not path.exists():
            return None
        try:
            content = json.loads(path.read_bytes())
            if not {"experiment", "config", "methods", "headline"} <= set(content):
                raise ValueError("it lacks experiment, config, methods or headline")
        except (OSError, ValueError, TypeError) as error:
            raise DataError(f"{path} is no metrics file ({error}): copy it again") from error
        return cls(content)

    def __getitem__(self, name: str) -> float:
        if name in self._headline:
            return float(self._headline[name])
        if " / " in name:
            over, under = name.split(" / ")
            return self[over] / self[under]
        if name.startswith("config/"):
            return float(self.content["config"][name.removeprefix("config/")])
        if name == "seeds":
            return float(self.seeds)
        method, _, x = name.rpartition(" at ")
        curve = self.curves[method]
        return float(np.quantile(curve.at(float(x)), 0.5, method="nearest"))

    def __iter__(self) -> Iterator[str]:
        return iter(self._headline)

    def __len__(self) -> int:
        return len(self._headline)

    @property
    def curves(self) -> dict[str, Curve]:
        """All methods that have a curve, by their name in the file."""
        return {
            name: Curve(np.array(entry["x"], float), np.array(entry["per_seed"], float))
            for name, entry in self.content["methods"].items()
            if entry.get("per_seed")
        }

    @property
    def seeds(self) -> int:
        """How many seeds there are."""
        return max((len(curve.per_seed) for curve in self.curves.values()), default=0)

    @property
    def panels(self) -> dict[str, dict[str, Curve]]:
        """Curves by panel ("" for the first) and method, in the order of figures."""
        panels: dict[str, dict[str, Curve]] = {}
        for name, curve in self.curves.items():
            method, _, panel = name.partition("@")
            panels.setdefault(panel, {})[method] = curve
        return {
            panel: {k: rows[k] for k in in_order(list(rows))} for panel, rows in panels.items()
        }

    def of_method(self, panel: str, method: str, what: str) -> float | None:
        """Return the headline PANEL/METHOD/WHAT, or METHOD/WHAT of the first panel, if any."""
        name = f"{method}/{what}"
        return self._headline.get(f"{panel}/{name}" if panel else name)
