# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 experiment NAME [--quick] [--seeds N] [--backend ray] --out DIR [key=value ...]`."""

import argparse
from dataclasses import replace

from ml3_ros.cli.overrides import add_engine, path_option, with_overrides
from ml3_ros.cli.subparsers import Subparsers
from ml3_ros.core.engine.engine import Engine
from ml3_ros.core.engine.process import prepare_process
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.registry import EXPERIMENTS
from ml3_ros.experiments.runner.backends import BACKENDS
from ml3_ros.experiments.runner.sweep import run_experiment
from ml3_ros.reports.tables import definition_list


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    listing = definition_list([(name, item.help) for name, item in EXPERIMENTS.items()])
    parser = subparsers.add_parser(
        "experiment",
        help="run an experiment of the paper and draw its figure",
        description="Run an experiment of the paper; an interrupted one goes on where it was.",
        epilog=f"experiments:\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", choices=EXPERIMENTS, help="see below")
    parser.add_argument(
        "--out", type=path_option, required=True, metavar="DIR", help="folder to write"
    )
    parser.add_argument("--seeds", type=int, metavar="N", help="number of seeds")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a small version that takes minutes: the same ranking of methods",
    )
    parser.add_argument(
        "--backend",
        choices=BACKENDS,
        default="local",
        help="where seeds run: processes of this machine, or Ray (the cluster at RAY_ADDRESS, "
        "without it a local one); results are the same",
    )
    parser.add_argument(
        "--workers", type=int, metavar="N", help="seeds at once on this machine; default: cores"
    )
    parser.add_argument("--data", metavar="DIR", help="folder of a data set, such as MNIST's")
    add_engine(parser)
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="KEY=VALUE",
        help="any other setting: a field of its configuration",
    )


def run(args: argparse.Namespace) -> int:
    """Run the experiment; return its exit code.

    Raises:
        ConfigError: A setting does not fit.
    """
    experiment = EXPERIMENTS[args.name]
    config = experiment.quick if args.quick else experiment.config
    data = [] if args.data is None else [f"data={args.data}"]
    config = with_overrides(config, [*data, *args.overrides])
    if args.seeds is not None:
        if args.seeds < 1:
            raise ConfigError(f"--seeds must be >= 1, got {args.seeds}")
        config = replace(config, seeds=args.seeds)
    engine = Engine.parse(args.engine)
    prepare_process()
    backend = BACKENDS[args.backend](args.workers)
    paths = run_experiment(args.name, experiment, config, args.out, backend=backend, engine=engine)
    print(f"metrics: {args.out / 'metrics.json'}")
    print("figures: " + "  ".join(map(str, paths)))
    return 0
