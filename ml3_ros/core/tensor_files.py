"""What safetensors files say of themselves, read before any of their tensors is."""

import json
from typing import Any

from ml3_ros.core.checks import quoted
from ml3_ros.errors import DataError, reason_of

HEADER_KEY = "ml3"  # of our own entry in the header
MAX_HEADER = 2**18  # bytes: far above any real one; parsed, it is some 5 MB, made in 20 ms
_LENGTH_BYTES = 8  # the file begins with the little-endian length of its header

Shapes = dict[str, tuple[int, ...]]


def read_table(data: bytes) -> tuple[Any, int]:
    """Return a file's whole header, decoded and unchecked, and where its tensors' bytes begin.

    Raises:
        DataError: It is longer than any real one, or no JSON.
    """
    length = int.from_bytes(data[:_LENGTH_BYTES], "little")
    if length > MAX_HEADER:
        raise DataError(f"its header has {length} bytes, more than {MAX_HEADER}")
    try:
        return json.loads(data[_LENGTH_BYTES:][:length]), _LENGTH_BYTES + length
    except Exception as error:  # from anywhere, it raises anything
        raise DataError(reason_of(error)) from error


def read_header(data: bytes) -> tuple[dict[str, Any], str, Shapes]:
    """Return our entry of the header as an object and as text, and the tensors' shapes by name.

    Raises:
        DataError: It is not the beginning of such a file.
    """
    table, _ = read_table(data)
    try:
        text = table.pop("__metadata__")[HEADER_KEY]
        header = json.loads(text)
        shapes = {name: tuple(entry["shape"]) for name, entry in table.items()}
    except Exception as error:  # from anywhere, it raises anything
        raise DataError(reason_of(error)) from error
    if not isinstance(header, dict):
        raise DataError(f"its header is {quoted(header)}")
    return header, text, shapes
