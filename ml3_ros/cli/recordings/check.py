# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 check BAG --urdf FILE [--json FILE]`: check a recording before anything is fitted to it."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from ml3_ros.cli.overrides import path_option, with_overrides
from ml3_ros.cli.recordings.threads import one_thread
from ml3_ros.cli.subparsers import Subparsers
from ml3_ros.files import write_atomically

if TYPE_CHECKING:
    from ml3_ros.identification.checks import Finding

PROBLEM = 1  # exit code where a check failed; 2 is what the user can put right at once


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "check",
        help="check a recording before anything is fitted: exit code 1 and a sentence a problem",
        description="Check a recording of joint states before anything is fitted to it: rate, "
        "gaps, units, smoothing, clipping, and which parameters of the arm the motion shows. "
        "Prints one line a check that is passed and one a problem, with what to do; the exit code "
        "is 0 where there is none, else 1.",
        epilog="example: ml3 check my_bag --urdf my_arm.urdf --json check.json",
    )
    parser.add_argument("bag", metavar="BAG", help="rosbag2: a folder, a .db3 or a .mcap")
    parser.add_argument(
        "--urdf", required=True, metavar="FILE", help="the arm: a URDF or MJCF file, or ur10"
    )
    parser.add_argument("--topic", help="of the joint states, where the bag has several")
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="KEY=VALUE",
        help="how the recording differs from the model: fields of RecordedConfig, as rename=left_",
    )
    parser.add_argument(
        "--json", type=path_option, metavar="FILE", help="write all findings there, for programs"
    )


def run(args: argparse.Namespace) -> int:
    """Check; return the exit code.

    Raises:
        DataError: The bag cannot be read, or the file not be written.
        RobotError: The arm's file cannot be used.
    """
    one_thread()
    from ml3_ros.identification.gate import check_all
    from ml3_ros.identification.recorded.sources import (
        RecordedConfig,
        read_recording,
        recorded_arm,
    )

    default = RecordedConfig(bag=args.bag, urdf=args.urdf, topic=args.topic)
    config = with_overrides(default, args.overrides)
    model = recorded_arm(config)
    recording = read_recording(config, model.names)
    findings = check_all(recording, model)
    for note in model.description.notes:
        print(f"ok       arm: {note}.")
    for finding in findings:
        for line in _lines(finding):
            print(line)
    if args.json is not None:
        write_atomically(args.json, (json.dumps(_content(args.bag, findings), indent=2)).encode())
    return 0 if all(finding.fine for finding in findings) else PROBLEM


def _lines(finding: Finding) -> list[str]:
    if finding.fine:
        return [f"ok       {finding.topic}: {finding.text}"]
    problems = finding.problems or (finding.text.removesuffix("."),)
    return [f"PROBLEM  {finding.topic}: {problem}." for problem in problems]


def _content(bag: str, findings: list[Finding]) -> dict[str, object]:
    return {
        "bag": bag,
        "ok": all(finding.fine for finding in findings),
        "findings": [
            {
                "topic": finding.topic,
                "ok": finding.fine,
                "text": finding.text,
                "problems": list(finding.problems),
            }
            for finding in findings
        ],
    }
