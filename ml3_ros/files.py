# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Paths as users write them, and files of which no reader ever sees half."""

import contextlib
import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from ml3_ros.errors import DataError


def user_path(path: str | Path) -> Path:
    """Return the path that a user means: ~ is the home folder, ~NAME that of another user.

    A shell replaces ~ at the beginning of a word alone, so that `out:=~/x`, `--out=~/x` and the
    values of parameters arrive as they were typed. Whatever comes from outside passes through here
    before it is opened.

    Raises:
        DataError: There is no such home folder.
    """
    plain = Path(path)
    if not str(path).startswith("~"):
        # of ./~x, which names a file here, Path forgets the dot
        return Path.cwd() / plain if str(plain).startswith("~") else plain
    try:
        return plain.expanduser()
    except RuntimeError:
        raise DataError(
            f"{path} begins in a home folder that does not exist: write the path in full, or "
            f"./{path} for one of that name here"
        ) from None


def write_atomically(path: Path, content: bytes | Callable[[BinaryIO], object]) -> None:
    """Write `content` to a temporary file beside `path` and rename it into place.

    Folders that are missing are made. A file that is replaced hands on its permissions; of several
    writers the last one wins. Where `path` is a symbolic link, the link is replaced, not its
    target: in a folder that others may write to, a link could lead anywhere.

    Args:
        path: Of the file.
        content: The bytes, or who writes them into an open file: no copy of them in memory.

    Raises:
        DataError: The disk is full or the folder cannot be written; `path` is as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _replacing(path) as file:
            if callable(content):
                content(file)
            else:
                file.write(content)
    except OSError as error:
        raise write_error(path, error) from error
    _sync_folder(path.parent)


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a new file that takes the place of `path` in the end, unless there is an error."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    with temporary.open("xb") as file:  # exclusive: never a file of others, nor through a link
        try:
            _set_permissions(file, path)
            with contextlib.suppress(OSError):  # some network folders know no locks
                fcntl.flock(file, fcntl.LOCK_EX)  # until it is closed: see remove_unfinished
            yield file
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):  # where the folder is gone, the first error says so
                temporary.unlink()
            raise


def _set_permissions(file: BinaryIO, path: Path) -> None:
    """Give a new file the permissions of the file at `path`, if there is one."""
    with contextlib.suppress(OSError):  # there is none, or the disk knows no permissions
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            os.fchmod(file.fileno(), stat.S_IMODE(mode))


def _sync_folder(folder: Path) -> None:
    """Let a renaming in `folder` outlast a power cut."""
    with contextlib.suppress(OSError):  # some disks cannot; the file is in its place all the same
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_unfinished(folder: Path) -> None:
    """Remove what killed processes have left half written in a folder, by `write_atomically`.

    What a live writer has locked is left alone.
    """
    for path in folder.glob(".*.part"):
        with contextlib.suppress(OSError):  # it does no harm
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            finally:
                os.close(descriptor)


def write_error(path: Path, error: OSError) -> DataError:
    """Return the DataError for a file that could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DataError(f"the disk is full, {path} was not written: free space and run again")
    return DataError(
        f"{path} cannot be written ({error.strerror or error}): choose a folder that can"
    )
