"""Options that several subcommands have."""

import argparse


def add_engine(parser: argparse.ArgumentParser) -> None:
    """Add --engine."""
    parser.add_argument(
        "--engine",
        default="autograd",
        metavar="KIND[:cuda]",
        help="how meta-gradients are computed: autograd (default), replayed or compiled; the "
        "latter two record a step first, which pays in runs of thousands of outer steps and is "
        "needed on a GPU; results are the same up to rounding",
    )
