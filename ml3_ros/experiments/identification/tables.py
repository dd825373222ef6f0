"""The table of an identification, as text cells."""

from __future__ import annotations

from ml3_ros.experiments.identification.run import Identification
from ml3_ros.experiments.method_styles import method_style
from ml3_ros.experiments.report import mean_over_joints, shorten
from ml3_ros.experiments.report_table import aligned, number


def error_rows(result: Identification) -> tuple[list[str], list[list[str]]]:
    """Return the header, and per method its label, mean, spread over seeds and every joint."""
    header = ["held-out NMSE", "mean", "± seeds", *shorten(result.rows.joint_names)]
    lines = []
    for name, each in result.heldout.items():
        means = mean_over_joints(each)
        spread = number(float(means.std(ddof=1))) if len(each) > 1 else ""
        joints = [number(float(x)) for x in each.mean(axis=0)]
        lines.append([method_style(name).label, number(result.mean(name)), spread, *joints])
    return header, lines


def error_table(result: Identification) -> str:
    """Return the table for a terminal."""
    header, lines = error_rows(result)
    return aligned([header, *lines], rules=(1,))
