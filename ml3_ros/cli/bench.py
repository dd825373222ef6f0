"""`ml3 bench [WHAT] [--quick]`: speed and memory, each beside something else in the same run."""

import argparse
import importlib

from ml3_ros.core.engine.process import prepare_process

OTHERS = ("adaptation", "latency")


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "bench",
        help="measure speed and memory",
        description="core: compare meta-training with a plain loop that uses `higher`: seeds x "
        "iterations per CPU second, both in turns; the last line is the worst ratio over its "
        "target. adaptation: a gradient step of the online learner for 2 to 30 joints. latency: "
        "from a joint state to the torque that answers it, beside a bare rclpy echo.",
    )
    parser.add_argument("what", nargs="?", default="core", choices=("core", *OTHERS))
    parser.add_argument(
        "--quick", action="store_true", help="about a minute; without what must be compiled"
    )


def run(args: argparse.Namespace) -> int:
    """Run a benchmark; return the exit code."""
    if args.what in OTHERS:
        importlib.import_module(f"ml3_ros.benchmarks.{args.what}").run(quick=args.quick)
        return 0
    return _core(quick=args.quick)


def _core(*, quick: bool) -> int:
    meta_step = importlib.import_module("ml3_ros.benchmarks.meta_step")
    memory = importlib.import_module("ml3_ros.benchmarks.memory")
    memory.run(quick=quick)  # first: it counts what a process takes that kept nothing yet
    prepare_process()
    cells = meta_step.run(meta_step.QUICK if quick else meta_step.Plan())
    cell, ratio = meta_step.worst(cells)
    print(
        f"worst ratio over target: {ratio:.2f} ({cell.problem}, {cell.seeds} seeds, {cell.kind})"
    )
    return 0
