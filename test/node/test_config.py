"""One YAML a node: every line of it is a parameter of that node, within its range."""

from __future__ import annotations

import importlib

import pytest
import yaml
from rclpy.parameter import Parameter

from ml3_ros.bringup.description import Arg, JointsOf, ModelOf, NameOf
from ml3_ros.bringup.paths import config_file
from ml3_ros.bringup.systems.invdyn import SYSTEMS
from ml3_ros.nodes.kit.node import Ml3Node

EXECUTABLES = sorted(
    {p.executable for system in SYSTEMS.values() for p in system.processes}
    | {path.stem for path in config_file("sim_arm.yaml").parent.glob("*.yaml")}
)


def rows_of(executable):
    """Return the parameter table of a node by name."""
    module = importlib.import_module(f"ml3_ros.nodes.{executable}")
    if hasattr(module, "__path__"):  # a folder
        module = importlib.import_module(f"{module.__name__}.node")
    if hasattr(module, "PARAMETERS"):
        return {row.name: row for row in module.PARAMETERS}
    (node,) = (
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Ml3Node) and kind is not Ml3Node
    )
    return {row.name: row for row in node.PARAMETERS}


@pytest.mark.parametrize("executable", EXECUTABLES)
def test_the_file_of_a_node_has_all_its_parameters_within_their_ranges(executable):
    content = yaml.safe_load(config_file(f"{executable}.yaml").read_text())
    values = content["/**"]["ros__parameters"]
    rows = rows_of(executable)
    can_be_unset = {n for n, row in rows.items() if isinstance(row.default, Parameter.Type)}
    assert set(values) | can_be_unset == set(rows)
    for name, value in values.items():
        if not isinstance(rows[name].default, Parameter.Type):
            assert type(value) is type(rows[name].default), name
        assert rows[name].fault(value) is None


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)
def test_systems_set_only_parameters_that_their_nodes_have(system):
    for process in system.processes:
        rows = rows_of(process.executable)
        assert set(process.parameters) <= set(rows)
        for name, value in process.parameters.items():
            if not isinstance(value, Arg | JointsOf | ModelOf | NameOf):
                assert rows[name].fault(value) is None
