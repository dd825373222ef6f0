# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 train --out FILE [key=value ...]`: meta-train one loss."""

import argparse
from collections.abc import Callable
from typing import Any

from ml3_ros.cli.overrides import add_engine, path_option, with_overrides
from ml3_ros.cli.subparsers import Subparsers
from ml3_ros.core.engine.engine import Engine
from ml3_ros.core.engine.process import prepare_process
from ml3_ros.tasks.inverse_dynamics.train import TrainConfig, train_loss
from ml3_ros.tasks.reaching.arm_recipes import ReachRecipe
from ml3_ros.tasks.reaching.train import train_reach
from ml3_ros.tasks.touched.train import TouchedTraining, train_touched

TRAINING: dict[str, tuple[Any, Callable[..., object]]] = {
    "inverse_dynamics": (TrainConfig(), train_loss),
    "reaching": (ReachRecipe(), train_reach),
    "touched": (TouchedTraining(), train_touched),
}


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "train",
        help="meta-train a learned loss and save it",
        description="Meta-train a loss for inverse dynamics on random simulated robots, for "
        "reaching through the dynamics of an arm, or for the physical model of a touched arm.",
        epilog="example: ml3 train robot=sawyer recipe.use_prior=False --out my_loss.safetensors",
    )
    parser.add_argument(
        "--task",
        choices=tuple(TRAINING),
        default="inverse_dynamics",
        help="task of the loss (%(default)s)",
    )
    parser.add_argument(
        "--out", type=path_option, required=True, metavar="FILE", help="loss to write"
    )
    add_engine(parser)
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="KEY=VALUE",
        help="a setting: a field of TrainConfig, for reaching of ReachRecipe, for "
        "touched of TouchedTraining",
    )


def run(args: argparse.Namespace) -> int:
    """Meta-train; return the exit code.

    Raises:
        ConfigError: A setting does not fit.
    """
    config, train = TRAINING[args.task]
    config = with_overrides(config, args.overrides)
    engine = Engine.parse(args.engine)
    prepare_process()
    train(config, args.out, engine=engine)
    return 0
