"""Table, metrics and figure of the inverse-dynamics experiment."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ml3_ros.experiments.figures import draw, house_style, in_order, label_line_ends, save_figure
from ml3_ros.experiments.invdyn import DIVERGED, InvdynConfig
from ml3_ros.experiments.panels import Panel
from ml3_ros.experiments.results import Metrics, resolved, table

TITLES = {
    "given/nominal": "F given, nominal robot",
    "given/perturbed": "F given, payload and masses changed",
    "learned/nominal": "F learned from a stream, nominal robot",
    "learned/perturbed": "F learned from a stream, perturbed robot",
}


def mean_over_joints(nmse: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (seeds, tasks, C) from NMSE per joint (seeds, tasks, C, n)."""
    return nmse.mean(-1)


def divergences(panel: Panel, name: str) -> int:
    """Return how many models were above an NMSE of 2 when the panel ended."""
    return int((~(mean_over_joints(panel.nmse[name])[:, :, -1] <= DIVERGED)).sum())


def ratio(panel: Panel, name: str, index: int) -> float:
    """Return how many times the NMSE of method `name` the shaped loss has at checkpoint `index`.

    The geometric mean over seeds and robots, paired: both methods start from the same models and
    see the same batches. 0 where only the other diverged on some, infinite or NaN where ours did.
    """
    own, other = (mean_over_joints(panel.nmse[key])[:, :, index] for key in ("ml3_shaped", name))
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.exp((np.log(own) - np.log(other)).mean()))


def metrics(name: str, config: InvdynConfig, panels: dict[str, Panel]) -> Metrics:
    """Return the metrics: per seed the median over tasks of the mean NMSE over joints.

    Methods of the paper's setting, F given on the nominal robot, have their plain name, those of
    the other panels are called "NAME@mode/robots".
    """
    result = Metrics(
        experiment=name, config={**resolved(config), "x": "gradient steps", "y": "held-out NMSE"}
    )
    first = next(iter(panels))
    for key, panel in panels.items():
        suffix = "" if key == first else f"@{key}"
        for method, nmse in panel.nmse.items():
            curve = np.median(mean_over_joints(nmse), axis=1)
            result.add(method + suffix, panel.x, curve)
            at = panel.x.index(panel.horizon)
            result.headline[f"{key}/{method}/nmse_at_horizon"] = float(np.median(curve[:, at]))
            result.headline[f"{key}/{method}/diverged"] = float(divergences(panel, method))
        for method, step_size in panel.step_sizes.items():
            result.headline[f"{key}/{method}/step_size"] = step_size
    return result


def tables(panels: dict[str, Panel]) -> str:
    """Return a table per panel: median [quartiles] over seeds and tasks, and divergences."""
    parts = []
    for key, panel in panels.items():
        shown = [i for i, x in enumerate(panel.x) if x > 0 and (x in (1, 5) or x >= 10)]
        rows = {}
        for name in in_order(list(panel.nmse)):
            flat = mean_over_joints(panel.nmse[name]).reshape(-1, len(panel.x))
            quartiles = np.quantile(flat[:, shown], (0.25, 0.5, 0.75), axis=0, method="nearest")
            cells = [f"{m:.3g} [{lo:.2g} {hi:.2g}]" for lo, m, hi in quartiles.T]
            runs = flat.shape[0]
            rows[name] = [*cells, f"{divergences(panel, name)} of {runs}"]
        header = [TITLES.get(key, key), *(f"@{panel.x[i]}" for i in shown), "diverged"]
        parts.append(table(rows, header))
        joints = {
            name: [f"{x:.3g}" for x in _per_joint(panel, name)]
            for name in in_order(list(panel.nmse))
        }
        n = len(next(iter(joints.values())))
        header = [f"per joint @{panel.horizon}", *(f"j{i}" for i in range(n))]
        parts.append(table(joints, header))
        ratios = {
            f"ml3_shaped / {name}": [f"{ratio(panel, name, i):.2f}" for i in shown]
            for name in in_order(list(panel.nmse))
            if "ml3_shaped" in panel.nmse and name != "ml3_shaped"
        }
        parts.append(table(ratios, ["geometric mean of", *(f"@{panel.x[i]}" for i in shown)]))
        parts.append("tuned step sizes: " + str(panel.step_sizes))
    return "\n\n".join(parts)


def _per_joint(panel: Panel, name: str) -> NDArray[np.float64]:
    """Return the median NMSE of every joint (n,) at the end of the training horizon."""
    at = panel.x.index(panel.horizon)
    nmse = panel.nmse[name][:, :, at]
    median: NDArray[np.float64] = np.median(nmse.reshape(-1, nmse.shape[-1]), axis=0)
    return median


def figure(robot: str, panels: dict[str, Panel], out: Path) -> tuple[Path, Path]:
    """Draw every panel: median and quartiles over seeds and tasks, on logarithmic axes."""
    rows = -(-len(panels) // 2)
    with house_style():
        canvas = Figure(figsize=(11.5, 3.7 * rows), layout="constrained")
        grid = canvas.subplots(rows, min(2, len(panels)), squeeze=False)
        for axes, (key, panel) in zip(grid.flat, panels.items(), strict=False):
            x = np.array(panel.x)
            names = in_order(list(panel.nmse))
            lines = []
            for name in names:
                flat = mean_over_joints(panel.nmse[name]).reshape(-1, len(x))
                low, median, high = np.quantile(flat, (0.25, 0.5, 0.75), axis=0, method="nearest")
                kept = x > 0
                band = (low[kept], high[kept])
                lines.append(draw(axes, name, x[kept], median[kept], others=names, band=band))
            axes.axvline(panel.horizon, color="#bbbbbb", linewidth=1.0, zorder=1.0)
            axes.set(xscale="log", yscale="log", xlabel="gradient steps", ylabel="held-out NMSE")
            axes.set_title(TITLES.get(key, key))
            top = max(
                float(np.nanmax(np.where(np.isfinite(x.get_ydata()), x.get_ydata(), np.nan)))
                for x in lines
            )
            axes.set_ylim(top=min(3.0, 1.3 * top))
            label_line_ends(axes, lines)
        canvas.suptitle(
            f"Inverse dynamics of the {robot}: learned losses and baselines",
            x=0.01,
            ha="left",
            fontweight="bold",
        )
        canvas.text(
            0.99,
            0.995,
            "grey line: horizon of meta-training",
            ha="right",
            va="top",
            color="#777777",
            fontsize=8,
        )
        return save_figure(canvas, out, f"invdyn_{robot}")
