# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Checks of values that may come from a file: what they are first, then how large.

JSON knows NaN, infinity, booleans where numbers belong, and whole numbers of any length; each of
them slips through a comparison or kills an arithmetic.
"""

import reprlib
from collections.abc import Callable
from typing import Any

from ml3_ros.errors import ConfigError

MAX_TEXT = 200  # characters of a name, unit or label
MAX_NUMBERS = 4096  # in a list
MAX_JOINTS = 64  # of an arm
SMALLEST, LARGEST = 1e-20, 1e20  # of a scale: squares and inverses stay within float32

_quotes = reprlib.Repr()
_quotes.maxstring = _quotes.maxother = _quotes.maxlong = 100
_quotes.maxtuple = _quotes.maxlist = _quotes.maxdict = 8


def quoted(value: object) -> str:
    """Return a value of any size and kind, short and printable enough for a sentence."""
    return _quotes.repr(value)


def printable(text: str) -> str:
    """Return a text that can be sent and logged: half of a surrogate pair has no UTF-8."""
    return text.encode(errors="backslashreplace").decode()


def is_number(value: object) -> bool:
    """Whether it is a real number; NaN is left to the comparison with a range."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_whole(value: object) -> bool:
    """Whether it is a whole number; 2.0 is none."""
    return isinstance(value, int) and not isinstance(value, bool)


def check_number(name: str, value: Any, low: float, high: float) -> None:
    """Reject what is no real number from `low` to `high` (ConfigError)."""
    if not (is_number(value) and low <= value <= high):
        raise ConfigError(f"{name} must be a number from {low:g} to {high:g}, got {quoted(value)}")


def check_whole(name: str, value: Any, low: int, high: int) -> None:
    """Reject what is no whole number from `low` to `high` (ConfigError)."""
    if not (is_whole(value) and low <= value <= high):
        raise ConfigError(
            f"{name} must be a whole number from {low} to {high}, got {quoted(value)}"
        )


def check_flag(name: str, value: object) -> None:
    """Reject what is neither true nor false (ConfigError)."""
    if not isinstance(value, bool):
        raise ConfigError(f"{name} must be true or false, got {quoted(value)}")


def check_text(name: str, value: object) -> None:
    """Reject what is no short line of text that can be printed (ConfigError)."""
    if not (isinstance(value, str) and len(value) <= MAX_TEXT and value.isprintable()):
        raise ConfigError(
            f"{name} must be a line of text of at most {MAX_TEXT} characters, got {quoted(value)}"
        )


def check_name(name: str, value: object) -> None:
    """Reject what is no text that can name something (ConfigError)."""
    check_text(name, value)
    if not value:
        raise ConfigError(f"{name} must not be empty")


def check_list(
    name: str, values: Any, check: Callable[[str, Any], None], size: int | None = None
) -> None:
    """Reject what is no list of `size` values that pass `check`; None: up to MAX_NUMBERS."""
    if not isinstance(values, list | tuple) or len(values) > MAX_NUMBERS:
        raise ConfigError(f"{name} must be a list of at most {MAX_NUMBERS}, got {quoted(values)}")
    if size is not None and len(values) != size:
        raise ConfigError(f"{name} must have {size} values, got {len(values)}")
    for value in values:
        check(name, value)


def check_numbers(
    name: str, values: Any, low: float, high: float, size: int | None = None
) -> None:
    """Reject what is no list of `size` real numbers from `low` to `high` (ConfigError)."""
    check_list(name, values, lambda name, x: check_number(name, x, low, high), size)
