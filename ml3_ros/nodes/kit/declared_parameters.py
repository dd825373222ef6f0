"""Parameters of a running node: declared from a dataclass, guarded, read as a value of it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from rcl_interfaces.msg import SetParametersResult
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from ml3_ros.core.checks import printable
from ml3_ros.errors import ConfigError, reason_of
from ml3_ros.nodes.kit.parameters import Row, rows_of

P = TypeVar("P")  # a dataclass of parameters


class DeclaredParameters(Generic[P]):
    """Declares the fields of a dataclass on a node and rejects changes that must not be.

    Attributes:
        value: The present parameters, replaced whenever one of them has been set.
    """

    def __init__(self, node: Node, kind: type[P], locked: Callable[[], bool]) -> None:
        """Declare the fields of `kind` on `node`.

        Args:
            node: The node that owns the parameters.
            kind: The dataclass, see `parameters`.
            locked: True while parameters that are not `live` must not change.

        Raises:
            ConfigError: An override has the wrong type or is outside what it may be.
        """
        self._node, self._kind = node, kind
        self._rows = {row.name: row for row in rows_of(kind)}
        self._locked: Callable[[], bool] = lambda: False
        node.add_on_set_parameters_callback(self._on_set)
        for row in self._rows.values():
            self._declare(row)
        self._locked = locked
        self.value = self._read()
        node.add_post_set_parameters_callback(self._on_changed)

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

    def _declare(self, row: Row) -> None:
        try:
            self._node.declare_parameter(row.name, row.ros_default, row.descriptor())
        except InvalidParameterTypeException as error:
            kind = row.ros_type if row.is_list else row.element.__name__
            hint = ", so write 1.0 and not 1" if row.ros_type == Parameter.Type.DOUBLE else ""
            raise ConfigError(f"parameter {row.name} must be a {kind}{hint} ({error})") from error
        except InvalidParameterValueException as error:
            raise ConfigError(f"parameter {row.name} is rejected: {error}") from error

    def _read(self) -> P:
        return self._kind(**{row.name: self._value_of(row) for row in self._rows.values()})

    def _value_of(self, row: Row) -> Any:
        unset = Parameter(row.name, row.ros_type, [] if row.is_list else row.default)
        value = self._node.get_parameter_or(row.name, unset).value
        return tuple(value or ()) if row.is_list else value

    def _on_changed(self, _: list[Parameter[Any]]) -> None:
        self.value = self._read()

    def _on_set(self, parameters: list[Parameter[Any]]) -> SetParametersResult:
        try:
            reason = next(filter(None, map(self._fault, parameters)), "")
        except Exception as error:  # of a value that no check has thought of
            reason = printable(reason_of(error))
        return SetParametersResult(successful=not reason, reason=reason)

    def _fault(self, parameter: Parameter[Any]) -> str | None:
        """Return why a parameter must not be set so, or None."""
        row = self._rows.get(parameter.name)
        if row is None or parameter.type_ == Parameter.Type.NOT_SET:
            return None
        if self._locked() and not row.param.live:
            return (
                f"{row.name} is read when the node is configured: deactivate and clean up "
                "the node, set it, then configure it again"
            )
        return row.fault(parameter.value)
