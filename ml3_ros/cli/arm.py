# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 arm WORD`: enable, disable, stop, reset a real arm, or send it home."""

from __future__ import annotations

import argparse

from ml3_ros.cli.subparsers import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "arm",
        help="enable, disable, stop, reset a real arm, or send it home",
        description=(
            "Send a command to the driver of a real arm. The emergency stop button is quicker."
        ),
    )
    parser.add_argument("word", choices=("enable", "disable", "stop", "reset", "home"))
    parser.add_argument(
        "--driver", default="sawyer_driver", help="name of the driver's node (%(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    """Request it and print the answer; return the exit code.

    Raises:
        ConfigError: The driver is not there, does not answer, or rejects it.
    """
    from ml3_ros.bringup.operator import call_driver

    print(call_driver(args.word, args.driver))
    return 0
