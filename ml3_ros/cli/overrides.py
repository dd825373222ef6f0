"""`key=value` words to a configuration dataclass."""

from collections.abc import Sequence
from typing import TypeVar

import tyro

from ml3_ros.errors import ConfigError

Config = TypeVar("Config")


def with_overrides(default: Config, words: Sequence[str]) -> Config:
    """Return `default` with the fields that `words` name changed, nested ones as "a.b=value".

    Raises:
        ConfigError: If a word is not key=value, or names no field or a value out of range.
    """
    for word in words:
        if "=" not in word or word.startswith("-"):
            raise ConfigError(f"{word!r} is no override: write key=value, for instance seeds=3")
    arguments = [f"--{key}={value}" for key, value in (word.split("=", 1) for word in words)]
    try:
        return tyro.cli(type(default), default=default, args=arguments, prog="ml3 ... key=value")
    except SystemExit as error:  # tyro has printed what is wrong with which field
        raise ConfigError("a key=value does not fit the configuration, see above") from error
