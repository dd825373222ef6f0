# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figure of external torques: one robot over time, ROC curves, and errors over bandwidth."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ml3_ros.experiments.external_torque.config import GAINS, LEARNED, ContactConfig
from ml3_ros.experiments.external_torque.run import FALSE_ALARMS
from ml3_ros.experiments.runner.experiment import Arrays
from ml3_ros.reports.figures import (
    draw,
    house_style,
    label_line_ends,
    plain_numbers,
    save_figure,
)
from ml3_ros.reports.styles import MEASURED, in_order, method_style

SHOWN = 20.0  # of the first robot [s]
BEST_LEARNED = "robust_observer"
N_JOINTS = 3  # that are drawn, those with most of the truth


def figure(
    config: ContactConfig, found: Arrays, example: Arrays, out: Path, stem: str
) -> tuple[Path, Path]:
    """Draw the first robot's external torques, ROC curves and errors.

    Args:
        config: Of the run.
        found: Numbers of every method, see `output.collect`.
        example: Of the first robot, see `run.run_seed`.
        out: Folder.
        stem: Of the files.
    """
    names = in_order([key.removeprefix("rms/") for key in found if key.startswith("rms/")])
    with house_style():
        canvas = Figure(figsize=(13.0, 8.6), layout="constrained")
        over_time, below = np.asarray(canvas.subfigures(2, 1, height_ratios=(1.5, 1.0)))
        joints = over_time.subplots(N_JOINTS, 1, sharex=True)
        _over_time(list(np.atleast_1d(joints)), config, example, names)
        curves, errors = below.subplots(1, 2)
        lines = [
            draw(
                curves,
                name,
                FALSE_ALARMS,
                found[f"roc/{name}"].mean((0, 1)),
                band=np.quantile(found[f"roc/{name}"].mean(1), (0.0, 1.0), axis=0),
            )
            for name in names
        ]
        curves.set(
            xscale="log",
            xlim=(FALSE_ALARMS[0], 1.0),
            ylim=(0.0, 1.02),
            xlabel="free samples taken for touched ones",
            ylabel="touched samples found",
        )
        curves.set_title("b  contact or not, mean and range over seeds")
        curves.legend(handles=lines, loc="lower right")
        ends = []
        for name in names:
            rms = found[f"rms/{name}"].mean((1, 3))
            band = (rms.min(0), rms.max(0))
            ends.append(draw(errors, name, GAINS, rms.mean(0), band=band))
        errors.set(
            xscale="log",
            yscale="log",
            xlim=(GAINS[0], GAINS[-1]),
            xlabel="bandwidth of the observer [1/s]",
            ylabel="RMS error, mean over joints [N m]",
        )
        errors.set_xticks(GAINS, [f"{gain:g}" for gain in GAINS])
        errors.minorticks_off()
        plain_numbers(errors)
        errors.set_title("c  error of the estimated torque, mean and range over seeds")
        label_line_ends(errors, ends)
        return save_figure(canvas, out, stem)


def _over_time(axes: list[Axes], config: ContactConfig, example: Arrays, names: list[str]) -> None:
    """Draw truth and estimates of the joints with most of the truth, the last seconds."""
    t, truth = example["example/t"], example["example/truth"]
    shown = t > t[-1] - SHOWN
    chosen = np.sort(np.argsort(-np.square(truth[shown]).mean(axis=0))[: len(axes)])
    for axis, joint in zip(axes, chosen, strict=True):
        axis.fill_between(
            t[shown], truth[shown, joint], color=MEASURED, linewidth=0.0, label="truth, $J^T f$"
        )
        for name in (name for name in names if name != "known_observer"):
            estimate = example[f"example/{name}"][shown, joint]
            style = method_style(name)
            if name == BEST_LEARNED:
                std = example[f"example_std/{name}"][shown, joint]
                axis.fill_between(
                    t[shown],
                    estimate - 2.0 * std,
                    estimate + 2.0 * std,
                    color=style.color,
                    alpha=0.18,
                    linewidth=0.0,
                    label="its two standard deviations",
                )
            width = 1.6 if name in LEARNED else 1.0
            draw(axis, name, t[shown], estimate, linewidth=width)
        axis.set(xlim=(t[shown][0], t[-1]), ylabel=f"joint {joint + 1} [N m]")
    axes[-1].set_xlabel("time [s]")
    axes[0].set_title(f"a  external torque of one arm, bandwidth {config.gain:g} / s")
    axes[0].legend(loc="center left", bbox_to_anchor=(1.005, 0.5))
