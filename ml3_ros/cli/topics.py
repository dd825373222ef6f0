# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 topics [NAME]`: topics and their messages, for machines without the `ros2` command."""

from __future__ import annotations

import argparse
import signal

from ml3_ros.cli.subparsers import Subparsers
from ml3_ros.reports.tables import text_table


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "topics",
        help="list the topics of the ROS domain, or show the messages of one",
        description="List the topics of the ROS domain, or show the messages of one.",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="topic to show")
    parser.add_argument("--count", type=int, default=0, help="messages to show; 0: until Ctrl-C")


def run(args: argparse.Namespace) -> int:
    """List or show; return the exit code.

    Raises:
        ConfigError: Nobody publishes on the topic.
    """
    from ml3_ros.bringup.topic_viewer import echo, list_topics

    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends this as any command
    if args.name is not None:
        echo(args.name, args.count, lambda text: print(text, flush=True))
        return 0
    rows = [[name, kind, str(sources), str(sinks)] for name, kind, sources, sinks in list_topics()]
    if not rows:
        print("no topics: is ROS_DOMAIN_ID the same there and here?")
        return 0
    print(text_table(["topic", "type", "publishers", "subscribers"], rows, n_texts=2))
    return 0
