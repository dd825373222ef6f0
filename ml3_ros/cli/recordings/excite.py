# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 excite --urdf FILE [--seconds S] [--out FILE]`: the next motion that would tell most."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ml3_ros.cli.overrides import path_option
from ml3_ros.cli.recordings.threads import one_thread
from ml3_ros.cli.subparsers import Subparsers
from ml3_ros.errors import ConfigError

if TYPE_CHECKING:
    from ml3_ros.identification.excitation.limits import MotionLimits
    from ml3_ros.robots.pinocchio_model import PinocchioModel

COLLISIONS = (
    "Self-collision, cables and what stands around the arm are not checked: look at the motion in "
    "a simulator first, then run it slowly."
)


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "excite",
        help="find the next motion that would tell most of an arm; write it as a trajectory",
        description="Find the motion that tells most of an arm's base parameters and friction "
        "(Fourier series by D-optimality) within its limits of position, speed and torque. Writes "
        "a table of samples, and beside it the goal of a FollowJointTrajectory action. "
        + COLLISIONS,
        epilog="example: ml3 excite --urdf my_arm.urdf --seconds 30 --start 0 -1.2 1.2 0 1 0 "
        "--out out/excite.csv",
    )
    parser.add_argument(
        "--urdf", required=True, metavar="FILE", help="the arm: a URDF or MJCF file, or a name"
    )
    parser.add_argument(
        "--seconds", type=float, default=30.0, metavar="S", help="length (%(default)s)"
    )
    parser.add_argument(
        "--out",
        type=path_option,
        default=Path("out/excite.csv"),
        metavar="FILE",
        help="table to write (%(default)s); the goal goes beside it as .yaml",
    )
    _add_limits(parser)
    parser.add_argument(
        "--bag",
        action="append",
        default=[],
        metavar="FILE",
        help="an earlier recording, whose information is not sought again; may be repeated",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the search (%(default)s)")


def _add_limits(parser: argparse.ArgumentParser) -> None:
    """Add what bounds the motion."""
    parser.add_argument(
        "--start",
        type=float,
        nargs="+",
        metavar="Q",
        help="pose at which it begins and ends [rad], a number a joint; home if left out",
    )
    parser.add_argument(
        "--reach",
        type=float,
        default=1.0,
        metavar="RAD",
        help="farthest that a joint goes from there (%(default)s)",
    )
    parser.add_argument(
        "--highest", type=float, default=0.8, metavar="HZ", help="fastest sine (%(default)s)"
    )
    parser.add_argument(
        "--acceleration",
        type=float,
        default=5.0,
        metavar="A",
        help="largest, where the arm's file gives none [rad/s^2] (%(default)s)",
    )
    parser.add_argument(
        "--box",
        type=float,
        nargs=6,
        metavar=("X0", "Y0", "Z0", "X1", "Y1", "Z1"),
        help="corners of a box in the base frame that the tool stays in [m]",
    )


def run(args: argparse.Namespace) -> int:
    """Find the motion and write it; return the exit code.

    Raises:
        ConfigError: A number is out of range, or no motion keeps the limits.
        DataError: A bag cannot be read, or a file not be written.
        RobotError: The arm's file cannot be used.
    """
    one_thread()
    import numpy as np

    from ml3_ros.data.read_recording import read_recording
    from ml3_ros.identification.excitation.files import LEAD, save_motion
    from ml3_ros.identification.excitation.knowledge import known_before
    from ml3_ros.identification.excitation.search import SearchConfig, most_telling_motion
    from ml3_ros.identification.excitation.series import FourierSeries
    from ml3_ros.robots.base import joint_array
    from ml3_ros.robots.pinocchio_model import PinocchioModel
    from ml3_ros.robots.registry import load_robot

    for name in ("seconds", "reach", "highest", "acceleration"):
        if not 0.0 < getattr(args, name) < np.inf:
            raise ConfigError(f"--{name} is {getattr(args, name)}: it must be finite and > 0")
    if args.out.suffix == ".yaml":
        raise ConfigError(f"--out is {args.out}: that is where the goal goes; name the table .csv")
    arm = load_robot(args.urdf, simulated=False)
    model = PinocchioModel(arm)
    start = arm.home if args.start is None else joint_array(args.start, model.nv, "--start")
    limits = _limits(args, model, start)
    series = FourierSeries(start=start, seconds=args.seconds, highest=args.highest)
    recordings = [read_recording(bag, None, model.names) for bag in args.bag]
    known = known_before(model, start, recordings)
    motion = most_telling_motion(
        model, series, limits, known, SearchConfig(seed=args.seed), lambda text: print(text)
    )
    from ml3_ros.identification.excitation.comparison import compared_with_random

    print(compared_with_random(model, limits, known, motion))
    table, goal = save_motion(args.out, model.names, motion)
    print(f"{table}\n{goal}: begins {LEAD:g} s after it is sent, from the start")
    print(COLLISIONS)
    return 0


def _limits(args: argparse.Namespace, model: PinocchioModel, start: object) -> MotionLimits:
    import numpy as np

    from ml3_ros.identification.excitation.limits import MotionLimits

    return MotionLimits.of(
        model.limits,
        np.asarray(start, dtype=float),
        reach=args.reach,
        acceleration=args.acceleration,
        box=None if args.box is None else np.reshape(args.box, (2, 3)),
    )
