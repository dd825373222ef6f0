# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Table, metrics, losses and figure of sine regression."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ml3_ros.data.metrics import Metrics, resolved
from ml3_ros.experiments.rivals.starts import AT_ONCE, FEW_STEPS
from ml3_ros.experiments.runner.adaptation import by_method, save_losses
from ml3_ros.experiments.runner.experiment import Arrays, Experiment, Report
from ml3_ros.experiments.sine.recipes import WIDE
from ml3_ros.experiments.sine.regression import (
    HORIZON,
    TO_HORIZON,
    SineRegressionConfig,
    prepare,
    run_seed,
    tasks_of,
)
from ml3_ros.reports.figures import draw, house_style, label_line_ends, save_figure
from ml3_ros.reports.styles import EDGE, GUIDE, INK, in_order, method_style
from ml3_ros.reports.tables import number, text_table
from ml3_ros.tasks.sine.regression import META_TRAIN, SineDistribution, SineTasks

SHOWN_STEPS = (1, 10, 20, 50, 100, 200, 500)
QUOTIENTS = (
    ("ml3_sgd", "sgd_tuned"),
    ("ml3_adam", "sgd_tuned"),
    ("ml3_adam", "adam_tuned"),
    ("ml3_adam", "adam_learned_steps"),
    ("ml3_adam", "pretrained"),
    ("ml3_adam", "maml"),
    ("ml3_sgd", "maml_sgd"),
    ("ml3_paper", "sgd_same_step"),
    ("ml3_paper", "sgd_tuned"),
)

ELSEWHERE = ("inside", "beyond")  # panels: tasks as in meta-training, and far from them

PerSeed = dict[str, NDArray[np.float64]]
"""(seeds, x) by method: mean over the tasks."""


def finish(
    config: SineRegressionConfig,
    seeds: dict[int, Arrays],
    shared: Arrays,
    out: Path,
    report: Report,
) -> tuple[Path, ...]:
    """Write metrics.json, the losses and the figure; report a table."""
    result = metrics(config, seeds, shared)
    result.save(out)
    save_losses(seeds, out)
    report(tables(config, _curves(seeds), result.headline))
    return figure(config, seeds, out)


def _curves(seeds: dict[int, Arrays], kind: str = "curve") -> PerSeed:
    """Return the mean test error over the tasks."""
    return {name: curve.mean(1) for name, curve in by_method(seeds, kind).items()}


def metrics(config: SineRegressionConfig, seeds: dict[int, Arrays], shared: Arrays) -> Metrics:
    """Return test errors over gradient steps, and after 100 steps over meta-training.

    "NAME@inside" and "NAME@beyond" are other test tasks, "NAME/inside" and "NAME/beyond" the
    errors there after 100 steps, "ONE_over_OTHER/inside" their quotient.
    "NAME@meta_test" and "NAME@meta_train" count updates of phi; "NAME/final_over_best" says how
    far the test error had drifted from its lowest value when meta-training ended.
    """
    about = {"x": "gradient steps", "y": "mean squared error on held-out points of test tasks"}
    result = Metrics(config.name, resolved(config) | about)
    curves = _curves(seeds)
    for name, curve in curves.items():
        result.add(name, config.x, curve)
        at_horizon = curve[:, config.x.index(HORIZON)]
        result.headline[f"{name}/mse"] = float(at_horizon.mean())
        result.headline[f"{name}/mse_std"] = float(at_horizon.std())
        last = by_method(seeds, "curve")[name][:, :, -1]
        result.headline[f"{name}/diverged"] = float((~np.isfinite(last)).sum())
    for kind in ELSEWHERE:
        for name, curve in _curves(seeds, kind).items():
            result.add(f"{name}@{kind}", TO_HORIZON, curve)
            result.headline[f"{name}/{kind}"] = float(curve[:, -1].mean())
    for kind in ("meta_test", "meta_train"):
        for name, errors in by_method(seeds, kind).items():
            result.add(f"{name}@{kind}", seeds[0][f"marks/{name}"].tolist(), errors)
    for name, errors in by_method(seeds, "meta_test").items():
        mean = errors.mean(0)
        result.headline[f"{name}/final_over_best"] = float(mean[-1] / mean.min())
    for one, other in QUOTIENTS:
        quotient = result.headline[f"{one}/mse"] / result.headline[f"{other}/mse"]
        result.headline[f"{one}_over_{other}"] = quotient
        for kind in ELSEWHERE:
            quotient = result.headline[f"{one}/{kind}"] / result.headline[f"{other}/{kind}"]
            result.headline[f"{one}_over_{other}/{kind}"] = quotient
    for key, value in shared.items():
        if key.startswith("step_size/"):
            result.headline[f"{key.removeprefix('step_size/')}/step_size"] = float(value)
    return result


def tables(config: SineRegressionConfig, curves: PerSeed, headline: dict[str, float]) -> str:
    """Return a table of the error, mean +- standard deviation over seeds, and quotients."""
    steps = [step for step in SHOWN_STEPS if step in config.x]
    places = [config.x.index(step) for step in steps]
    rows = []
    for name in in_order(list(curves)):
        columns = curves[name].T[places]
        rows.append([name, *(f"{number(x.mean())} ± {number(x.std(), 2)}" for x in columns)])
    quotients = [
        f"{one} / {other} at {HORIZON}: "
        + ", ".join(
            f"{number(headline[f'{one}_over_{other}{kind}'])}{kind.replace('/', ' ')}"
            for kind in ("", *(f"/{kind}" for kind in ELSEWHERE))
        )
        for one, other in QUOTIENTS
    ]
    drift = [
        f"{key.removesuffix('/final_over_best')}: error when meta-training ended / lowest on the "
        f"way {number(value)}"
        for key, value in headline.items()
        if key.endswith("/final_over_best")
    ]
    table = text_table(["test MSE", *(f"@{step}" for step in steps)], rows)
    return "\n".join([table, *quotients, *drift])


def figure(config: SineRegressionConfig, seeds: dict[int, Arrays], out: Path) -> tuple[Path, Path]:
    """Draw tasks, error over meta-training and over gradient steps, as Fig. 2 of the paper."""
    with house_style():
        canvas = Figure(figsize=(11.5, 6.6), layout="constrained")
        (left, right), (below_left, below_right) = canvas.subplots(2, 2)
        _draw_tasks(left, "meta-training: the paper's one task, ours", (META_TRAIN, WIDE))
        _draw_test_tasks(right, config)
        _draw_meta_training(below_left, config, seeds)
        _draw_steps(below_right, config, _curves(seeds))
        canvas.suptitle(
            f"Sine regression ({config.setting} setting): mean over test tasks, median and range "
            f"of {len(seeds)} seeds",
            x=0.01,
            ha="left",
            fontweight="bold",
        )
        return save_figure(canvas, out, config.name)


def _draw_tasks(axes: Axes, title: str, distributions: Sequence[SineDistribution]) -> None:
    """Draw the first distribution's task in ink and a few of the second's behind."""
    generator = torch.Generator().manual_seed(0)
    styles = ((INK, 2.2, 1), (method_style("ml3_adam").color, 1.0, 6))
    for distribution, (color, width, n) in zip(distributions, styles, strict=True):
        _draw_sines(axes, SineTasks.draw(distribution, n, generator), distribution.x, color, width)
    axes.set(xlim=(-5.0, 5.0), ylim=(-5.2, 5.2), xlabel="x", ylabel="y")
    axes.set_title(title)


def _draw_test_tasks(axes: Axes, config: SineRegressionConfig) -> None:
    _draw_sines(axes, tasks_of(config, 0), (-5.0, 5.0), EDGE, 1.0)
    axes.set(xlim=(-5.0, 5.0), ylim=(-5.2, 5.2), xlabel="x", ylabel="y")
    axes.set_title("meta-test tasks (seed 0)")


def _draw_sines(
    axes: Axes, tasks: SineTasks, bounds: tuple[float, float], color: str, width: float
) -> None:
    x = np.linspace(*bounds, 200)
    for amplitude, phase in zip(tasks.amplitude, tasks.phase, strict=True):
        y = float(amplitude) * np.sin(x - float(phase))
        axes.plot(x, y, color=color, linewidth=width, alpha=0.8)


def _draw_meta_training(
    axes: Axes, config: SineRegressionConfig, seeds: dict[int, Arrays]
) -> None:
    """Draw the test error after 100 steps while losses are meta-trained."""
    found = by_method(seeds, "meta_test")
    lines = []
    for name in in_order(list(found)):
        marks = seeds[0][f"marks/{name}"]
        low, middle, high = np.quantile(found[name], (0.0, 0.5, 1.0), axis=0, method="nearest")
        share = marks / marks[-1]
        lines.append(draw(axes, name, share, middle, band=(low, high)))
    curves = _curves(seeds)
    for name in ("sgd_same_step", "sgd_tuned", "adam_tuned"):
        level = float(np.median(curves[name][:, config.x.index(HORIZON)]))
        lines.append(draw(axes, name, (0.0, 1.0), (level, level), linewidth=1.2))
    axes.set(
        yscale="log",
        xlim=(0.0, 1.0),
        xlabel="share of meta-training done",
        ylabel=f"test MSE after {HORIZON} steps",
    )
    axes.set_title("while the loss is learned")
    label_line_ends(axes, lines)


def _draw_steps(axes: Axes, config: SineRegressionConfig, curves: PerSeed) -> list[Line2D]:
    """Draw test errors over gradient steps."""
    lines = []
    for name in in_order(list(curves)):
        low, middle, high = np.quantile(curves[name], (0.0, 0.5, 1.0), axis=0, method="nearest")
        lines.append(draw(axes, name, config.x[1:], middle[1:], band=(low[1:], high[1:])))
    axes.axvline(HORIZON, color=GUIDE, linewidth=1.0, zorder=1.0)
    axes.set(
        xscale="log",
        yscale="log",
        xlim=(1, config.x[-1]),
        xlabel="gradient steps",
        ylabel="test MSE",
    )
    axes.set_title("meta-test (grey: horizon of meta-training)")
    label_line_ends(axes, lines)
    return lines


_QUICK = SineRegressionConfig(
    seeds=2,
    n_validation_tasks=10,
    test_steps=100,
    paper_outer_steps=300,
    outer_steps=40,
    pretraining=replace(AT_ONCE, n_outer_steps=100),
    maml=replace(FEW_STEPS, n_outer_steps=40),
)

EXPERIMENTS = {
    config.name: Experiment(
        help=f"sine regression in the setting of the {source} (Fig. 2, top)",
        config=config,
        quick=replace(_QUICK, setting=config.setting),
        prepare=prepare,
        run_seed=run_seed,
        finish=finish,
    )
    for config, source in (
        (SineRegressionConfig(), "paper's text"),
        (SineRegressionConfig(setting="released"), "authors' code"),
    )
}
