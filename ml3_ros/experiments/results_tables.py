"""Tables of the results page, in Markdown, from metrics alone."""

from collections.abc import Sequence

import numpy as np

from ml3_ros.experiments.claims import Section
from ml3_ros.experiments.figures import method_style
from ml3_ros.experiments.measured import Curve, Measured, number

COLUMNS = 6


def table(header: Sequence[str], rows: Sequence[Sequence[str]], n_texts: int = 1) -> str:
    """Return a Markdown table; behind the first `n_texts` columns cells are right-aligned."""
    rule = ["---"] * n_texts + ["---:"] * (len(header) - n_texts)
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))


def targets_table(section: Section, measured: Measured) -> str:
    """Return each target, what was measured, and whether it is reached."""
    rows = []
    for target in section.targets:
        value = measured[target.key]
        rows.append(
            [
                target.text,
                f"{'≤' if target.relation == '<=' else '≥'} {target.value:g}",
                number(value),
                "reached" if target.reached(value) else "**missed**",
            ]
        )
    return table(["target", "wanted", "measured", ""], rows)


def curve_tables(section: Section, measured: Measured) -> list[str]:
    """Return a table per panel: median and range over the seeds of every method."""
    parts = []
    for panel, curves in measured.panels.items():
        columns = _columns(section, next(iter(curves.values())))
        sizes = {name: measured.of_method(panel, name, "step_size") for name in curves}
        tuned = any(size is not None for size in sizes.values())
        rows = [
            [
                f"{method_style(name, list(curves)).label} (`{name}`)",
                *(["" if (size := sizes[name]) is None else number(size)] if tuned else []),
                *(_cell(curve, x) for x in columns),
            ]
            for name, curve in curves.items()
        ]
        header = ["method", *(["step"] if tuned else []), *(f"@{x:g}" for x in columns)]
        if panel in section.panels:
            parts.append(f"**{section.panels[panel]}**")
        parts.append(table(header, rows))
    return parts


def run_tables(measured: Measured) -> list[str]:
    """Return the two tables of one run on one robot: held out, and while learning."""
    methods = measured.content["methods"]
    curves = measured.curves
    parts = []
    if curves:
        first, curve = next(iter(curves.items()))
        columns = _spread(curve.x)
        seconds = dict(zip(curve.x, methods[first]["seconds"], strict=True))
        header = [
            "held-out NMSE after steps (seconds)",
            *(f"{x:g} ({seconds[x]:.3g} s)" for x in columns),
        ]
        rows = [
            [method_style(name).label, *(number(float(curve.at(x)[0])) for x in columns)]
            for name, curve in curves.items()
        ]
        parts.append(table(header, rows))
    joints = list(next(iter(methods.values()))["prequential_nmse"])
    rows = []
    for name, entry in methods.items():
        values = np.array(list(entry["prequential_nmse"].values()), dtype=float)
        mean = float(np.nanmean(values))
        rows.append([method_style(name).label, number(mean), *(number(x) for x in values)])
    parts.append(table(["prequential NMSE", "mean", *joints], rows))
    return parts


def _columns(section: Section, curve: Curve) -> list[float]:
    wanted = [x for x in section.columns if x in curve.x]
    return wanted or _spread(curve.x)


def _spread(x: np.ndarray) -> list[float]:
    """Choose up to COLUMNS abscissae, even in their logarithm, the last among them."""
    positive = [float(value) for value in x if value > 0] or [float(value) for value in x]
    if len(positive) <= COLUMNS:
        return positive
    marks = np.geomspace(positive[0], positive[-1], COLUMNS)
    return sorted({min(positive, key=lambda value: abs(np.log(value / mark))) for mark in marks})


def _cell(curve: Curve, x: float) -> str:
    """Return "median [lowest highest]" and how many seeds diverged."""
    values = curve.at(x)
    low, middle, high = np.quantile(values, (0.0, 0.5, 1.0), method="nearest")
    text = number(middle)
    if len(values) > 1:
        text += f" [{number(low, 2)} {number(high, 2)}]"
    diverged = int((~np.isfinite(values)).sum())
    return f"{text}, {diverged} diverged" if diverged else text
