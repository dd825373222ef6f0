# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 identify --bag FILE --urdf FILE [--out DIR] [key=value ...]`: identify an arm."""

from __future__ import annotations

import argparse
from pathlib import Path

from ml3_ros.cli.overrides import path_option, with_overrides
from ml3_ros.cli.subparsers import Subparsers
from ml3_ros.core.engine.process import prepare_process
from ml3_ros.data.run_files import RunFolder
from ml3_ros.errors import ConfigError
from ml3_ros.identification.run import (
    Identification,
    IdentifyConfig,
    identify,
    load_arm,
    read_recording,
)
from ml3_ros.identification.unordered import TableConfig, identify_table
from ml3_ros.identification.unordered_split import read_table
from ml3_ros.reports.identification.output import save_identification
from ml3_ros.reports.identification.tables import error_table


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "identify",
        help="identify an arm from a recording: checks, models, held-out errors, a report",
        description="Check a recording of joint states, fit and train models of the arm's "
        "inverse dynamics on blocks of it, test them on the other blocks, and write a report, "
        "figures and the friction that was found.",
        epilog="example: ml3 identify --bag my_bag --urdf my_arm.urdf --out out/my_arm "
        "split.held_out=0.2 networks.seeds=3",
    )
    parser.add_argument(
        "--bag",
        metavar="FILE",
        help="rosbag2: a folder (also split), a .db3 or a .mcap; or a .yaml that maps columns of "
        "text files",
    )
    parser.add_argument("--urdf", metavar="FILE", help="the arm: a URDF or MJCF file, or ur10")
    parser.add_argument(
        "--table",
        metavar="FILE",
        help="instead of both: a .mat matrix with columns q, v, a, tau, rows in any order",
    )
    parser.add_argument(
        "--out",
        type=path_option,
        default=Path("out/identify"),
        metavar="DIR",
        help="folder to write",
    )
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="KEY=VALUE",
        help="a setting: a field of IdentifyConfig, or for a table of TableConfig",
    )


def run(args: argparse.Namespace) -> int:
    """Identify; return the exit code.

    Raises:
        ConfigError: An option does not fit.
        DataError: The recording cannot be used, or the folder not be written.
    """
    if (args.table is None) == (args.bag is None) or (args.bag is None) != (args.urdf is None):
        raise ConfigError(
            "identify needs a recording and its arm, --bag FILE --urdf FILE, or --table FILE alone"
        )
    result = _table(args) if args.table is not None else _recording(args)
    paths = save_identification(result, args.out)
    print("\n" + error_table(result))
    for verdict in result.verdicts:
        print(f"{verdict.joint}: {verdict.sentence}")
    print("\n".join(result.notes))
    print("\n" + "\n".join(map(str, paths)))
    return 0


def _recording(args: argparse.Namespace) -> Identification:
    config = with_overrides(IdentifyConfig(bag=args.bag, urdf=args.urdf), args.overrides)
    model = load_arm(config.urdf)
    recording = read_recording(config, model.names)
    _prepare(args.out)
    return identify(config, recording, model, _log)


def _table(args: argparse.Namespace) -> Identification:
    config = with_overrides(TableConfig(table=args.table), args.overrides)
    table = read_table(config.table)
    _prepare(args.out)
    return identify_table(config, table, _log)


def _prepare(out: Path) -> None:
    RunFolder.create(out)  # a folder that cannot be written is an error now, not after minutes
    prepare_process()


def _log(text: str) -> None:
    print(text, flush=True)
