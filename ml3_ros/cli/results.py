# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 results --metrics DIR --out FILE [--from RUN ...]`: the page of results."""

import argparse
from pathlib import Path

from ml3_ros.cli.overrides import path_option
from ml3_ros.cli.subparsers import Subparsers
from ml3_ros.experiments.page.writer import take_run, write_results
from ml3_ros.experiments.registry import SECTIONS


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "results",
        help="write the page of results from metrics files",
        description="Write the page of results, and the overview figure beside it, from metrics "
        "files. Nothing on the page is typed by hand.",
        epilog="example: ml3 results --from out/sine_regression --from out/demo",
    )
    docs = Path("docs")
    parser.add_argument(
        "--metrics",
        type=path_option,
        default=docs / "metrics",
        metavar="DIR",
        help="folder of metrics files (%(default)s)",
    )
    parser.add_argument(
        "--out",
        type=path_option,
        default=docs / "results.md",
        metavar="FILE",
        help="page to write (%(default)s)",
    )
    parser.add_argument(
        "--from",
        dest="runs",
        type=path_option,
        action="append",
        default=[],
        metavar="RUN",
        help="folder of a run, named like its section: its metrics and figures are copied first; "
        + ", ".join(section.name for section in SECTIONS),
    )


def run(args: argparse.Namespace) -> int:
    """Write the page; return the exit code.

    Raises:
        DataError: A file is damaged, or lacks a number that the page names.
    """
    for folder in args.runs:
        take_run(folder, args.metrics, args.out.parent / "images", SECTIONS)
    for path in write_results(args.metrics, args.out, SECTIONS):
        print(path)
    return 0
