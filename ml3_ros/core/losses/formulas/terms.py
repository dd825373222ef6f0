# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Terms of a formula: products of functions of named quantities, from a fixed library.

A term is written as "log(x)*age" or "square(a[0])". Reading one looks names up, and never
executes anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ml3_ros.core.checks import quoted
from ml3_ros.core.types import Batch
from ml3_ros.errors import ConfigError

AGE = "age"  # log(1 + gradient steps of the model), up to the oldest age that a formula knows
FLOOR = 0.01  # keeps a logarithm finite where a quantity is zero
MAX_FACTORS = 4
FACTOR = re.compile(
    r"(?P<name>[A-Za-z_]\w{0,63})(?:\[(?P<index>\d{1,4})\])?"
    r"|(?P<function>[a-z]{1,16})\((?P<argument>[A-Za-z_]\w{0,63})(?:\[(?P<at>\d{1,4})\])?\)"
)
FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "": lambda x: x,
    "square": torch.square,
    "abs": torch.abs,
    "log": lambda x: (x.square() + FLOOR).log(),
    "tanh": torch.tanh,
    "bump": lambda x: (-x.square()).exp(),
}
SIZE = "size"  # of a whole input: the logarithm of its mean square
WRITTEN = {
    "": "{}",
    "square": "{}²",
    "abs": "|{}|",
    "log": "log({}² + 0.01)",
    "tanh": "tanh({})",
    "bump": "exp(-{}²)",
    SIZE: "log(mean {}² + 0.01)",
}


@dataclass(frozen=True, slots=True)
class Factor:
    """A function of an element of an input; index None: of all its elements, see `SIZE`."""

    function: str
    name: str
    index: int | None

    def value(self, inputs: Batch) -> Tensor:
        """Return it (*lead, B, 1) from inputs (*lead, B, n) by name."""
        x = inputs[self.name]
        if self.index is None:
            return (x.square().mean(-1, keepdim=True) + FLOOR).log()
        return FUNCTIONS[self.function](x[..., self.index : self.index + 1])


@dataclass(frozen=True, slots=True)
class Term:
    """A product of factors; none: the number one."""

    factors: tuple[Factor, ...]

    def value(self, inputs: Batch, one: Tensor) -> Tensor:
        """Return it (*lead, B, 1); `one` is a tensor of ones of that shape."""
        for factor in self.factors:
            one = one * factor.value(inputs)
        return one


def parse(text: str, sizes: Mapping[str, int]) -> Term:
    """Return the term that a text describes.

    Args:
        text: For instance "1", "x", "log(v[1])*age".
        sizes: Number of elements of every input by name; `AGE` is always known.

    Raises:
        ConfigError: It is no term, or of something that there is not.
    """
    if text == "1":
        return Term(())
    parts = text.split("*")
    if len(parts) > MAX_FACTORS:
        raise ConfigError(f"term {quoted(text)} has more than {MAX_FACTORS} factors")
    return Term(tuple(_factor(part, text, {**sizes, AGE: 1}) for part in parts))


def _factor(part: str, text: str, sizes: Mapping[str, int]) -> Factor:
    match = FACTOR.fullmatch(part)
    if match is None:
        raise ConfigError(
            f"term {quoted(text)}: cannot read {quoted(part)}; write it as 'x', 'x[0]' or 'log(x)'"
        )
    function = match["function"] or ""
    name = match["argument"] or match["name"]
    index = match["at"] or match["index"]
    if function not in (*FUNCTIONS, SIZE):
        raise ConfigError(
            f"term {quoted(text)}: no function {function!r}; there are {', '.join(WRITTEN)[2:]}"
        )
    if name not in sizes:
        raise ConfigError(f"term {quoted(text)}: no input {name!r}; there are {', '.join(sizes)}")
    if function == SIZE:
        if index is not None:
            raise ConfigError(
                f"term {quoted(text)}: {SIZE} is of a whole input, without [{index}]"
            )
        return Factor(SIZE, name, None)
    at = int(index or 0)
    if at >= sizes[name]:
        raise ConfigError(
            f"term {quoted(text)}: {name!r} has {sizes[name]} elements, not {at + 1}"
        )
    return Factor(function, name, at)


def written(term: Term, sizes: Mapping[str, int]) -> str:
    """Return a term as people write it."""

    def name(factor: Factor) -> str:
        if factor.index is None or {**sizes, AGE: 1}[factor.name] == 1:
            return factor.name
        return f"{factor.name}_{factor.index + 1}"

    parts = [WRITTEN[factor.function].format(name(factor)) for factor in term.factors]
    return " ".join(parts) or "1"
