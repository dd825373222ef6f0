# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What `ros2 param dump`, `load` and `set` meet: every node tells all its parameters."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import yaml
from rcl_interfaces.msg import ParameterType
from rcl_interfaces.srv import GetParameters, ListParameters
from rclpy.node import Node
from rclpy.parameter import parameter_value_to_python

from ml3_ros.nodes.conductor.node import Conductor
from tools.write_parameters import parameters_of_nodes

NODES = sorted(parameters_of_nodes())


def node_class(executable: str) -> Any:
    """Return the class of a node by the name of its executable."""
    for name in (executable, f"{executable}.node"):
        module = importlib.import_module(f"ml3_ros.nodes.{name}")
        for kind in vars(module).values():
            if isinstance(kind, type) and "parameters_type" in vars(kind):
                return kind
    raise AssertionError(f"{executable} has no node")


def make(graph, executable: str, **arguments: Any) -> Node:
    """Return a node as its process makes it."""
    kind = node_class(executable)
    arguments = {"namespace": graph.namespace, "context": graph.context} | arguments
    if kind is Conductor:
        return kind(graph.executor, [], **arguments)
    node = kind(executable, **arguments)
    graph.executor.add_node(node)
    return node


def call(graph, srv_type, name, **request):
    client = graph.plain("asker").create_client(srv_type, name)
    graph.until(client.service_is_ready)
    future = client.call_async(srv_type.Request(**request))
    graph.until(future.done)
    return future.result()


def dump(graph, node) -> dict[str, Any]:
    """Return the parameters as `ros2 param dump` does: all in one request."""
    where = node.get_fully_qualified_name()
    names = call(graph, ListParameters, f"{where}/list_parameters").result.names
    values = call(graph, GetParameters, f"{where}/get_parameters", names=names).values
    assert len(values) == len(names), "one unset parameter leaves the answer empty"
    assert all(value.type != ParameterType.PARAMETER_NOT_SET for value in values)
    told = dict(zip(names, map(parameter_value_to_python, values), strict=True))
    return {k: v if isinstance(v, bool | int | float | str) else list(v) for k, v in told.items()}


@pytest.mark.parametrize("executable", NODES)
def test_a_node_tells_all_parameters_and_starts_with_what_it_has_told(graph, tmp_path, executable):
    node = make(graph, executable)
    told = dump(graph, node)
    assert {row for row in parameters_of_nodes()[executable].__dataclass_fields__} <= set(told)
    file = tmp_path / "dump.yaml"
    file.write_text(yaml.safe_dump({"/**": {"ros__parameters": told}}))
    again = ["--ros-args", "-r", "__node:=again", "--params-file", str(file)]
    assert make(graph, executable, cli_args=again).parameters == node.parameters
