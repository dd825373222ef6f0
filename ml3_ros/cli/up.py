# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 up SYSTEM key:=value ...`: start a system of nodes and supervise it."""

from __future__ import annotations

import argparse

from ml3_ros.bringup.arguments import yaml_text
from ml3_ros.bringup.systems.registry import SYSTEMS
from ml3_ros.bringup.up import up
from ml3_ros.cli.subparsers import Subparsers
from ml3_ros.errors import ConfigError
from ml3_ros.reports.tables import definition_list


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "up",
        help="start a system of nodes and supervise it",
        description="Start a system of nodes and supervise it. Ctrl-C ends everything.",
        epilog=_arguments(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("system", nargs="?", metavar="SYSTEM", help=", ".join(SYSTEMS))
    parser.add_argument(
        "words",
        nargs="*",
        metavar="KEY:=VALUE",
        help="an argument of the system, or NODE.PARAMETER:=VALUE for any parameter of a node",
    )


def run(args: argparse.Namespace) -> int:
    """Run the system; return its exit code.

    Raises:
        ConfigError: There is no such system, or an argument does not fit.
    """
    if args.system is None:
        print(_arguments())
        return 0
    if args.system not in SYSTEMS:
        raise ConfigError(f"there is no system '{args.system}'; there are {', '.join(SYSTEMS)}")
    return up(SYSTEMS[args.system], args.words)


def _arguments() -> str:
    parts = []
    for system in SYSTEMS.values():
        arguments = []
        for argument in system.arguments:
            value = "VALUE" if argument.default is None else yaml_text(argument.default)
            allowed = " | ".join(filter(None, (*argument.choices, argument.file)))
            choices = f" ({allowed})" if allowed else ""
            arguments.append((f"{argument.name}:={value}", f"{argument.help}{choices}"))
        parts.append(f"{system.name}: {system.help}\n{definition_list(arguments)}\n")
    return "\n".join(parts)
