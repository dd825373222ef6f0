"""Dataclasses, dicts and tuples of tensors as flat lists, for programs that take nothing else."""

from collections.abc import Hashable, Iterator
from dataclasses import fields
from typing import Any

from torch import Tensor

Layout = Hashable
"""What a flat list of tensors was: None for one tensor; else its type, names and their parts."""


def flatten(value: Any, tensors: list[Tensor]) -> Layout:
    """Append the tensors of a value to `tensors` in a fixed order; return how to rebuild it.

    Args:
        value: A tensor, or a dict, tuple or dataclass of such values.
        tensors: Grows.

    Raises:
        TypeError: The value is made of anything else.
    """
    if isinstance(value, Tensor):
        tensors.append(value)
        return None
    kind = type(value)
    if kind is dict:
        names: tuple[str, ...] = tuple(value)
        parts = value.values()
    elif kind is tuple:
        names, parts = (), value
    else:
        names = tuple([field.name for field in fields(value)])
        parts = [getattr(value, name) for name in names]
    return kind, names, tuple([flatten(part, tensors) for part in parts])


def rebuild(layout: Any, tensors: Iterator[Tensor]) -> Any:
    """Return the value that `flatten` took apart, made of other tensors."""
    if layout is None:
        return next(tensors)
    kind, names, layouts = layout
    parts = [rebuild(part, tensors) for part in layouts]
    if kind is tuple:
        return tuple(parts)
    if kind is dict:
        return dict(zip(names, parts, strict=True))
    return kind(*parts)
