# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tables, metrics and figure of the inverse-dynamics experiments."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ml3_ros.data.metrics import Metrics, resolved
from ml3_ros.experiments.inverse_dynamics.config import InvdynConfig
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.files import write_atomically
from ml3_ros.reports.figures import draw, house_style, label_line_ends, save_figure
from ml3_ros.reports.styles import in_order
from ml3_ros.reports.tables import number, number_in_range, text_table

Array = NDArray[np.float64]

DIVERGED = 2.0  # an NMSE above this at the end of a run counts as diverged
REFERENCE = "adam_tuned"
TITLES = {
    "sawyer/new_motion": "Sawyer at work, tested on free motion",
    "sawyer/inertia": "Sawyer at work, relative error of M(q)",
    "sawyer/own_motion": "Sawyer at work, tested on more of it",
    "reacher/new_motion": "Reacher at work, tested on free motion",
    "reacher/inertia": "Reacher at work, relative error of M(q)",
    "reacher/own_motion": "Reacher at work, tested on more of it",
    "at_work/new_motion": "F given, learned at work, tested on free motion",
    "at_work/own_motion": "F given, learned at work, tested on more of it",
    "given/nominal": "F given, nominal robot",
    "given/payload": "F given, payload",
    "given/masses": "F given, masses ±20 %",
    "given/perturbed": "F given, payload and masses",
    "residual/perturbed": "nominal F known: payload, masses, friction, noise",
    "live/nominal": "F learned from a stream, nominal robot, 12.5 steps/s",
    "live/perturbed": "F learned from a stream, perturbed robot, 12.5 steps/s",
    "live_fast/nominal": "F learned from a stream, nominal robot, 100 steps/s",
    "live_fast/perturbed": "F learned from a stream, perturbed robot, 100 steps/s",
}


@dataclass(frozen=True, slots=True)
class Panel:
    """Curves of one part on one kind of robot.

    Attributes:
        key: "PART/KIND".
        x: Gradient steps (C,).
        nmse: Mean over joints, per method (seeds, inits times tasks, C).
        step_sizes: Chosen step size of each tuned baseline at every mark (C,).
    """

    key: str
    x: tuple[int, ...]
    nmse: dict[str, Array]
    step_sizes: dict[str, Array]

    def ratio(self, method: str, index: int, reference: str = REFERENCE) -> float:
        """Return the geometric mean of a method's NMSE over that of another, paired."""
        own, other = self.nmse[method][:, :, index], self.nmse[reference][:, :, index]
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.exp((np.log(own) - np.log(other)).mean()))

    def won(self, method: str, index: int) -> float:
        """Return the share of runs in which a method is below tuned Adam."""
        own, other = self.nmse[method][:, :, index], self.nmse[REFERENCE][:, :, index]
        return float((own < other).mean())

    def diverged(self, method: str) -> int:
        """Return how many runs were above an NMSE of 2 at the end."""
        return int((~(self.nmse[method][:, :, -1] <= DIVERGED)).sum())


def panels_of(config: InvdynConfig, seeds: dict[int, Arrays], shared: Arrays) -> Iterator[Panel]:
    """Yield the panels; what does not depend on a seed is repeated for every seed."""
    first = next(iter(seeds.values()))
    for name, part in config.parts.items():
        prefix = f"curve/{name}/"
        kinds = dict.fromkeys(k.split("/")[2] for k in first if k.startswith(prefix))
        for kind in kinds:
            prefix = f"curve/{name}/{kind}/"
            nmse = {
                key.removeprefix(prefix): np.stack(
                    [_runs(arrays[key]) for arrays in seeds.values()]
                )
                for key in first
                if key.startswith(prefix)
            }
            runs = next(iter(nmse.values())).shape
            for key, curve in shared.items():
                if key.startswith(prefix):
                    every = np.broadcast_to(curve, (config.n_inits, *curve.shape[1:]))
                    nmse[key.removeprefix(prefix)] = np.broadcast_to(_runs(every), runs)
            sizes = {
                key.rsplit("/", 1)[1]: value
                for key, value in shared.items()
                if key.startswith(f"step_sizes/{name}/{kind}/")
            }
            order = in_order(list(nmse))
            yield Panel(f"{name}/{kind}", part.marks, {k: nmse[k] for k in order}, sizes)


def _runs(curve: Array) -> Array:
    """Return (inits * tasks, C), the mean over joints, from (inits, tasks, C, n)."""
    mean: Array = curve.mean(-1).reshape(-1, curve.shape[2])
    return mean


def finish(
    config: InvdynConfig,
    seeds: dict[int, Arrays],
    shared: Arrays,
    out: Path,
    report: Report,
    *,
    name: str,
) -> tuple[Path, ...]:
    """Write metrics, losses and the figure; report the tables."""
    for seed, arrays in seeds.items():
        for key, value in arrays.items():
            if key.startswith("loss/"):
                _, part, method = key.split("/")
                path = out / "losses" / part / method / f"seed_{seed}.safetensors"
                write_atomically(path, value.tobytes())
    panels = list(panels_of(config, seeds, shared))
    metrics(name, config, panels).save(out)
    for panel in panels:
        report(tables(panel))
    at_work = [panel for panel in panels if panel.key.startswith("at_work/")]
    others = [panel for panel in panels if panel not in at_work]
    files: tuple[Path, ...] = ()
    for stem, drawn in ((f"{name}_work", at_work), (name, others)):
        files += figure(stem, config.robot, drawn, out) if drawn else ()
    return files


def metrics(name: str, config: Any, panels: list[Panel]) -> Metrics:
    """Return per seed the median over inits and tasks of the mean NMSE over joints.

    Methods of the first panel have their plain name, those of the others are "NAME@PART/KIND".
    """
    result = Metrics(
        experiment=name, config={**resolved(config), "x": "gradient steps", "y": "held-out NMSE"}
    )
    for panel in panels:
        first = panel is panels[0]
        prefix = "" if first else f"{panel.key}/"
        for method, nmse in panel.nmse.items():
            result.add(method + ("" if first else f"@{panel.key}"), panel.x, np.median(nmse, 1))
            result.headline[f"{prefix}{method}/diverged"] = float(panel.diverged(method))
            for i, x in enumerate(panel.x):
                if REFERENCE in panel.nmse and method != REFERENCE and x > 0:
                    result.headline[f"{prefix}{method}/ratio_at_{x}"] = panel.ratio(method, i)
                    result.headline[f"{prefix}{method}/won_at_{x}"] = panel.won(method, i)
        for key, value in _against_others(panel).items():
            result.headline[prefix + key] = value
        for method, sizes in panel.step_sizes.items():
            for x, size in zip(panel.x, sizes, strict=True):
                result.headline[f"{prefix}{method}/step_size_at_{x}"] = float(size)
    return result


def _against_others(panel: Panel) -> dict[str, float]:
    """Return how the hybrid does against every single method, and the prior against its rivals."""
    found: dict[str, float] = {}
    steps = [(i, x) for i, x in enumerate(panel.x) if x > 0]
    singles = [name for name in panel.nmse if not name.startswith("hybrid")]
    for i, x in steps if "hybrid" in panel.nmse else ():
        found[f"hybrid/over_best_at_{x}"] = max(panel.ratio("hybrid", i, name) for name in singles)
    for own in ("ml3_prior", "ml3_prior_distilled"):
        for i, x in steps if {own, "distilled_prior"} <= set(panel.nmse) else ():
            found[f"{own}/over_distilled_at_{x}"] = panel.ratio(own, i, "distilled_prior")
    return found


def tables(panel: Panel) -> str:
    """Return the panel's tables: median [quartiles] over all runs, and ratios to tuned Adam."""
    shown = [i for i, x in enumerate(panel.x) if x > 0]
    header = [f"@{panel.x[i]}" for i in shown]
    rows, ratios = [], []
    for name, nmse in panel.nmse.items():
        flat = nmse.reshape(-1, len(panel.x))
        quartiles = np.quantile(flat[:, shown], (0.25, 0.5, 0.75), axis=0, method="nearest")
        cells = [number_in_range(middle, low, high) for low, middle, high in quartiles.T]
        rows.append([name, *cells, f"{panel.diverged(name)} of {len(flat)}"])
        if name != REFERENCE and REFERENCE in panel.nmse:
            cells = [f"{number(panel.ratio(name, i))} {panel.won(name, i):.0%}" for i in shown]
            ratios.append([name, *cells])
    parts = [text_table([TITLES.get(panel.key, panel.key), *header, "diverged"], rows)]
    if ratios:
        parts.append(text_table(["ratio to tuned Adam, runs won", *header], ratios))
    sizes = [[name, *map(number, row[shown])] for name, row in panel.step_sizes.items()]
    parts.append(text_table(["step size by the number of steps", *header], sizes))
    return "\n\n".join(parts)


def figure(name: str, robot: str, panels: list[Panel], out: Path) -> tuple[Path, ...]:
    """Draw panels: median and quartiles over all runs, on log axes."""
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    with house_style():
        canvas = Figure(figsize=(6.4 * columns, 4.6 * rows), layout="constrained")
        grid = canvas.subplots(rows, columns, squeeze=False)
        for axes in grid.flat[len(panels) :]:
            axes.set_visible(False)
        drawn = []
        for axes, panel in zip(grid.flat, panels, strict=False):
            x = np.array(panel.x, dtype=float)
            kept = x > 0
            names = list(panel.nmse)
            lines = []
            for method in names:
                flat = panel.nmse[method].reshape(-1, len(x))
                low, median, high = np.quantile(flat, (0.25, 0.5, 0.75), axis=0, method="nearest")
                band = (low[kept], high[kept])
                lines.append(draw(axes, method, x[kept], median[kept], others=names, band=band))
            axes.set(xscale="log", yscale="log", xlabel="gradient steps", ylabel="held-out NMSE")
            axes.set_title(TITLES.get(panel.key, panel.key))
            axes.set_ylim(top=3.0)
            drawn.append((axes, lines))
        canvas.suptitle(
            f"Inverse dynamics of the {robot}: learned losses, baselines, and what knows a model",
            x=0.01,
            ha="left",
            fontweight="bold",
        )
        canvas.draw_without_rendering()  # labels keep their distance where nothing moves any more
        for axes, lines in drawn:
            label_line_ends(axes, lines, laid_out=True)
        return save_figure(canvas, out, name)
