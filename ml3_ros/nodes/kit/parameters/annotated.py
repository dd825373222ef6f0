# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of a node, each described once: as an annotated field of a frozen dataclass.

    @dataclass(frozen=True, kw_only=True)
    class ArmParameters(NodeParameters):
        rate: Annotated[float, Param("commands per second [Hz]", limits=(10, 500))] = 100.0
        mode: Annotated[Literal["hold", "free"], Param("what the arm does at rest")] = "hold"
        home: Annotated[tuple[float, ...], Param("pose [rad]; unset: the robot's")] = ()

The node's declaration, config/NODE.yaml and docs/parameters.md are made from it. A `Literal` lists
the values allowed. A list whose default is () is unset; ROS is told an empty one. A subclass may
give a field another default by repeating it without its `Param`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal, get_args, get_origin

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.parameter import Parameter

SCALARS = {
    bool: Parameter.Type.BOOL,
    int: Parameter.Type.INTEGER,
    float: Parameter.Type.DOUBLE,
    str: Parameter.Type.STRING,
}
LISTS = {
    bool: Parameter.Type.BOOL_ARRAY,
    int: Parameter.Type.INTEGER_ARRAY,
    float: Parameter.Type.DOUBLE_ARRAY,
    str: Parameter.Type.STRING_ARRAY,
}


@dataclass(frozen=True, slots=True)
class Param:
    """What the type and default of a field do not say about a parameter.

    Attributes:
        help: What it does, with its unit in brackets.
        limits: Smallest and largest number allowed, of the parameter or of its elements.
        read_only: Fixed from start-up on.
        live: Takes effect at once, also while the node is active. All others are read when the
            node is configured, so setting them later is rejected.
        check: Returns one sentence that says what is wrong with a value, or None.
    """

    help: str
    limits: tuple[float, float] | None = None
    read_only: bool = False
    live: bool = False
    check: Callable[[Any], str | None] | None = None


@dataclass(frozen=True, kw_only=True)
class NodeParameters:
    """Parameters that every lifecycle node has; those of a node are a subclass."""

    autostart: Annotated[
        bool,
        Param("configure and activate the node when its process starts", read_only=True),
    ] = False
    duplicate_wait: Annotated[
        float,
        Param(
            "how long after its start the node looks for another node of its name on other "
            "machines, which would make it fail [s]",
            limits=(0.0, 10.0),
        ),
    ] = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One parameter: a field of a dataclass, read for ROS.

    Attributes:
        name: Name of the parameter.
        element: bool, int, float or str: its type, or that of its elements.
        is_list: It is a list of elements.
        default: Value without an override; () stands for a list that is not set.
        choices: The only values allowed, if not empty.
        param: The rest.
    """

    name: str
    element: type
    is_list: bool
    default: Any
    choices: tuple[Any, ...]
    param: Param

    @property
    def ros_type(self) -> Parameter.Type:
        """The type that ROS knows the parameter by."""
        return (LISTS if self.is_list else SCALARS)[self.element]

    @property
    def ros_default(self) -> Any:
        """What to declare: the default, or the type of a list that is not set."""
        if not self.is_list:
            return self.default
        return list(self.default) or self.ros_type  # ROS cannot tell the type of an empty list

    def plain(self, value: Any) -> Any:
        """Return the value of the field for a value of the parameter."""
        return tuple(value) if self.is_list else value

    def range(self) -> str:
        """Return the values allowed as text, "" for any."""
        if self.choices:
            return "one of " + ", ".join(str(choice) for choice in self.choices)
        if self.param.limits is None:
            return ""
        lower, upper = self.param.limits
        form = "d" if self.element is int else "g"
        text = f"from {self.element(lower):{form}} to {self.element(upper):{form}}"
        return f"every element {text}" if self.is_list else text

    def descriptor(self) -> ParameterDescriptor:
        """Return what `ros2 param describe` shows."""
        param = self.param
        descriptor = ParameterDescriptor(description=param.help, read_only=param.read_only)
        constraints = [self.range()] if self.choices else []
        if param.limits is not None:
            lower, upper = param.limits
            if self.is_list:
                constraints.append(self.range())
            elif self.element is float:
                descriptor.floating_point_range = [
                    FloatingPointRange(from_value=float(lower), to_value=float(upper))
                ]
            else:
                descriptor.integer_range = [
                    IntegerRange(from_value=int(lower), to_value=int(upper))
                ]
        if not (param.live or param.read_only):
            constraints.append("set it while the node is unconfigured")
        descriptor.additional_constraints = "; ".join(constraints)
        return descriptor

    def fault(self, value: Any) -> str | None:
        """Return why `value` is rejected, or None if it is fine."""
        if self.choices and value not in self.choices:
            return f"{self.name} must be {self.range()}, got {value!r}"
        if self.param.limits is not None:
            lower, upper = self.param.limits
            for number in value if self.is_list else [value]:
                if not lower <= number <= upper:  # also rejects NaN
                    return f"{self.name} must be from {lower:g} to {upper:g}, got {number:g}"
        if self.param.check is not None:
            reason = self.param.check(value)
            if reason:
                return f"{self.name}: {reason}"
        return None


def rows_of(kind: type) -> list[Row]:
    """Return the parameters of a dataclass: its own first, then those of its bases.

    Raises:
        TypeError: A field has no `Param`, or a type that no parameter has.
    """
    annotations: dict[str, Any] = {}
    for base in kind.__mro__:
        for name, annotation in inspect.get_annotations(base, eval_str=True).items():
            if any(isinstance(word, Param) for word in get_args(annotation)):
                annotations.setdefault(name, annotation)
    defaults = {field.name: field.default for field in fields(kind)}
    if set(defaults) != set(annotations):
        bare = ", ".join(sorted(set(defaults) - set(annotations)))
        raise TypeError(f"{kind.__name__}: describe {bare} by Annotated[..., Param(...)]")
    return [_row(name, annotations[name], defaults[name]) for name in annotations]


def _row(name: str, annotation: Any, default: Any) -> Row:
    element, param = get_args(annotation)
    is_list = get_origin(element) is tuple
    choices: tuple[Any, ...] = ()
    if is_list:
        element = get_args(element)[0]
    if get_origin(element) is Literal:
        choices = get_args(element)
        element = type(choices[0])
    if element not in SCALARS:
        raise TypeError(f"{name} is a {element}: use bool, int, float, str or a tuple of one")
    return Row(
        name=name,
        element=element,
        is_list=is_list,
        default=default,
        choices=choices,
        param=param,
    )
