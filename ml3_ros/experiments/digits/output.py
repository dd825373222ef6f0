# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Table, metrics, losses and figure of the experiment on digits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ml3_ros.data.metrics import Metrics, resolved
from ml3_ros.experiments.digits.run import (
    FEW_STEPS,
    HORIZON,
    PRETRAINING,
    DigitsConfig,
    prepare,
    run_seed,
)
from ml3_ros.experiments.runner.experiment import Arrays, Experiment, Report
from ml3_ros.files import write_atomically
from ml3_ros.reports.figures import draw, house_style, label_line_ends, save_figure
from ml3_ros.reports.styles import GUIDE, in_order
from ml3_ros.reports.tables import median_in_range, text_table

LIKELIHOOD, ERRORS = 0, 1  # places in a curve
CHANCE = 0.6931  # nat; likelihood of a coin
SHOWN_STEPS = (10, 20, 50, 100, 200, 300)

Curves = dict[str, NDArray[np.float64]]
"""(seeds, tests, 2, x) by method."""


def finish(
    config: DigitsConfig, seeds: dict[int, Arrays], shared: Arrays, out: Path, report: Report
) -> tuple[Path, ...]:
    """Write metrics.json, the losses and the figure; report a table."""
    prefix = "curve/"
    names = in_order([k.removeprefix(prefix) for k in seeds[0] if k.startswith(prefix)])
    curves = {n: np.stack([arrays[prefix + n] for arrays in seeds.values()]) for n in names}
    metrics(config, curves, seeds).save(out)
    for seed, arrays in seeds.items():
        for key, content in arrays.items():
            if key.startswith("loss/"):
                path = out / "losses" / key.removeprefix("loss/") / f"seed_{seed}.safetensors"
                write_atomically(path, content.tobytes())
    report(tables(config, curves))
    return figure(config, curves, seeds[0], out)


def metrics(config: DigitsConfig, curves: Curves, seeds: dict[int, Arrays]) -> Metrics:
    """Return the mean over the tests of every seed; the second panel has the share of errors."""
    result = Metrics("digits", resolved(config) | {"x": "gradient steps", "y": "nat"})
    horizon = config.x.index(HORIZON)
    for name, curve in curves.items():
        for panel, quantity in (("", LIKELIHOOD), ("@errors", ERRORS)):
            result.add(name + panel, config.x, curve[:, :, quantity].mean(1))
        at_end = curve[:, :, :, horizon].mean(1)
        result.headline[f"{name}/likelihood"] = float(np.median(at_end[:, LIKELIHOOD]))
        result.headline[f"{name}/errors"] = float(np.median(at_end[:, ERRORS]))
        result.headline[f"{name}/diverged"] = float((~np.isfinite(curve[:, :, 0, -1])).sum())
        key = f"step_size/{name}"
        if key in seeds[0]:
            sizes = [float(arrays[key]) for arrays in seeds.values()]
            result.headline[f"{name}/step_size"] = float(np.median(sizes))
    return result


def tables(config: DigitsConfig, curves: Curves) -> str:
    """Return a table of the likelihood and one of the errors: median [range] over the seeds."""
    steps = [step for step in SHOWN_STEPS if step in config.x]
    places = [config.x.index(step) for step in steps]
    parts = []
    for title, quantity in (("likelihood [nat]", LIKELIHOOD), ("share of errors", ERRORS)):
        rows = [
            [name, *map(median_in_range, curve[:, :, quantity].mean(1).T[places])]
            for name, curve in curves.items()
        ]
        parts.append(text_table([title, *(f"@{step}" for step in steps)], rows))
    return "\n\n".join(parts)


def _over_seeds(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the least, the median and the largest seed of (seeds, tests, x), each (x,)."""
    lowest_to_highest: NDArray[np.float64] = np.quantile(
        values.mean(1), (0.0, 0.5, 1.0), axis=0, method="nearest"
    )
    return lowest_to_highest


def figure(config: DigitsConfig, curves: Curves, first: Arrays, out: Path) -> tuple[Path, Path]:
    """Draw the pairs of the first seed and both learning curves: median and range over seeds."""
    with house_style():
        canvas = Figure(figsize=(11.5, 3.9), layout="constrained")
        grid = canvas.subplots(1, 3, width_ratios=(0.55, 1.0, 1.0))
        _draw_pairs(grid[0], config, first)
        panels = (("negative log-likelihood [nat]", LIKELIHOOD), ("share of errors", ERRORS))
        for axes, (label, quantity) in zip(grid[1:], panels, strict=True):
            x = np.array(config.x)
            lines = []
            for name, curve in curves.items():
                low, middle, high = _over_seeds(curve[:, :, quantity])
                lines.append(draw(axes, name, x, middle, others=list(curves), band=(low, high)))
            axes.axvline(HORIZON, color=GUIDE, linewidth=1.0, zorder=1.0)
            axes.set(xscale="symlog", xlabel="gradient steps", xlim=(0, x[-1]))
            axes.set_title(label)
            if quantity == LIKELIHOOD:
                axes.set(yscale="log", ylim=(None, 1.5 * CHANCE))
            else:  # many networks make no error at all
                axes.set_yscale("symlog", linthresh=0.01)
                axes.set_yticks(
                    [0.0, 0.005, 0.01, 0.1, 0.5], ["0", "0.5 %", "1 %", "10 %", "50 %"]
                )
                axes.set_ylim(0.0, 0.7)
        label_line_ends(grid[2], lines)
        canvas.suptitle(
            "Two digits, never seen in meta-training: held-out images, median and range of seeds",
            x=0.01,
            ha="left",
            fontweight="bold",
        )
        return save_figure(canvas, out, "digits")


def _draw_pairs(axes: Axes, config: DigitsConfig, arrays: Arrays) -> None:
    """Show an image of each digit: the training pair above, the test pairs below."""
    images = config.images()
    pairs = [arrays["train_pair"], *arrays["test_pairs"]]
    n = images.side
    rows = [np.hstack([images.pixels[d, 0].reshape(n, n) for d in pair]) for pair in pairs]
    gap = np.zeros((max(1, n // 4), 2 * n))
    stacked = np.vstack([part for row in rows for part in (row, gap)][:-1])
    axes.imshow(stacked, cmap="gray_r")
    axes.set_title("pairs (seed 0)")
    axes.grid(visible=False)
    pitch = n + len(gap)
    axes.set_xticks([])
    axes.set_yticks(
        [n / 2 + i * pitch for i in range(len(pairs))], ["trained", *["tested"] * (len(pairs) - 1)]
    )
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


EXPERIMENTS = {
    "digits": Experiment(
        help="telling two handwritten digits apart, with LeNet (Fig. 2, bottom)",
        config=DigitsConfig(),
        quick=DigitsConfig(
            seeds=2,
            n_inits=2,
            test_steps=200,
            paper_outer_steps=300,
            outer_steps=30,
            pretraining=replace(PRETRAINING, n_outer_steps=60),
            maml=replace(FEW_STEPS, n_outer_steps=30),
        ),
        prepare=prepare,
        run_seed=run_seed,
        finish=finish,
    )
}
