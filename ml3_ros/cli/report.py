# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 report DIR`: the tables and the figure of an online run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ml3_ros.cli.overrides import path_option
from ml3_ros.cli.subparsers import Subparsers
from ml3_ros.data.laps_file import FILE as LAPS
from ml3_ros.data.laps_file import load_laps
from ml3_ros.data.run_files import RunFolder
from ml3_ros.errors import DataError
from ml3_ros.learners.reaching.files import EXPERIMENT as REACH
from ml3_ros.learners.reaching.files import ReachFolder
from ml3_ros.reports.figures import save_figure
from ml3_ros.reports.online.figure import live_figure
from ml3_ros.reports.online.laps import STEM, laps_figure, laps_metrics, laps_table
from ml3_ros.reports.online.report import EXPERIMENT, RunReport, build_report, report_metrics
from ml3_ros.reports.online.table import report_table
from ml3_ros.reports.online.touch_figure import TOUCHED, touch_figure
from ml3_ros.reports.online.touched import (
    TouchReport,
    build_touch_report,
    touch_metrics,
    touch_table,
)
from ml3_ros.reports.reaching.clip import reach_clip
from ml3_ros.reports.reaching.figure import reach_figure
from ml3_ros.reports.reaching.report import build_reach_report, reach_metrics, reach_table


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "report",
        help="print the table and draw the figures of a run's output folder",
        description="Print the tables of a run, write its metrics.json and draw its figure. "
        "Methods that know the arm's model are computed from the same samples, for comparison.",
    )
    parser.add_argument(
        "folder", type=path_option, metavar="DIR", help="the `out` folder of a run"
    )
    parser.add_argument(
        "--robot",
        metavar="ROBOT",
        help="sawyer, reacher, or path of a URDF or MJCF; without it, the robot of the run",
    )
    parser.add_argument(
        "--clip", action="store_true", help="also draw the episodes of a two-joint arm as a GIF"
    )


def run(args: argparse.Namespace) -> int:
    """Report on the folder; return the exit code.

    Raises:
        DataError: The folder is not that of a run, or cannot be written.
    """
    if RunFolder(args.folder).load_config().get("experiment") == REACH:
        return _report_reaching(ReachFolder(args.folder), clip=args.clip)
    report = build_report(args.folder, robot=args.robot)
    print(report_table(report))
    metrics = report_metrics(report)
    paths = [*save_figure(live_figure(report), args.folder, EXPERIMENT)]
    if touches := _touches(args.folder, report):
        print("\n" + touch_table(touches))
        metrics["headline"] |= touch_metrics(touches)
        paths += save_figure(touch_figure(touches), args.folder, TOUCHED)
    if (args.folder / LAPS).exists():
        names, laps, units = load_laps(args.folder)
        print("\n" + laps_table(names, laps, units))
        metrics["laps"] = laps_metrics(names, laps, units)
        paths += save_figure(laps_figure(names, laps, units), args.folder, STEM)
    RunFolder(args.folder).save_metrics(metrics)
    _print_paths(args.folder, paths)
    return 0


def _touches(folder: Path, report: RunReport) -> TouchReport | None:
    """Return what touched the arm, if it was recorded and can be read."""
    try:
        return build_touch_report(folder, report)
    except DataError as error:
        print(f"\nwhat touched the arm is left out: {error}")
        return None


def _report_reaching(folder: ReachFolder, *, clip: bool) -> int:
    report = build_reach_report(folder)
    print(reach_table(report))
    folder.save_metrics(reach_metrics(report))
    paths = [*save_figure(reach_figure(report), folder.path, REACH)]
    if clip:
        paths.append(reach_clip(report, folder.path))
    _print_paths(folder.path, paths)
    return 0


def _print_paths(folder: Path, figures: Sequence[Path]) -> None:
    print(f"\nmetrics: {folder / 'metrics.json'}")
    print("figure:  " + "  ".join(map(str, figures)))
