# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 identify --bag FILE --urdf FILE [--out DIR] [key=value ...]`: identify an arm."""

from __future__ import annotations

import argparse
import resource
from pathlib import Path
from typing import TYPE_CHECKING

from ml3_ros.cli.overrides import path_option, with_overrides
from ml3_ros.cli.recordings.threads import one_thread
from ml3_ros.cli.subparsers import Subparsers
from ml3_ros.errors import ConfigError

if TYPE_CHECKING:
    from ml3_ros.identification.run import Identification


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "identify",
        help="identify an arm from a recording: checks, models, held-out errors, a report",
        description="Check a recording of joint states, fit models of the arm's inverse dynamics "
        "on blocks of it, test them on the other blocks, and write a report, figures and what "
        "was found. Networks are trained if they are asked for.",
        epilog="example: ml3 identify --bag my_bag --urdf my_arm.urdf --out out/my_arm "
        "--networks split.held_out=0.2 networks.seeds=3",
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
        "--networks",
        action="store_true",
        help="also train networks, alone and on the fits, under Adam and under a learned loss: "
        "minutes (any networks.KEY=VALUE asks for them, too)",
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
    one_thread()
    from ml3_ros.reports.fonts import letters_without_font
    from ml3_ros.reports.identification.output import save_identification
    from ml3_ros.reports.identification.tables import error_table

    result = _table(args) if args.table is not None else _recording(args)
    paths = save_identification(result, args.out)
    print("\n" + error_table(result))
    for verdict in result.verdicts:
        print(f"{verdict.joint}: {verdict.sentence}")
    said = [*result.notes, letters_without_font([result.name, *result.rows.joint_names])]
    print("\n".join(filter(None, said)))
    print("\n" + "\n".join(map(str, paths)))
    print(f"\npeak memory {_peak_memory():.0f} MB")
    return 0


def _recording(args: argparse.Namespace) -> Identification:
    from ml3_ros.identification.networks.config import NetworkConfig
    from ml3_ros.identification.recorded.sources import read_recording, recorded_arm
    from ml3_ros.identification.run import IdentifyConfig, identify

    networks = NetworkConfig() if _asked(args) else None
    default = IdentifyConfig(bag=args.bag, urdf=args.urdf, networks=networks)
    config = with_overrides(default, args.overrides)
    model = recorded_arm(config)
    recording = read_recording(config, model.names)
    _prepare(args)
    return identify(config, recording, model, _log)


def _table(args: argparse.Namespace) -> Identification:
    from ml3_ros.identification.unordered import TABLE_NETWORKS, TableConfig, identify_table
    from ml3_ros.identification.unordered_split import read_table

    networks = TABLE_NETWORKS if _asked(args) else None
    config = with_overrides(TableConfig(table=args.table, networks=networks), args.overrides)
    table = read_table(config.table)
    _prepare(args)
    return identify_table(config, table, _log)


def _asked(args: argparse.Namespace) -> bool:
    """Return whether networks are to be trained."""
    return args.networks or any(word.startswith("networks.") for word in args.overrides)


def _prepare(args: argparse.Namespace) -> None:
    from ml3_ros.data.run_files import RunFolder

    RunFolder.create(args.out)  # a folder that cannot be written is an error now, not in minutes
    if _asked(args):
        from ml3_ros.core.engine.process import prepare_process  # loads torch

        prepare_process()


def _peak_memory() -> float:
    """Return the most memory [MB] that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000.0


def _log(text: str) -> None:
    print(text, flush=True)
