# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 arms [ARM ...] [--data DIR] [--fetch] [--networks N] [--out DIR]`: real arms, one table."""

from __future__ import annotations

import argparse
from pathlib import Path

from ml3_ros.cli.overrides import path_option
from ml3_ros.cli.recordings.threads import one_thread
from ml3_ros.cli.subparsers import Subparsers
from ml3_ros.errors import ConfigError, DataError
from ml3_ros.files import write_atomically


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "arms",
        help="identify real arms from public recordings, and compare all models in one table",
        description="Fit every model to public recordings of real arms, each of four blocks held "
        "out in turn, and write one table and one figure. Files are looked for in --data, by "
        "content, or downloaded. What is done is kept, so that a run that was stopped goes on.",
        epilog="example: ml3 arms --data my_recordings --fetch --networks 5",
    )
    parser.add_argument("arms", nargs="*", metavar="ARM", help="those alone; all if left out")
    parser.add_argument(
        "--data",
        type=path_option,
        action="append",
        default=[],
        metavar="DIR",
        help="folder with files of the recordings, also in folders below it; may be repeated",
    )
    parser.add_argument(
        "--fetch", action="store_true", help="download what is missing from its public repository"
    )
    parser.add_argument(
        "--networks",
        type=int,
        default=0,
        metavar="N",
        help="also train N networks of each kind on every fold: an hour or more",
    )
    parser.add_argument(
        "--out", type=path_option, default=Path("out/arms"), metavar="DIR", help="folder to write"
    )


def run(args: argparse.Namespace) -> int:
    """Compute what is missing, write tables and figure; return the exit code.

    Raises:
        ConfigError: There is no such arm.
        DataError: Files are missing, or cannot be used.
    """
    one_thread()
    from ml3_ros.benchmarks.arms.errors import all_folds
    from ml3_ros.benchmarks.arms.figure import arms_figure
    from ml3_ros.benchmarks.arms.files import collect, manifest
    from ml3_ros.benchmarks.arms.tables import page
    from ml3_ros.reports.figures import save_figure

    known = {arm.name: arm for arm in manifest()}
    unknown = [name for name in args.arms if name not in known]
    if unknown:
        raise ConfigError(f"there is no arm {', '.join(unknown)}: use {', '.join(known)}")
    if args.networks < 0:
        raise ConfigError(f"--networks must be >= 0, got {args.networks}")
    arms = [known[name] for name in args.arms or known]
    for arm in arms:
        missing = collect(arm, args.data, args.out / arm.name, fetch=args.fetch)
        if missing:
            raise DataError(
                f"{arm.name} needs {', '.join(missing)} of {arm.source}: give its folder as "
                "--data, or --fetch"
            )
    results = {
        arm.name: all_folds(
            arm, args.out / arm.name, args.out / "folds", print, seeds=args.networks
        )
        for arm in arms
    }
    titles = {arm.name: arm.title for arm in arms}
    text = page(results, titles)
    write_atomically(args.out / "arms.md", text.encode())
    save_figure(arms_figure(results, titles), args.out, "arms")
    print("\n" + text)
    print(args.out / "arms.md")
    return 0
