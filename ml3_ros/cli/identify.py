"""`ml3 identify --bag FILE --urdf FILE [--out DIR]`: what a recording says about an arm."""

from __future__ import annotations

import argparse
from pathlib import Path

from ml3_ros.core.process import prepare_process
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.identification.networks import NetworkConfig
from ml3_ros.experiments.identification.output import save_identification
from ml3_ros.experiments.identification.run import (
    IdentifyConfig,
    identify,
    load_arm,
    read_recording,
)
from ml3_ros.experiments.identification.split import SplitConfig
from ml3_ros.experiments.identification.tables import error_table
from ml3_ros.tasks.inverse_dynamics.run_files import RunFolder


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    split, networks = SplitConfig(), NetworkConfig()
    parser = subparsers.add_parser(
        "identify",
        help="identify an arm from a recording: checks, models, held-out errors, a report",
        description="Check a recording of joint states, fit and train models of the arm's "
        "inverse dynamics on blocks of it, judge them on the other blocks, and write a report, "
        "figures and the friction that was found.",
        epilog="example: ml3 identify --bag my_bag --urdf my_arm.urdf --out out/my_arm",
    )
    parser.add_argument(
        "--bag", metavar="FILE", help="rosbag2: a folder (also split), a .db3 or a .mcap"
    )
    parser.add_argument("--urdf", metavar="FILE", help="the arm: a URDF or MJCF file, or ur10")
    parser.add_argument("--out", type=Path, default=Path("out/identify"), metavar="DIR")
    parser.add_argument("--topic", metavar="NAME", help="where a bag holds several joint states")
    parser.add_argument(
        "--block", type=float, default=split.block, metavar="S", help="length of a block [s]"
    )
    parser.add_argument(
        "--held-out", type=float, default=split.held_out, metavar="SHARE", help="of the blocks"
    )
    parser.add_argument(
        "--fold", type=int, metavar="N", help="which of every few blocks is held out, from 0"
    )
    parser.add_argument(
        "--no-history",
        action="store_true",
        help="no input looks back beyond its block: sticking begins anew in each",
    )
    parser.add_argument("--seeds", type=int, default=networks.seeds, metavar="N")
    parser.add_argument("--loss", metavar="NAME", help="learned loss: a shipped one, or a file")


def run(args: argparse.Namespace) -> int:
    """Identify; return the exit code.

    Raises:
        ConfigError: An option does not fit.
        DataError: The recording cannot be used, or the folder not be written.
    """
    if args.bag is None or args.urdf is None:
        raise ConfigError("identify needs a recording and its arm: give --bag FILE --urdf FILE")
    config = IdentifyConfig(
        bag=args.bag,
        urdf=args.urdf,
        topic=args.topic,
        loss=args.loss,
        split=SplitConfig(
            block=args.block,
            held_out=args.held_out,
            fold=args.fold,
            history=not args.no_history,
        ),
        networks=NetworkConfig(seeds=args.seeds),
    )
    model = load_arm(config.urdf)
    recording = read_recording(config, model.names)
    RunFolder.create(args.out)  # says now, not after minutes, that it cannot be written
    prepare_process()
    result = identify(config, recording, model, lambda text: print(text, flush=True))
    paths = save_identification(result, args.out)
    print("\n" + error_table(result))
    for verdict in result.verdicts:
        print(f"{verdict.joint}: {verdict.sentence}")
    print("\n".join(result.notes))
    print("\n" + "\n".join(str(path) for path in paths))
    return 0
