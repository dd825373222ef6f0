# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Commands in the documents are accepted by the program."""

import argparse
import importlib
import re
import shlex
from pathlib import Path

import pytest

from ml3_ros.bringup.systems.registry import SYSTEMS
from ml3_ros.cli.main import COMMANDS
from ml3_ros.cli.overrides import with_overrides
from ml3_ros.cli.train import TRAINING
from ml3_ros.experiments.registry import EXPERIMENTS

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
PLACEHOLDER = re.compile(r"[\[|]|\b[A-Z]{4,}\b|=([A-Z]\b| |$)")


def commands():
    """Return the words behind `ml3` of every command that is spelled out, without placeholders."""
    found = set()
    for page in PAGES:
        text = page.read_text("utf-8")
        blocks = re.findall(r"```(?:bash|sh)\n(.*?)```", text, flags=re.DOTALL)
        lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
        lines += [" ".join(code.split()) for code in re.findall(r"`(ml3 [^`]+)`", text)]
        found |= {line for line in lines if line.startswith("ml3 ")}
    return sorted(line for line in found if not PLACEHOLDER.search(line))


@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_pages_is_accepted(command):
    words = shlex.split(command, comments=True)[1:]
    module = importlib.import_module(f"ml3_ros.cli.{COMMANDS[words[0]][0]}")
    parser = argparse.ArgumentParser()
    module.add_parser(parser.add_subparsers(dest="command"))
    if len(words) == 1 or ("--out" not in words and words[0] in ("train", "experiment")):
        return  # a name in a sentence
    args, rest = parser.parse_known_args(words)
    assert not [word for word in rest if word.startswith("-")]
    if words[0] == "up":
        SYSTEMS[args.system].parse([*args.words, *rest])
    elif words[0] == "train":
        with_overrides(TRAINING[args.task][0], [*args.overrides, *rest])
    elif words[0] == "experiment":
        with_overrides(EXPERIMENTS[args.name].config, [*args.overrides, *rest])
