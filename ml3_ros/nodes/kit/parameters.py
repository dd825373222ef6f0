"""Parameters of a node as a small table: described, ranged, validated whenever they are set."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from ml3_ros.core.checks import printable
from ml3_ros.errors import ConfigError, reason_of

Type = Parameter.Type


@dataclass(frozen=True, kw_only=True, slots=True)
class Param:
    """One row of a node's parameter table.

    Attributes:
        name: Name of the parameter.
        default: Value without an override; its type is the parameter's type. For a list that is
            empty by default, a `Parameter.Type` (an empty list has no element type in ROS).
        help: What it does, with its unit in brackets.
        limits: Smallest and largest number allowed, of the parameter or of its elements.
        choices: The only values allowed.
        read_only: Fixed from start-up on.
        live: Takes effect at once, also while the node is active. All others are read when the
            node is configured, so setting them later is rejected.
        check: Returns one sentence that says what is wrong with a value, or None.
    """

    name: str
    default: Any
    help: str
    limits: tuple[float, float] | None = None
    choices: tuple[Any, ...] = ()
    read_only: bool = False
    live: bool = False
    check: Callable[[Any], str | None] | None = None

    def descriptor(self) -> ParameterDescriptor:
        """Return what `ros2 param describe` shows."""
        descriptor = ParameterDescriptor(description=self.help, read_only=self.read_only)
        constraints = []
        if self.choices:
            constraints.append("one of " + ", ".join(str(c) for c in self.choices))
        if self.limits is not None:
            lower, upper = self.limits
            if isinstance(self.default, float):
                descriptor.floating_point_range = [
                    FloatingPointRange(from_value=float(lower), to_value=float(upper))
                ]
            elif isinstance(self.default, int):
                descriptor.integer_range = [
                    IntegerRange(from_value=int(lower), to_value=int(upper))
                ]
            else:
                constraints.append(f"every element from {lower:g} to {upper:g}")
        if not (self.live or self.read_only):
            constraints.append("set it while the node is unconfigured")
        descriptor.additional_constraints = "; ".join(constraints)
        return descriptor

    def fault(self, value: Any) -> str | None:
        """Return why `value` is rejected, or None if it is fine."""
        if self.choices and value not in self.choices:
            return f"{self.name} must be {self.descriptor().additional_constraints}, got {value!r}"
        if self.limits is not None:
            lower, upper = self.limits
            numbers = (
                value if isinstance(value, Sequence) or hasattr(value, "__len__") else [value]
            )
            for number in numbers:
                if not lower <= number <= upper:  # also rejects NaN
                    return f"{self.name} must be from {lower:g} to {upper:g}, got {number:g}"
        if self.check is not None:
            reason = self.check(value)
            if reason:
                return f"{self.name}: {reason}"
        return None


class ParameterTable:
    """Declares the rows of a table on a node and guards every change of them."""

    def __init__(self, node: Node, rows: Sequence[Param], locked: Callable[[], bool]) -> None:
        """Declare `rows` on `node`.

        Args:
            node: The node that owns the parameters.
            rows: The table.
            locked: True while parameters that are not `live` must not change.

        Raises:
            ConfigError: An override has the wrong type or is outside what it may be.
        """
        self._node = node
        self._rows = {row.name: row for row in rows}
        self._locked: Callable[[], bool] = lambda: False
        node.add_on_set_parameters_callback(self._on_set)
        for row in rows:
            self._declare(row)
        self._locked = locked

    def __getitem__(self, name: str) -> Any:
        """Return the present value; lists come as tuples, unset lists as ()."""
        row = self._rows[name]
        if isinstance(row.default, Type):
            value = self._node.get_parameter_or(name, Parameter(name, row.default, [])).value
        else:
            value = self._node.get_parameter(name).value
        is_list = isinstance(row.default, Type | list | tuple)
        return tuple(value or ()) if is_list else value

    def values(self) -> dict[str, Any]:
        """Return all present values by name."""
        return {name: self[name] for name in self._rows}

    def unknown(self, overrides: Sequence[str]) -> list[str]:
        """Return a sentence for every override that names no parameter of this node."""
        sentences = []
        for name in overrides:
            if self._node.has_parameter(name) or name.startswith("qos_overrides."):
                continue
            close = difflib.get_close_matches(name, self._rows, n=1)
            hint = f": did you mean '{close[0]}'?" if close else ""
            sentences.append(f"there is no parameter '{name}', it is ignored{hint}")
        return sentences

    def _declare(self, row: Param) -> None:
        try:
            self._node.declare_parameter(row.name, row.default, row.descriptor())
        except InvalidParameterTypeException as error:
            kind = row.default if isinstance(row.default, Type) else type(row.default).__name__
            hint = ", so write 1.0 and not 1" if isinstance(row.default, float) else ""
            raise ConfigError(f"parameter {row.name} must be a {kind}{hint} ({error})") from error
        except InvalidParameterValueException as error:
            raise ConfigError(f"parameter {row.name} is rejected: {error}") from error

    def _on_set(self, parameters: list[Parameter]) -> SetParametersResult:
        try:
            return self._judged(parameters)
        except Exception as error:  # of a value that no check has thought of
            return SetParametersResult(successful=False, reason=printable(reason_of(error)))

    def _judged(self, parameters: list[Parameter]) -> SetParametersResult:
        for parameter in parameters:
            row = self._rows.get(parameter.name)
            if row is None or parameter.type_ == Type.NOT_SET:
                continue
            if self._locked() and not row.live:
                reason = (
                    f"{row.name} is read when the node is configured: deactivate and clean up "
                    "the node, set it, then configure it again"
                )
                return SetParametersResult(successful=False, reason=reason)
            fault = row.fault(parameter.value)
            if fault:
                return SetParametersResult(successful=False, reason=fault)
        return SetParametersResult(successful=True)
