# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Styles of methods: how each is drawn and called, and their order in figures and tables.

The table is `styles.yaml` beside this file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml

INK = "#222222"  # text, and what is drawn over everything
EDGE = "#555555"  # axes and ticks
FAINT = "#8a8a8a"  # remarks
MEASURED = "#b4b4b4"  # what the robot really did, behind every prediction
GUIDE = "#bbbbbb"  # lines at a horizon, a goal or a threshold
GRID = "#e7e7e7"
GOAL = "#0d6fb8"  # where a hand or a policy is to end
NEW_GOAL = "#eb9f14"  # likewise, where no demonstration ended
TRUTH = "#b0243f"  # the value that is to be found
LINES: Mapping[str, str | tuple[int, tuple[float, ...]]] = {
    "solid": "-",
    "dashed": (0, (5.0, 2.0)),
    "dash_dot": (0, (5.0, 1.6, 1.2, 1.6)),
    "dotted": (0, (1.4, 1.6)),
}
_SPARE_COLORS = ("#7a5c1e", "#4b5fc4", "#b0243f", "#3d7a2a", "#5d4a8a")


@dataclass(frozen=True, kw_only=True, slots=True)
class MethodStyle:
    """How a method is drawn and called in every figure and table."""

    label: str
    color: str
    linestyle: str | tuple[int, tuple[float, ...]] = "-"
    linewidth: float = 1.6
    zorder: float = 3.0
    meaning: str = ""  # what it is, where the label does not tell


def _style(*, line: str = "solid", width: float = 1.6, **fields: Any) -> MethodStyle:
    return MethodStyle(linestyle=LINES[line], linewidth=width, **fields)


_TABLE = yaml.safe_load(resources.files(__package__).joinpath("styles.yaml").read_text("utf-8"))
STYLE_GROUPS: Mapping[str, Mapping[str, MethodStyle]] = {
    group: {name: _style(**fields) for name, fields in methods.items()}
    for group, methods in _TABLE.items()
}
METHOD_STYLES = {name: style for group in STYLE_GROUPS.values() for name, style in group.items()}


def method_style(name: str, others: Sequence[str] = ()) -> MethodStyle:
    """Return the style of a method; one without its own gets a spare colour by its place.

    Args:
        name: Method.
        others: All methods of the figure, so that two unknown ones differ.
    """
    if name in METHOD_STYLES:
        return METHOD_STYLES[name]
    unknown = [other for other in others if other not in METHOD_STYLES]
    place = unknown.index(name) if name in unknown else 0
    color = _SPARE_COLORS[place % len(_SPARE_COLORS)]
    return MethodStyle(label=name.replace("_", " "), color=color)


def in_order(names: Sequence[str]) -> list[str]:
    """Sort methods as they are listed in the table, unknown ones last."""
    known = list(METHOD_STYLES)
    return sorted(names, key=lambda name: (known.index(name) if name in known else 99, name))
