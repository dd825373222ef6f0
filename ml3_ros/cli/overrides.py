# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Options of several subcommands: paths, `key=value` words for a dataclass, `--engine`."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from ml3_ros.errors import ConfigError, DataError, needs
from ml3_ros.files import user_path

Config = TypeVar("Config")


def with_overrides(default: Config, words: Sequence[str]) -> Config:
    """Return `default` with the fields that `words` name changed.

    Args:
        default: Any configuration dataclass.
        words: Each "key=value"; nested fields are "a.b=value", several values "key=value,value".

    Raises:
        ConfigError: If a word is not key=value, or names no field or a value out of range; or
            tyro, which reads them, is not installed.
    """
    if not words:
        return default
    for word in words:
        if "=" not in word or word.startswith("-"):
            raise ConfigError(f"{word!r} is no override: write key=value, for instance seeds=3")
    with needs("tyro", "experiments", f"a setting such as {words[0]}"):
        import tyro
    try:
        return tyro.cli(
            type(default),
            default=default,
            args=[argument for word in words for argument in _arguments(word)],
            prog="ml3 ... key=value",
            config=(
                tyro.conf.FlagConversionOff,  # a switch takes True or False as its value
                tyro.conf.AvoidSubcommands,  # settings that may be None have names like all others
            ),
        )
    except SystemExit as error:  # tyro has printed what is wrong with which field
        raise ConfigError(
            f"{' '.join(words)} does not fit the configuration: see above what to change"
        ) from error


def _arguments(word: str) -> list[str]:
    """Return what tyro reads for "key=value" or "key=value,value"."""
    key, value = word.split("=", 1)
    values = value.split(",")
    return [f"--{key}", *values] if len(values) > 1 else [f"--{key}={value}"]


def path_option(text: str) -> Path:
    """Return the path that an option names: the `type` of every option that is one."""
    try:
        return user_path(text)
    except DataError as error:  # of a ValueError argparse would show the type alone
        raise argparse.ArgumentTypeError(str(error)) from error


def add_engine(parser: argparse.ArgumentParser) -> None:
    """Add --engine."""
    parser.add_argument(
        "--engine",
        default="autograd",
        metavar="KIND[:cuda]",
        help="how meta-gradients are computed: autograd (default), replayed, compiled or higher; "
        "replayed and compiled record a step first, which pays in runs of thousands of outer "
        "steps and is needed on a GPU; higher trains models one by one, slowly, and takes any "
        "nn.Module; results are the same up to rounding",
    )
