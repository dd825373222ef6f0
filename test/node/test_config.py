# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Files made from the nodes' parameters are current, and systems set existing parameters only."""

from __future__ import annotations

import pytest
import yaml

from ml3_ros.bringup.description import OURS
from ml3_ros.bringup.paths import config_file
from ml3_ros.bringup.placeholders import Placeholder
from ml3_ros.bringup.systems.registry import SYSTEMS
from ml3_ros.nodes.kit.parameters.annotated import rows_of
from tools import write_parameters

ROWS = {
    executable: {row.name: row for row in rows_of(kind)}
    for executable, kind in write_parameters.parameters_of_nodes().items()
}


def test_config_files_and_the_page_of_parameters_are_current():
    written = write_parameters.files()
    stale = [path.name for path, text in written.items() if path.read_text() != text]
    assert not stale, f"run {write_parameters.COMMAND}"
    assert set(config_file("sim_arm.yaml").parent.glob("*.yaml")) < set(written)


@pytest.mark.parametrize("executable", ROWS)
def test_the_file_of_a_node_reads_as_its_defaults(executable):
    content = yaml.safe_load(config_file(f"{executable}.yaml").read_text())
    for name, value in content["/**"]["ros__parameters"].items():
        row = ROWS[executable][name]
        assert value == row.ros_default
        assert type(value) is type(row.ros_default)


@pytest.mark.parametrize("executable", ROWS)
def test_defaults_are_allowed(executable):
    faults = [row.fault(row.default) for row in ROWS[executable].values() if row.default != ()]
    assert not any(faults)


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)
def test_systems_set_only_parameters_that_their_nodes_have(system):
    for process in system.processes:
        if process.package != OURS:
            continue
        rows = ROWS[process.executable]
        assert set(process.parameters) <= set(rows)
        for name, value in process.parameters.items():
            if not isinstance(value, Placeholder):
                assert rows[name].fault(value) is None
