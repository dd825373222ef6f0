# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of a running node: declared from a dataclass, guarded, read as a value of it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar, cast

from rcl_interfaces.msg import SetParametersResult
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from ml3_ros.core.checks import printable
from ml3_ros.errors import ConfigError, reason_of
from ml3_ros.nodes.kit.parameters.annotated import Row, rows_of

P = TypeVar("P")  # a dataclass of parameters


class DeclaredParameters(Generic[P]):
    """Declares the fields of a dataclass on a node and rejects changes that must not be.

    Attributes:
        value: The present parameters, replaced whenever one of them has been set.
    """

    value: P

    def __init__(
        self,
        node: Node,
        kind: type[P],
        locked: Callable[[], bool],
        check: Callable[[P], None] = lambda _: None,
        changed: Callable[[], object] = lambda: None,
    ) -> None:
        """Declare the fields of `kind` on `node`.

        Args:
            node: The node that owns the parameters.
            kind: The dataclass, see `parameters`.
            locked: True while parameters that are not `live` must not change.
            check: Raises an error, whose text becomes the reason, for values that do not go
                together; called while `locked`, before `live` parameters take them.
            changed: Called after that, when `value` holds them.

        Raises:
            ConfigError: An override has the wrong type or is outside what it may be.
        """
        self._node, self._kind = node, kind
        self._check, self._changed = check, changed
        self._rows = {row.name: row for row in rows_of(kind)}
        self._locked: Callable[[], bool] = lambda: False
        node.add_on_set_parameters_callback(self._on_set)
        for row in self._rows.values():
            self._declare(row)
        self.value = self._read()
        self._locked = locked
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
        if self._node.get_parameter_or(row.name).type_ == Parameter.Type.NOT_SET:
            # Of a request for several parameters nothing is answered while one has no value. An
            # empty list does not show its type, so the type is declared first.
            value = list(row.default) if row.is_list else row.default
            (result,) = self._node.set_parameters([Parameter(row.name, row.ros_type, value)])
            if not result.successful:
                raise ConfigError(f"parameter {row.name} has no value: {result.reason}")

    def _read(self) -> P:
        values = {name: self._node.get_parameter(name).value for name in self._rows}
        return self._kind(**{row.name: row.plain(values[row.name]) for row in self._rows.values()})

    def _on_changed(self, _: list[Parameter[Any]]) -> None:
        self.value = self._read()
        if self._locked():
            self._changed()

    def _on_set(self, parameters: list[Parameter[Any]]) -> SetParametersResult:
        try:
            reason = next(filter(None, map(self._fault, parameters)), "")
            if not reason and self._locked():
                ours = [p for p in parameters if p.name in self._rows]
                new = {p.name: self._plain(p) for p in ours}
                self._check(replace(cast(Any, self.value), **new))
        except Exception as error:  # also of a value that no check has thought of
            reason = printable(reason_of(error))
        return SetParametersResult(successful=not reason, reason=reason)

    def _plain(self, parameter: Parameter[Any]) -> Any:
        return self._rows[parameter.name].plain(parameter.value)

    def _fault(self, parameter: Parameter[Any]) -> str | None:
        """Return why a parameter must not be set so, or None."""
        row = self._rows.get(parameter.name)
        if row is None:
            return None
        if parameter.type_ == Parameter.Type.NOT_SET:
            declared = self._node.has_parameter(row.name)
            return f"{row.name} must have a value" if declared else None
        if self._locked() and not row.param.live:
            return (
                f"{row.name} is read when the node is configured: deactivate and clean up "
                "the node, set it, then configure it again"
            )
        return row.fault(parameter.value)
