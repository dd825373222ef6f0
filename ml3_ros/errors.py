# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Errors of ml3_ros: every message names what is wrong and what to do about it."""

from collections.abc import Iterator
from contextlib import contextmanager

MAX_REASON = 300  # characters of an error that a sentence repeats


class Ml3Error(Exception):
    """Base of all errors that ml3_ros raises on purpose."""


def reason_of(error: Exception) -> str:
    """Return in one short line why something failed; of unexpected errors, the kind too."""
    try:
        message = " ".join(str(error).split())
    except Exception:  # an error from anywhere may fail at this, too
        message = "no message"
    text = message if isinstance(error, Ml3Error) else f"{type(error).__name__}: {message}"
    return text if len(text) <= MAX_REASON else text[:MAX_REASON] + "..."


class ConfigError(Ml3Error, ValueError):
    """A parameter or option is outside what it may be."""


class RobotError(Ml3Error):
    """A robot description is missing, unreadable or does not fit."""


class DataError(Ml3Error, ValueError):
    """Samples, recordings or batches are malformed."""


class LossFileError(Ml3Error):
    """A learned-loss file is corrupt, of another version or of another robot."""


class MessageError(Ml3Error, ValueError):
    """A ROS message carries something that must not be used."""


class WorkerError(Ml3Error):
    """A worker process died again and again."""


@contextmanager
def needs(package: str, extra: str, what: str) -> Iterator[None]:
    """Import a package that is no part of every installation: it belongs to an extra of setup.py.

    Args:
        package: Its name on a package index.
        extra: The extra of ml3_ros that brings it.
        what: What cannot be done without it.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise ConfigError(
            f"{what} needs {package}: run `pip install {package}` (extra ml3_ros[{extra}])"
        ) from error
