# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Every wrong value in every field of the header of a loss or a model."""

from __future__ import annotations

import copy
import json
import random
import struct
from collections.abc import Iterator
from typing import Any

import torch

from ml3_ros.core.losses.architectures import ARCHITECTURES, options_of
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.losses.spec import InputSpec, LossSpec
from ml3_ros.core.tensor_files import HEADER_KEY, read_header, read_table
from ml3_ros.learners.inverse_dynamics.net import InverseDynamicsNet
from ml3_ros.learners.inverse_dynamics.net_file import model_to_bytes
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.zoo import shipped

Json = dict[str, Any]
Path = tuple[str | int, ...]

NAN, INF = float("nan"), float("inf")
HALF = "\ud800"  # half of a surrogate pair: JSON has it, UTF-8 has not
FLOATS = (NAN, INF, -INF, 1.5, 1e-320, 1e30, 1e308)
INTEGERS = (0, 1, -1, 2**31, 2**63, 2**64, 2**2000, 10**400, -(10**400))
TEXTS = ("", "1", "x" * 10_000, HALF)
NESTED: tuple[Any, ...] = ([], {}, [[]], [None], {"a": 1})
VALUES: tuple[Any, ...] = (*FLOATS, *INTEGERS, True, False, None, *TEXTS, *NESTED)
LONG = 20_000  # elements: an n x n matrix of so many joints has 1.6 GB


def wrong_values(value: Any) -> Iterator[tuple[str, Any]]:
    """Go through what may stand where `value` stood: other kinds, and lists of other lengths."""
    for wrong in VALUES:
        yield f"{str(wrong)[:20]!a}", wrong
    elements = value if isinstance(value, list) and value else [1.0]
    yield "twice as long", elements * 2
    yield "one shorter", elements[:-1]
    yield "very long", (elements * LONG)[:LONG]
    yield "very long, of ones", [1] * LONG
    yield "nested", [elements]
    yield "very nested", json.loads("[" * 500 + "]" * 500)
    for wrong in VALUES:
        yield f"first {str(wrong)[:20]!a}", [wrong, *elements[1:]]


def fields(tree: Any, path: Path = ()) -> Iterator[Path]:
    """Go through the paths of all fields of nested objects; of a list of objects, of the first."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield (*path, key)
            yield from fields(value, (*path, key))
    elif isinstance(tree, list) and tree and isinstance(tree[0], dict):
        yield from fields(tree[0], (*path, 0))


def wrong_headers(header: Json) -> Iterator[tuple[str, Json]]:
    """Go through all headers with one wrong value; options that are left out are put in."""
    whole = copy.deepcopy(header)
    spec = whole.get("spec")
    if spec is not None:
        for rule in ("momentum", "width"):
            spec.setdefault(rule, None)
        for option in options_of(spec["architecture"]):
            spec["options"].setdefault(option, None)
    provenance = ("provenance",)  # of what is in it nothing is read here
    for path in fields(whole):
        if path[:1] == provenance != path:
            continue
        for what, wrong in wrong_values(_at(header, path)):
            yield f"{'.'.join(map(str, path))}: {what}", _changed(header, path, wrong)


def wrong_header(data: bytes, rng: random.Random) -> bytes:
    """Return a file with one of all wrong headers."""
    choices = list(wrong_headers(header_of(data)))
    return with_header(data, rng.choice(choices)[1])


def header_of(data: bytes) -> Json:
    """Return our entry of a file's header."""
    return read_header(data)[0]


def with_header(data: bytes, header: Json) -> bytes:
    """Return a file with another entry of ours in its header."""
    table, begin = read_table(data)
    table["__metadata__"][HEADER_KEY] = json.dumps(header)
    return joined(table, data[begin:])


def joined(table: Json, tensors: bytes) -> bytes:
    """Return a file of a whole header and the bytes of tensors."""
    text = json.dumps(table).encode()
    return struct.pack("<Q", len(text)) + text + tensors


def losses() -> dict[str, bytes]:
    """Return the losses that ship, and a small one of every architecture, by name."""
    files = {name: path.read_bytes() for name, path in shipped().items()}
    return files | {f"a small {name}": small_loss(name) for name in ARCHITECTURES}


def small_loss(architecture: str) -> bytes:
    """Return a fresh loss of an architecture for two joints, with learned step sizes."""
    needed = {"prior": {"spread": (0.1,), "velocity": (1.0, 1.0), "power": (1.0, 2.0)}}
    options = {name: (4,) for name in options_of(architecture) if name.endswith("hidden")}
    seen = () if architecture.endswith("cross_entropy") else ("q", "v", "a")
    spec = LossSpec(
        architecture=architecture,
        target=_input("tau"),
        context=tuple(map(_input, seen)),
        options=options | needed.get(architecture, {}),
        inner_optimizer="scheduled_sgd",
        roles=("input.weight", "output.weight"),
        knots=(0.0, 10.0),
        width=8,
    )
    return LearnedLoss(spec=spec, phi=spec.init_phi(torch.Generator())).to_bytes()


def small_model() -> bytes:
    """Return a fresh model of two joints."""
    two = (1.0, 2.0)
    units = Units(joint_names=("a", "b"), velocity=two, acceleration=two, effort=two)
    net = InverseDynamicsNet(units, hidden=(4,))
    return model_to_bytes(net, net.init(torch.Generator().manual_seed(0)))


def _input(name: str) -> InputSpec:
    return InputSpec(name=name, unit="1", scale=(1.0, 2.0), labels=("a", "b"))


def _changed(tree: Any, path: Path, value: Any) -> Any:
    """Return nested dicts and lists with another value at a path; the rest is shared."""
    if not path:
        return value
    changed = copy.copy(tree)
    old = tree.get(path[0]) if isinstance(tree, dict) else tree[path[0]]
    changed[path[0]] = _changed(old, path[1:], value)
    return changed


def _at(tree: Any, path: Path) -> Any:
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else tree[key]
    return tree
