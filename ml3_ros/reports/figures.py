# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figures in one style: curves by method, labels beside their lines, PNG and SVG files.

Figures are drawn without pyplot, so nothing here needs a display or keeps global state.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from numpy.typing import ArrayLike, NDArray

from ml3_ros.errors import DataError
from ml3_ros.files import write_atomically
from ml3_ros.reports.fonts import USUAL, letters_drawn
from ml3_ros.reports.styles import EDGE, GRID, INK, method_style

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType  # from matplotlib 3.8 on

DPI = 160
LABEL_SIZE = 8.5  # of labels at the end of lines [points]

_LOOK: dict[RcKeyType, Any] = {
    "font.family": USUAL,
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": EDGE,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 8.0,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": EDGE,
    "ytick.color": EDGE,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "svg.fonttype": "none",
    "svg.hashsalt": "ml3_ros",  # equal data, equal file
}


def house_style() -> AbstractContextManager[None]:
    """Return a context in which matplotlib draws in the style of the project."""
    return rc_context(_LOOK)


def draw(
    axes: Axes,
    name: str,
    x: ArrayLike,
    y: ArrayLike,
    *,
    others: Sequence[str] = (),
    band: tuple[ArrayLike, ArrayLike] | None = None,
    **changes: Any,
) -> Line2D:
    """Draw one method's curve in its style.

    Args:
        axes: Where to draw.
        name: Method.
        x: Abscissae (K,).
        y: Ordinates (K,); what is not finite is left out, so a diverged curve ends.
        others: As for `method_style`.
        band: Lower and upper edge (K,) of a shaded band, such as the quartiles.
        changes: Fields of MethodStyle to change, such as linewidth.
    """
    style = replace(method_style(name, others), **changes)
    y = np.asarray(y, dtype=float)
    (line,) = axes.plot(
        x,
        np.where(np.isfinite(y), y, np.nan),
        color=style.color,
        linestyle=style.linestyle,
        linewidth=style.linewidth,
        zorder=style.zorder,
        label=style.label,
        solid_capstyle="round",
    )
    if band is not None:
        low, high = (np.asarray(edge, dtype=float) for edge in band)
        axes.fill_between(
            x, low, high, color=style.color, alpha=0.14, linewidth=0, zorder=style.zorder - 1
        )
    return line


def plain_numbers(axes: Axes) -> None:
    """Label a logarithmic axis of ordinates with 10, 20, 50, 100, ..., not with powers."""
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def label_line_ends(
    axes: Axes,
    lines: Sequence[Line2D],
    *,
    gap: float = 1.25,
    indent: float = 6.0,
    laid_out: bool = False,
) -> None:
    """Write each line's label at the right of the axes, at the height where the line ends.

    Labels that would overlap are moved apart and joined to their line by a thin leader. Call it
    when limits and scales are final.

    Args:
        axes: Its right-hand side must be free.
        lines: Lines with labels; those without a finite point are left out.
        gap: Distance of two labels in heights of the text [-].
        indent: Distance from the axes [points].
        laid_out: The figure has just been laid out, which takes long where it has many axes.
    """
    drawn = [line for line in lines if np.isfinite(np.asarray(line.get_ydata(), float)).any()]
    if not drawn:
        return
    figure = axes.figure.canvas.figure  # also of axes in a subfigure, in matplotlib 3.6 too
    if not laid_out:
        figure.draw_without_rendering()  # limits and layout are only now known
    box, points = axes.get_window_extent(), figure.dpi / 72.0
    top = box.height / points
    heights = np.clip([(_end_of(line, axes) - box.y0) / points for line in drawn], 0.0, top)
    places = _spread(heights, LABEL_SIZE * gap, top)
    for line, height, place in zip(drawn, heights, places, strict=True):
        _write_label(axes, line, height / top, (indent + 10.0, place - height))


def _end_of(line: Line2D, axes: Axes) -> float:
    """Return the height of a line's last finite point [pixels]."""
    y = np.asarray(line.get_ydata(), float)
    x = 0.0 if axes.get_xscale() == "linear" else 1.0  # any that the scale has
    return float(axes.transData.transform((x, y[np.isfinite(y)][-1]))[1])


def _write_label(axes: Axes, line: Line2D, height: float, offset: tuple[float, float]) -> None:
    """Write a line's label with a leader from the right edge, at a height in shares of the axes.

    Args:
        axes: Where.
        line: Lends label and colour.
        height: Where the leader begins [-].
        offset: Of the text from there [points].
    """
    color = str(line.get_color())
    axes.annotate(
        str(line.get_label()),
        xy=(1.0, height),
        xycoords="axes fraction",
        xytext=offset,
        textcoords="offset points",
        color=color,
        fontsize=LABEL_SIZE,
        va="center",
        ha="left",
        annotation_clip=False,
        arrowprops={
            "arrowstyle": "-",
            "color": color,
            "linewidth": 0.7,
            "alpha": 0.75,
            "shrinkA": 1.0,
            "shrinkB": 1.0,
            "relpos": (0.0, 0.5),
        },
    )


def _spread(preferred: NDArray[np.float64], distance: float, height: float) -> NDArray[np.float64]:
    """Return places at least `distance` apart, within 0 ... height, near the preferred ones.

    Neighbours that are too close become one block around their mean (pool adjacent violators).
    """
    order = np.argsort(preferred, kind="stable")
    blocks: list[tuple[float, int]] = []  # (lowest place, labels) of each block, from below
    for place in preferred[order]:
        low, count = float(place), 1
        while blocks and blocks[-1][0] + blocks[-1][1] * distance > low:
            other_low, other_count = blocks.pop()
            both = count + other_count
            # each label pulls the block towards where it would have it begin
            low = (other_low * other_count + (low - other_count * distance) * count) / both
            low, count = max(low, 0.0), both
        blocks.append((low, count))
    places = np.concatenate([low + distance * np.arange(count) for low, count in blocks])
    overshoot = places[-1] - height
    if overshoot > 0.0:  # push down from the top, as far as the gaps go
        for i in range(len(places) - 1, -1, -1):
            ceiling = height - (len(places) - 1 - i) * distance
            places[i] = min(places[i], ceiling)
    result = np.empty_like(preferred)
    result[order] = places
    return result


def save_figure(figure: Figure, folder: Path, stem: str) -> tuple[Path, Path]:
    """Write `stem`.png and `stem`.svg into `folder`; return their paths.

    Raises:
        DataError: The disk is full or the folder cannot be written.
    """
    paths = (folder / f"{stem}.png", folder / f"{stem}.svg")
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder} for the figure: make it first")
    for path in paths:
        write_atomically(path, rendered(figure, path.suffix[1:]))
        figure.set_layout_engine("none")  # places are found once, and are the same in both files
    return paths


def rendered(figure: Figure, kind: str) -> bytes:
    """Return the content of a "png" or "svg" file; equal figures give equal bytes."""
    buffer = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": "ml3_ros"}
    with house_style(), letters_drawn(figure):
        figure.savefig(buffer, format=kind, dpi=DPI, facecolor="white", metadata=metadata)
    return buffer.getvalue()
