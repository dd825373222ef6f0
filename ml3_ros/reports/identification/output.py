# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Output folder of an identification: metrics, figures, HTML report and friction files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np

from ml3_ros.data.metrics import Metrics
from ml3_ros.files import user_path, write_atomically
from ml3_ros.identification.models.scores import mean_over_joints
from ml3_ros.identification.robust.contact_check import stretches
from ml3_ros.identification.run import Identification
from ml3_ros.reports.figures import save_figure
from ml3_ros.reports.identification.base_file import base_parameters_text
from ml3_ros.reports.identification.figures import (
    agreement_figure,
    contact_figure,
    effort_figure,
    error_figure,
    friction_figure,
)
from ml3_ros.reports.identification.friction_file import save_friction
from ml3_ros.reports.identification.html import report_html
from ml3_ros.reports.identification.tables import error_markdown
from ml3_ros.reports.identification.written.folder import save_written

EXPERIMENT = "identify"


def save_identification(result: Identification, folder: str | Path) -> list[Path]:
    """Write metrics, figures, report and friction; return the paths to print.

    Raises:
        DataError: The folder cannot be written.
    """
    folder = user_path(folder)
    metrics = identification_metrics(result)
    paths = [metrics.save(folder)]
    text = error_markdown(metrics.methods, result.rows.joint_names, result.rows.measure) + "\n"
    write_atomically(folder / "table.md", text.encode())
    of_an_arm = result.coefficients is not None  # else samples in no order of time
    efforts = effort_figure(result) if of_an_arm else agreement_figure(result)
    drawn = {
        "errors": ("Errors by joint and method", error_figure(result)),
        "efforts": ("Held-out efforts", efforts),
    }
    if result.rows.touched is not None:
        drawn["contacts"] = ("Contacts", contact_figure(result))
    if of_an_arm:
        drawn["friction"] = ("Friction", friction_figure(result))
    pictures = {}
    for stem, (heading, figure) in drawn.items():
        png, _ = save_figure(figure, folder, stem)
        pictures[heading] = png.read_bytes()
    page = report_html(result, pictures)
    write_atomically(folder / "report.html", page.encode())
    paths.append(folder / "report.html")
    if result.coefficients is not None:
        paths += save_friction(
            folder, result.rows.joint_names, result.coefficients, result.intervals
        )
    if result.base is not None:
        path = folder / "base_parameters.yaml"
        write_atomically(path, base_parameters_text(result.base).encode())
        paths.append(path)
    if result.arm is not None and result.load is not None:
        paths += save_written(folder, result.arm, result.urdf, result.rows, result.load)
    return paths


def identification_metrics(result: Identification) -> Metrics:
    """Return the content of metrics.json; x counts joints, in the order of config's `joints`.

    Where held-out rows are repeats, their errors are called so, and compare no methods. Where
    something touched the arm, "..._with_touched" are the errors of all held-out rows.
    """
    names = result.rows.joint_names
    metrics = Metrics(
        experiment=EXPERIMENT,
        config={
            **result.config,
            "x": "joints",
            "joints": list(names),
            "held_out_samples": int(result.rows.held_out.sum()),
            "learned_samples": int((~result.rows.held_out).sum()),
            "scored_samples": int(result.rows.scored.sum()),
            "touched_samples": int((~result.rows.untouched).sum()),
            "contacts": [asdict(stretch) for stretch in stretches(result.rows)],
            "on_repeats": result.rows.on_repeats,
            "choices": result.choices,
            "notes": list(result.notes),
        },
    )
    kind = "repeats" if result.rows.on_repeats else "heldout"
    for name, each in result.heldout.items():
        metrics.add(name, list(range(len(names))), each)
        means = mean_over_joints(each)
        metrics.headline[f"{name}_{kind}_nmse"] = float(means.mean())
        if len(each) > 1:
            spread = float(np.std(means, ddof=1)) if np.isfinite(means).all() else np.inf
            metrics.headline[f"{name}_{kind}_nmse_spread"] = spread
    for name, each in result.heldout_touched.items():
        mean = float(mean_over_joints(each).mean())
        metrics.headline[f"{name}_{kind}_nmse_with_touched"] = mean
    if result.rows.on_repeats:
        return metrics
    reference = "classical_fit" if "classical_fit" in result.heldout else "ridge"
    best = result.best()
    metrics.headline["best_over_reference"] = result.mean(best) / result.mean(reference)
    better = result.heldout[best].mean(axis=0) <= result.heldout[reference].mean(axis=0)
    metrics.headline["joints_not_worse_than_reference"] = int(better.sum())
    return metrics
