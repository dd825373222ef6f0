# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 payload --bag FILE --before FILE [--out FILE] [key=value ...]`: what an arm carries."""

from __future__ import annotations

import argparse

import numpy as np

from ml3_ros.cli.overrides import with_overrides
from ml3_ros.cli.subparsers import Subparsers
from ml3_ros.data.read_recording import read_recording
from ml3_ros.files import user_path
from ml3_ros.identification.physical.identified_file import load_identified, save_identified
from ml3_ros.identification.physical.payload import Payload
from ml3_ros.identification.physical.payload_recording import (
    PayloadRunConfig,
    error_after,
    payload_of,
)


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "payload",
        help="estimate the mass, centre and inertia of what an arm carries, from a short motion",
        description="Estimate what an arm carries from a recording of a short motion, with 90 % "
        "intervals. The arm must have been identified without it.",
        epilog="example: ml3 payload --bag gripped --before out/my_arm/written/identified.json "
        "seconds=10",
    )
    parser.add_argument(
        "--bag", metavar="FILE", required=True, help="rosbag2 of a motion with the payload"
    )
    parser.add_argument(
        "--before",
        metavar="FILE",
        required=True,
        help="identified.json that `ml3 identify` wrote of a recording without it",
    )
    parser.add_argument(
        "--out",
        type=user_path,
        metavar="FILE",
        help="write the arm with its payload, as identified.json",
    )
    parser.add_argument(
        "overrides", nargs="*", metavar="KEY=VALUE", help="a setting: a field of PayloadRunConfig"
    )


def run(args: argparse.Namespace) -> int:
    """Estimate and print; return the exit code.

    Raises:
        ConfigError: An option does not fit.
        DataError: The recording or the identified arm cannot be used.
    """
    config = with_overrides(PayloadRunConfig(bag=args.bag), args.overrides)
    arm = load_identified(args.before)
    recording = read_recording(config.bag, config.topic, arm.names)
    payload = payload_of(recording, arm, config.payload, config.seconds)
    print(payload_text(payload, arm.names[-1], arm.scale_spread))
    left = [error_after(recording, each, config.seconds) for each in (arm, payload.arm)]
    if left[0] is not None and left[1] is not None:
        print(
            f"On the rest of the recording the effort's NMSE is {left[1]:.3g} with the payload, "
            f"{left[0]:.3g} without."
        )
    if args.out is not None:
        save_identified(args.out, payload.arm)
        print(args.out)
    return 0


def payload_text(payload: Payload, joint: str, scale_spread: float) -> str:
    """Return the estimate in words, for a terminal."""
    low, high = payload.mass_interval
    lines = [f"mass     {payload.mass:.3g} kg   ({low:.3g} to {high:.3g})"]
    for axis in range(3):
        low, high = payload.centre_interval[:, axis]
        lines.append(
            f"centre {'xyz'[axis]} {1e3 * payload.centre[axis]:.0f} mm   "
            f"({1e3 * low:.0f} to {1e3 * high:.0f})"
        )
    for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)):
        low, high = payload.inertia_interval[:, i, j]
        name = f"I{'xyz'[i]}{'xyz'[j]}"
        lines.append(f"{name}      {payload.inertia[i, j]:.3g} kg m^2   ({low:.3g} to {high:.3g})")
    share = 100.0 * scale_spread
    lines.append(
        f"90 % intervals, from {payload.samples} samples; frame of the joint {joint}, inertia "
        f"about the centre. All masses share a scale that is known to {share:.0f} % "
        "(one standard deviation)."
    )
    if np.any(payload.mass_interval[0] <= 0.0):
        lines.append("No payload is shown: turn the last joints in more poses, or record longer.")
    return "\n".join(lines)
