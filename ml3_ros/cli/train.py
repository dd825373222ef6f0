"""`ml3 train --out FILE [key=value ...]`: meta-train one loss."""

import argparse
from pathlib import Path

from ml3_ros.cli.options import add_engine
from ml3_ros.cli.overrides import with_overrides
from ml3_ros.core.compiled import Engine
from ml3_ros.core.process import prepare_process
from ml3_ros.experiments.train_loss import TrainConfig, train_loss


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "train",
        help="meta-train a learned loss and save it",
        description="Meta-train a loss for inverse dynamics on random simulated robots.",
        epilog="example: ml3 train robot=sawyer recipe.use_prior=False --out my_loss.safetensors",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="loss to write")
    add_engine(parser)
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="see TrainConfig")


def run(args: argparse.Namespace) -> int:
    """Meta-train; return the exit code.

    Raises:
        ConfigError: A setting does not fit.
    """
    config = with_overrides(TrainConfig(), args.overrides)
    prepare_process(Engine.parse(args.engine))
    train_loss(config, args.out)
    return 0
