# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Dataclasses, dicts and tuples of tensors as flat lists, for programs that take nothing else."""

from collections.abc import Hashable, Iterator
from dataclasses import fields
from itertools import islice
from typing import Any

from torch import Tensor

Layout = Hashable
"""What a flat list of tensors was: None for one tensor; else its type, and names or layouts."""


def flatten(value: Any, tensors: list[Tensor]) -> Layout:
    """Append the tensors of a value to `tensors` in a fixed order; return how to rebuild it.

    Args:
        value: A tensor, a dict of tensors, or a tuple or dataclass of such values.
        tensors: Grows.

    Raises:
        TypeError: The value is made of anything else.
    """
    kind = type(value)
    if kind is dict:
        tensors.extend(value.values())
        return kind, tuple(value)
    if isinstance(value, Tensor):
        tensors.append(value)
        return None
    parts = value if kind is tuple else [getattr(value, field.name) for field in fields(value)]
    return kind, tuple([flatten(part, tensors) for part in parts])


def rebuild(layout: Any, tensors: Iterator[Tensor]) -> Any:
    """Return the value that `flatten` took apart, made of other tensors."""
    if layout is None:
        return next(tensors)
    kind, parts = layout
    if kind is dict:
        return dict(zip(parts, islice(tensors, len(parts)), strict=True))
    values = [rebuild(part, tensors) for part in parts]
    return tuple(values) if kind is tuple else kind(*values)
