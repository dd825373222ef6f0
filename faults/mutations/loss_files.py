# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Damaged and malicious variants of a learned-loss file, the same ones for the same seed."""

from __future__ import annotations

import json
import pickle
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from faults.mutations.headers import joined, wrong_header
from ml3_ros.core.tensor_files import HEADER_KEY, read_table

Json = dict[str, Any]
Mutation = Callable[[bytes, random.Random, Path], bytes]

_LENGTH = 8  # bytes of the header's length, which a safetensors file begins with
INTEGERS = (0, 1, -1, 2**31, 2**63, 2**64, -(2**63), 10**30, 10**400)
FLOATS = (0.0, -1.0, 1e-300, 1e300, 1e999, float("nan"), float("inf"))
OTHERS: tuple[Any, ...] = (True, None, "", "1", [], {}, [[]])
NUMBERS = (*INTEGERS, *FLOATS, *OTHERS)  # and what may stand in the place of one
DTYPES = ("F64", "F16", "BF16", "I8", "I64", "U8", "BOOL", "F8_E4M3", "X", "", None, 7)


def mutated(
    data: bytes, rng: random.Random, marker: Path, kinds: tuple[str, ...] = ()
) -> tuple[str, bytes]:
    """Return the name of a mutation drawn from `rng`, and what it makes of a file.

    Args:
        data: A whole learned-loss file.
        rng: Draws the mutation and its details.
        marker: A file that code in the mutated file makes if it is ever executed.
        kinds: Of mutations to draw from; all if left out.
    """
    name = rng.choice(kinds or KINDS)
    return name, _KINDS[name](data, rng, marker)


def _bits(data: bytes, rng: random.Random, _marker: Path) -> bytes:
    raw = bytearray(data)
    for _ in range(rng.randrange(1, 9)):
        raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    return bytes(raw)


def _header_bits(data: bytes, rng: random.Random, marker: Path) -> bytes:
    _table, end = read_table(data)
    return _bits(data[:end], rng, marker) + data[end:]


def _cut(data: bytes, rng: random.Random, _: Path) -> bytes:
    return data[: rng.randrange(len(data))]


def _longer(data: bytes, rng: random.Random, _: Path) -> bytes:
    return data + rng.randbytes(rng.randrange(1, 4096))


def _noise(data: bytes, rng: random.Random, _: Path) -> bytes:
    return rng.randbytes(rng.randrange(4096))


def _length_lie(data: bytes, rng: random.Random, _: Path) -> bytes:
    lies = (0, 1, 7, len(data), len(data) - _LENGTH, 2**31, 2**53, 2**63, 2**64 - 1)
    return struct.pack("<Q", rng.choice(lies)) + data[_LENGTH:]


def _pickle(data: bytes, rng: random.Random, marker: Path) -> bytes:
    code = pickle.dumps(_Touch(str(marker)), protocol=rng.randrange(6))
    return code if rng.random() < 0.5 else struct.pack("<Q", len(code)) + code + data


class _Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return open, (self._path, "w")


def _header_value(data: bytes, rng: random.Random, _: Path) -> bytes:
    return wrong_header(data, rng)


def _spec_number(data: bytes, rng: random.Random, _: Path) -> bytes:
    return _with_meta(data, lambda meta: _replace_leaf(meta["spec"], rng, NUMBERS))


def _provenance(data: bytes, rng: random.Random, _: Path) -> bytes:
    return _with_meta(data, lambda meta: _replace_leaf(meta["provenance"], rng, NUMBERS))


def _huge_network(data: bytes, rng: random.Random, _: Path) -> bytes:
    widths = rng.choice([[10**5] * 2, [10**9], [2**62], [10**3] * 1000, [40] * 10**5, [0], [-1]])
    options = ["hidden", "prior_hidden", "step_hidden"]

    def widen(meta: Json) -> None:
        known = [key for key in options if key in meta["spec"]["options"]] or options[:1]
        meta["spec"]["options"][rng.choice(known)] = widths

    return _with_meta(data, widen)


def _many_inputs(data: bytes, rng: random.Random, _: Path) -> bytes:
    count = rng.choice([0, 1, 1000, 10**5, 10**6])

    def grow(meta: Json) -> None:
        meta["spec"]["target"]["scale"] = [1.0] * count
        meta["spec"]["target"]["labels"] = []

    return _with_meta(data, grow)


def _missing_key(data: bytes, rng: random.Random, _: Path) -> bytes:
    def drop(meta: Json) -> None:
        box = meta if rng.random() < 0.3 else meta["spec"]
        del box[rng.choice(list(box))]

    return _with_meta(data, drop)


def _extra_key(data: bytes, rng: random.Random, _: Path) -> bytes:
    def add(meta: Json) -> None:
        box = meta["spec"]["options"] if rng.random() < 0.5 else meta["spec"]
        box[rng.choice(["__class__", "x", "self", "init_phi"])] = rng.choice([0, 1])

    return _with_meta(data, add)


def _version(data: bytes, rng: random.Random, _: Path) -> bytes:
    version = rng.choice(NUMBERS)
    return _with_meta(data, lambda meta: meta.update(version=version))


def _deep(data: bytes, rng: random.Random, _: Path) -> bytes:
    depth = rng.choice([100, 10**4, 10**6])
    text = ("[" * depth) if rng.random() < 0.5 else ("[" * depth + "]" * depth)
    if rng.random() < 0.5:
        text = '{"a":' * depth
    return _with_header(data, lambda header: header["__metadata__"].update({HEADER_KEY: text}))


def _bomb(data: bytes, rng: random.Random, _: Path) -> bytes:
    length = rng.choice([10**5, 10**6, 10**7])
    return _with_meta(data, lambda meta: meta["provenance"].update(x=["0"] * (length // 10)))


def _twice(data: bytes, rng: random.Random, _: Path) -> bytes:
    header, begin = read_table(data)
    name = rng.choice([key for key in header if key != "__metadata__"])
    again = json.dumps({name: header[name]})[1:]
    text = data[_LENGTH:begin].rstrip(b" ")[:-1] + b"," + again.encode()
    return struct.pack("<Q", len(text)) + text + data[begin:]


def _tensor(data: bytes, rng: random.Random, _: Path) -> bytes:
    def change(header: Json) -> None:
        entry = header[rng.choice([key for key in header if key != "__metadata__"])]
        field = rng.choice(["dtype", "shape", "data_offsets"])
        if field == "dtype":
            entry["dtype"] = rng.choice(DTYPES)
        elif field == "shape":
            entry["shape"] = [rng.choice(NUMBERS), *entry["shape"]]
        else:
            begin, end = entry["data_offsets"]
            shift = rng.choice([-4, 4, 2**40, -(2**40)])
            entry["data_offsets"] = [begin + shift, end + rng.choice([0, shift])]

    return _with_header(data, change)


def _extra_tensor(data: bytes, rng: random.Random, _: Path) -> bytes:
    header, begin = read_table(data)
    size = rng.choice([0, 4, 4000])
    end = len(data) - begin
    header["extra"] = {"dtype": "F32", "shape": [size // 4], "data_offsets": [end, end + size]}
    return joined(header, data[begin:] + bytes(size))


def _huge_values(data: bytes, rng: random.Random, _: Path) -> bytes:
    header, begin = read_table(data)
    values = np.frombuffer(data[begin:], dtype="<f4").copy()
    at = rng.choices(range(len(values)), k=max(1, len(values) // 10))
    values[at] = rng.choice([np.nan, np.inf, 3e38, -3e38, 1e30, 1e-45])
    return joined(header, values.tobytes())


_OF_ANY_FILE: dict[str, Mutation] = {
    "flipped bits": _bits,
    "flipped bits of the header": _header_bits,
    "truncated": _cut,
    "longer": _longer,
    "noise": _noise,
    "a header of another length": _length_lie,
    "a pickle": _pickle,
    "values of the header": _header_value,
    "another version": _version,
    "deep nesting": _deep,
    "a tensor twice": _twice,
    "other types, shapes, offsets": _tensor,
    "a tensor too many": _extra_tensor,
    "huge values": _huge_values,
}
_OF_LOSSES: dict[str, Mutation] = {
    "numbers of the specification": _spec_number,
    "numbers of the provenance": _provenance,
    "huge networks": _huge_network,
    "many inputs": _many_inputs,
    "a key too few": _missing_key,
    "a key too many": _extra_key,
    "a large header": _bomb,
}
_KINDS = _OF_ANY_FILE | _OF_LOSSES
KINDS, KINDS_OF_ANY_FILE = tuple(_KINDS), tuple(_OF_ANY_FILE)


def _with_header(data: bytes, change: Callable[[Json], object]) -> bytes:
    header, begin = read_table(data)
    change(header)
    return joined(header, data[begin:])


def _with_meta(data: bytes, change: Callable[[Json], object]) -> bytes:
    def inside(header: Json) -> None:
        meta = json.loads(header["__metadata__"][HEADER_KEY])
        change(meta)
        header["__metadata__"][HEADER_KEY] = json.dumps(meta)

    return _with_header(data, inside)


def _replace_leaf(tree: Any, rng: random.Random, values: tuple[Any, ...]) -> None:
    """Replace a random leaf of nested dicts and lists by one of `values`."""
    while True:
        keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
        key = rng.choice(keys)
        if not (isinstance(tree[key], dict | list) and tree[key] and rng.random() < 0.9):
            tree[key] = rng.choice(values)
            return
        tree = tree[key]
