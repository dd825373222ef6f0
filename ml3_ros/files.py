"""Files written so that a reader never sees half of one, and a failure loses nothing."""

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from ml3_ros.errors import DataError


def write_atomically(path: Path, content: bytes | Callable[[BinaryIO], object]) -> None:
    """Write `content` to a temporary file beside `path` and rename it into place.

    Folders that are missing are made.

    Args:
        path: Of the file.
        content: The bytes, or who writes them into an open file: no copy of them in memory.

    Raises:
        DataError: The disk is full or the folder cannot be written; `path` is as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            if callable(content):
                content(file)
            else:
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):  # where the folder is gone, the first error says so
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise write_error(path, error) from error
        raise


def remove_unfinished(folder: Path) -> None:
    """Remove what killed processes have left half written in a folder, by `write_atomically`.

    For folders that nobody else writes to at the moment.
    """
    for path in folder.glob(".*.part"):
        with contextlib.suppress(OSError):  # it does no harm
            path.unlink()


def write_error(path: Path, error: OSError) -> DataError:
    """Return the DataError for a file that could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DataError(f"the disk is full, {path} was not written: free space and run again")
    return DataError(
        f"{path} cannot be written ({error.strerror or error}): choose a folder that can"
    )
