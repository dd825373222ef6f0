# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 models [FILE|DIR ...] [--out DIR]`: which robot files load, move, train, are identified."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ml3_ros.cli.overrides import path_option
from ml3_ros.cli.recordings.threads import one_thread
from ml3_ros.cli.subparsers import Subparsers
from ml3_ros.files import write_atomically


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "models",
        help="try robot files: load, simulate, train, identify; one table of all",
        description="Load every URDF and MJCF, let it follow random motion for 10 s in "
        "simulation, train a loss for two steps, and identify it from a short simulated bag. "
        "The table says what went well, and why the others are refused. What is done is kept in "
        "--out, so that a run that was stopped goes on.",
        epilog="example: ml3 models my_arm.urdf --out out/my_arm",
    )
    parser.add_argument(
        "paths",
        nargs="*",
        type=path_option,
        metavar="PATH",
        help="file, or folder of files; the URDFs of the package example-robot-data if left out",
    )
    parser.add_argument(
        "--out",
        type=path_option,
        default=Path("out/models"),
        metavar="DIR",
        help="folder to write",
    )


def run(args: argparse.Namespace) -> int:
    """Try all files, write the table; return the exit code.

    Raises:
        DataError: There is no such file, or the folder cannot be written.
        RobotError: The package is not installed.
    """
    one_thread()
    from ml3_ros.benchmarks.models import Outcome, robot_files, survey, table

    kept = args.out / "models.json"
    known = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else []
    done = {outcome["name"]: Outcome(**outcome) for outcome in known}
    files = robot_files(args.paths)
    for name, file in files.items():
        if name not in done:
            done[name] = survey(file, name)
            text = json.dumps([outcome.to_dict() for outcome in done.values()], indent=1)
            write_atomically(kept, f"{text}\n".encode())
        print(f"{name}: {done[name].sentence()}", flush=True)
    text = table([done[name] for name in files])
    write_atomically(args.out / "models.md", text.encode())
    print("\n" + text)
    print(args.out / "models.md")
    return 0
