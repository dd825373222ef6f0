# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3`: one command, its subcommands in the modules beside this one, each imported when used."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from ml3_ros.errors import Ml3Error

COMMANDS = {  # name: (module in ml3_ros.cli, what it does)
    "up": ("up", "start a system of nodes and supervise it"),
    "arm": ("arm", "enable, disable, stop, reset a real arm, or send it home"),
    "topics": ("topics", "list the topics of the ROS domain, or show the messages of one"),
    "experiment": ("experiment", "run an experiment of the paper and draw its figure"),
    "train": ("train", "meta-train a learned loss and save it"),
    "distill": ("distill", "find a formula for what a learned loss has learned"),
    "check": ("recordings.check", "check a recording before anything is fitted to it"),
    "excite": ("recordings.excite", "find the next motion that would tell most of an arm"),
    "identify": (
        "recordings.identify",
        "identify an arm from a recording: models, a report",
    ),
    "payload": ("recordings.payload", "estimate what an arm carries from a short motion"),
    "arms": ("recordings.arms", "compare all models on public recordings of real arms"),
    "models": ("models", "try robot files: load, simulate, train, identify"),
    "results": ("results", "write the page of results from metrics files"),
    "bench": ("bench", "measure speed and memory of the learning core"),
    "report": ("report", "print the table and draw the figures of a run's output folder"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; return its exit code, 2 for what the user can put right."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="ml3", description="Meta learning via learned loss for robot arms."
    )
    subparsers = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    chosen = words[0] if words and words[0] in COMMANDS else None
    try:
        for name, (module_name, summary) in COMMANDS.items():
            if name == chosen:  # only this one is imported: the others may need much more
                module = importlib.import_module(f"ml3_ros.cli.{module_name}")
                module.add_parser(subparsers)
            else:
                subparsers.add_parser(name, help=summary)
        args, rest = parser.parse_known_args(words)
        if rest:  # argparse takes no positional words behind options
            if not hasattr(args, "overrides") or any(word.startswith("-") for word in rest):
                parser.error(f"unrecognized arguments: {' '.join(rest)}")
            args.overrides += rest
        if chosen is None:
            parser.print_help()
            return 0 if not words else 2
        code: int = module.run(args)
        sys.stdout.flush()
        return code
    except Ml3Error as error:
        print(f"ml3: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # a reader such as `head` has all that it wants
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


if __name__ == "__main__":
    sys.exit(main())
