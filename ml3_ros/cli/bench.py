# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 bench [WHAT] [--quick]`: speed and memory, each beside something else in the same run."""

import argparse

from ml3_ros.cli.subparsers import Subparsers
from ml3_ros.core.engine.process import prepare_process


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "bench",
        help="measure speed and memory",
        description="core: compare meta-training with a plain loop that uses `higher`: seeds x "
        "iterations per CPU second, both in turns; the last line is the worst ratio over its "
        "target. adaptation: a gradient step of the online learner for 2 to 30 joints. latency: "
        "from a joint state to the torque that answers it, beside a bare rclpy echo. "
        "excitation: what a motion of `ml3 excite` tells, beside random ones. estimators: "
        "unrolled derivatives and evolution strategies on touched arms, for the same CPU time. "
        "online_loss: losses that go on learning on a stream, beside the same ones frozen.",
    )
    parser.add_argument(
        "what",
        nargs="?",
        default="core",
        choices=("core", "adaptation", "latency", "excitation", "estimators", "online_loss"),
    )
    parser.add_argument(
        "--quick", action="store_true", help="about a minute; without what must be compiled"
    )


def run(args: argparse.Namespace) -> int:
    """Run a benchmark; return the exit code."""
    # here, as each loads much that no other command needs
    if args.what == "adaptation":
        from ml3_ros.benchmarks import adaptation

        adaptation.run(quick=args.quick)
    elif args.what == "latency":
        from ml3_ros.benchmarks import latency

        latency.run(quick=args.quick)
    elif args.what == "excitation":
        from ml3_ros.benchmarks import excitation

        excitation.run(quick=args.quick)
    elif args.what == "estimators":
        from ml3_ros.benchmarks import estimators

        estimators.run(quick=args.quick)
    elif args.what == "online_loss":
        from ml3_ros.benchmarks import online_loss

        online_loss.run(quick=args.quick)
    else:
        _core(quick=args.quick)
    return 0


def _core(*, quick: bool) -> None:
    from ml3_ros.benchmarks import memory, meta_step

    memory.run(quick=quick)  # first: it counts what a process takes that kept nothing yet
    prepare_process()
    cells = meta_step.run(meta_step.QUICK if quick else meta_step.Plan())
    cell, ratio = meta_step.worst(cells)
    print(
        f"worst ratio over target: {ratio:.2f} ({cell.problem}, {cell.seeds} seeds, {cell.kind})"
    )
