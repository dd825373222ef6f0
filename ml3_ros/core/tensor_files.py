# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Safetensors files with a JSON header: the one writer and the one reader of the package."""

import json
from collections.abc import Mapping
from typing import Any

from safetensors.torch import save
from torch import Tensor

from ml3_ros.core.checks import quoted
from ml3_ros.errors import DataError, reason_of

HEADER_KEY = "ml3"  # of our own entry in the header
METADATA = "__metadata__"  # what the format calls the entries that are no tensors
MAX_HEADER = 2**18  # bytes: far above any real one; parsed, it is some 5 MB, made in 20 ms
_LENGTH_BYTES = 8  # the file begins with the little-endian length of its header

Shapes = dict[str, tuple[int, ...]]


def read_table(data: bytes, largest: int | None = MAX_HEADER) -> tuple[Any, int]:
    """Return a file's whole header, decoded and unchecked, and where its tensors' bytes begin.

    Args:
        data: A file from anywhere, or its beginning.
        largest: Length of the header [byte] up to which it is parsed; None is any.

    Raises:
        DataError: It is longer, or no JSON.
    """
    length = _header_length(data)
    if largest is not None and length > largest:
        raise DataError(f"its header has {length} bytes, more than {largest}")
    try:
        return json.loads(data[_LENGTH_BYTES:][:length]), _LENGTH_BYTES + length
    except Exception as error:  # from anywhere, it raises anything
        raise DataError(reason_of(error)) from error


def read_entry(data: bytes, largest: int | None = MAX_HEADER) -> tuple[str, Shapes]:
    """Return our entry of the header, and the tensors' shapes by name; no tensor is read.

    Args:
        data: A file from anywhere, or its beginning.
        largest: As for `read_table`.

    Raises:
        DataError: It is not the beginning of such a file.
    """
    table, _ = read_table(data, largest)
    try:
        text = table.pop(METADATA)[HEADER_KEY]
        shapes = {name: tuple(entry["shape"]) for name, entry in table.items()}
    except Exception as error:  # from anywhere, it raises anything
        raise DataError(reason_of(error)) from error
    if not isinstance(text, str):
        raise DataError(f"its entry {HEADER_KEY!r} is {quoted(text)}")
    return text, shapes


def read_header(data: bytes) -> tuple[dict[str, Any], str, Shapes]:
    """Return our entry of the header as an object and as text, and the tensors' shapes by name.

    Raises:
        DataError: It is not the beginning of such a file.
    """
    text, shapes = read_entry(data)
    try:
        header = json.loads(text)
    except Exception as error:
        raise DataError(reason_of(error)) from error
    if not isinstance(header, dict):
        raise DataError(f"its header is {quoted(header)}")
    return header, text, shapes


def write_tensors(
    tensors: Mapping[str, Tensor], text: str, largest: int | None = MAX_HEADER
) -> bytes:
    """Return the file of tensors and our entry; equal ones give equal bytes.

    Args:
        tensors: By name.
        text: Our entry. There is one only: safetensors writes several in any order.
        largest: Length of the header [byte] that a reader accepts; None is any.

    Raises:
        DataError: The header is longer.
    """
    plain = {k: x.detach().cpu().contiguous() for k, x in tensors.items()}
    data = save(plain, {HEADER_KEY: text})
    length = _header_length(data)
    if largest is not None and length > largest:
        raise DataError(
            f"its header would have {length} bytes, more than the {largest} that are read back: "
            "describe it in fewer words"
        )
    return data


def _header_length(data: bytes) -> int:
    return int.from_bytes(data[:_LENGTH_BYTES], "little")
