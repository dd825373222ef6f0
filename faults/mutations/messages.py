# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Wrong messages of any ROS type, the same ones for the same seed."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from rclpy.serialization import serialize_message

INF = float("inf")
NOT_FINITE = (float("nan"), INF, -INF)
FINITE = (0.0, -0.0, 5e-324, 1e-300, 1.0, -1.0, 1e3, -1e3, 1e10, 1e30, -1e30, 1e38)
OF_32_BITS = (*NOT_FINITE, *FINITE)
OF_64_BITS = (*OF_32_BITS, 1e300, -1.7e308)
STRINGS = ("", " ", "x", "\u00e4\U0001f916", "\x01\x7f", "../../x", "%s%n{0}", "a" * 1000)
SECONDS = (0, -1, -(2**31), 2**31 - 1, 1, 4_000_000_000 - 2**31)
SHIFTS = (-315_360_000, -3600, -1, 1, 3600, 315_360_000)  # [s]
NANOSECONDS = (0, 999_999_999, 1_000_000_000, 2**32 - 1)
HUGE_ARRAY, HUGE_STRING = 50_000, 500_000
BITS = {"8": 8, "16": 16, "32": 32, "64": 64}


@dataclass(frozen=True, slots=True)
class Leaf:
    """A field of a message: the (sub)message that has it, its name, its type in ROS's words."""

    owner: Any
    name: str
    kind: str

    @property
    def value(self) -> Any:
        """Return what is in the field."""
        return getattr(self.owner, self.name)

    def put(self, value: Any) -> None:
        """Fill the field."""
        setattr(self.owner, self.name, value)


def leaves(msg: Any) -> Iterator[Leaf]:
    """Go through the fields of a message that are no messages themselves, and through stamps."""
    for name, kind in msg.get_fields_and_field_types().items():
        value = getattr(msg, name)
        if kind == "builtin_interfaces/Time" or "/" not in kind:
            yield Leaf(msg, name, kind)
        elif isinstance(value, list):
            for part in value:
                yield from leaves(part)
        else:
            yield from leaves(value)


def mutated(good: Any, rng: random.Random) -> tuple[str, Any]:
    """Return the name of a mutation drawn from `rng`, and a message, or the bytes of one.

    `good` stays as it is. A message without fields comes back as it is.
    """
    msg = copy.deepcopy(good)
    fitting = [kind for kind, (fits, _) in KINDS.items() if any(map(fits, leaves(msg)))]
    if not fitting:
        return "none", msg
    kind = rng.choice([*fitting, "damaged bytes"])
    if kind == "damaged bytes":
        return kind, _damaged(serialize_message(msg), rng)
    fits, change = KINDS[kind]
    chosen = [leaf for leaf in leaves(msg) if fits(leaf)]
    for leaf in rng.sample(chosen, rng.choice((1, 1, len(chosen)))):
        change(leaf, rng)
    return kind, msg


def _damaged(raw: bytes, rng: random.Random) -> bytes:
    damaged = bytearray(raw)
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(4, len(damaged)) if len(damaged) > 4 else 0  # after the encapsulation
        damaged[at] ^= 1 << rng.randrange(8)
    return bytes(damaged[: rng.randrange(4, len(damaged))] if rng.random() < 0.2 else damaged)


def _number(kind: str, rng: random.Random) -> Any:
    if kind == "float":
        return rng.choice(OF_32_BITS)
    if kind == "double":
        return rng.choice(OF_64_BITS)
    if kind == "boolean":
        return rng.random() < 0.5
    if kind in ("octet", "byte"):
        return bytes([rng.randrange(256)])
    bits = int("".join(c for c in kind if c.isdigit()))
    low, high = (
        (0, 2**bits - 1) if kind.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    )
    return rng.choice((low, high, 0, 1, rng.randint(low, high)))


def _element(leaf: Leaf) -> str:
    return (
        leaf.kind.removeprefix("sequence<").removesuffix(">").partition("[")[0].partition("<")[0]
    )


def _is_list(leaf: Leaf) -> bool:
    return leaf.kind.startswith("sequence<")


def _is_text(leaf: Leaf) -> bool:
    return _element(leaf) == "string"


def _is_number(leaf: Leaf) -> bool:
    return _element(leaf) not in ("string", "builtin_interfaces/Time")


def _change_numbers(leaf: Leaf, rng: random.Random) -> None:
    kind = _element(leaf)
    if leaf.kind == kind:
        leaf.put(_number(kind, rng))
        return
    values = list(leaf.value)
    for i in rng.sample(range(len(values)), rng.randint(min(1, len(values)), len(values))):
        values[i] = _number(kind, rng)
    leaf.put(values)


def _change_length(leaf: Leaf, rng: random.Random) -> None:
    values = list(leaf.value)
    fill = "x" if _is_text(leaf) else _number(_element(leaf), rng)
    way = rng.choice(("empty", "shorter", "longer"))
    leaf.put({"empty": [], "shorter": values[:-1], "longer": [*values, fill]}[way])


def _make_huge(leaf: Leaf, rng: random.Random) -> None:
    if rng.random() > 0.02:  # they take a while to send
        _change_length(leaf, rng)
    elif leaf.value:
        times = HUGE_ARRAY // len(leaf.value)
        leaf.put(list(leaf.value) * times)


def _change_text(leaf: Leaf, rng: random.Random) -> None:
    text = "a" * HUGE_STRING if rng.random() < 0.005 else rng.choice(STRINGS)
    if not _is_list(leaf):
        leaf.put(text)
    elif leaf.value:
        values = list(leaf.value)
        values[rng.randrange(len(values))] = text
        leaf.put(values)


def _change_names(leaf: Leaf, rng: random.Random) -> None:
    names = list(leaf.value)
    if not names:
        return
    way = rng.randrange(4)
    if way == 0:
        names[rng.randrange(len(names))] = names[0]  # twice
    elif way == 1:
        del names[rng.randrange(len(names))]
    elif way == 2:
        rng.shuffle(names)
    else:
        names.append(rng.choice(names))
    leaf.put(names)


def _change_stamp(leaf: Leaf, rng: random.Random) -> None:
    way = rng.randrange(3)
    if way == 0:
        leaf.value.sec = rng.choice(SECONDS)
    elif way == 1:
        leaf.value.sec = max(-(2**31), min(2**31 - 1, leaf.value.sec + rng.choice(SHIFTS)))
    else:
        leaf.value.nanosec = rng.choice(NANOSECONDS)


def _flip_quaternion(leaf: Leaf, rng: random.Random) -> None:
    for axis in "xyzw":
        value = getattr(leaf.owner, axis)
        setattr(leaf.owner, axis, rng.choice((0.0, -value, 2.0 * value, 1e-9 * value)))


Change = tuple[Callable[[Leaf], bool], Callable[[Leaf, random.Random], None]]
KINDS: dict[str, Change] = {
    "numbers": (_is_number, _change_numbers),
    "lengths": (_is_list, _change_length),
    "huge arrays": (_is_list, _make_huge),
    "texts": (_is_text, _change_text),
    "names": (lambda leaf: _is_text(leaf) and _is_list(leaf), _change_names),
    "stamps": (lambda leaf: leaf.kind == "builtin_interfaces/Time", _change_stamp),
    "quaternions": (lambda leaf: type(leaf.owner).__name__ == "Quaternion", _flip_quaternion),
}
