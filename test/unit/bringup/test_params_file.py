# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameter files: which node gets what, as written, and what is no parameter file."""

from __future__ import annotations

import pytest

from ml3_ros.bringup.params_file import read_params_file
from ml3_ros.errors import ConfigError

NODES = ("excitation", "sim_arm")
FILE = """
excitation:
  ros__parameters:
    gain: 0.5
    names: [a, 'b c', "1.0"]
    centre:
      - 1e-3
      - .nan
    filter: {order: {lowest: 2}}
/**:
  ros__parameters: {gain: 1e-3, name: "0.5"}
left:
  sim_arm: {ros__parameters: {seed: 3}}
/**/sim_arm: {ros__parameters: {seed: 4, damping: true}}
camera: {ros__parameters: {fps: 30}}
"""
OF_EXCITATION = {
    "gain": "0.5",
    "name": '"0.5"',
    "names": "[a, 'b c', \"1.0\"]",
    "centre": "[1e-3, .nan]",
    "filter.order.lowest": "2",
}
OF_SIM_ARM = {"gain": "1e-3", "name": '"0.5"', "damping": "true"}


@pytest.fixture
def file(tmp_path):
    def write(text):
        (tmp_path / "mine.yaml").write_text(text)
        return str(tmp_path / "mine.yaml")

    return write


@pytest.mark.parametrize(("namespace", "seed"), [("", "4"), ("/left", "3"), ("left/", "3")])
def test_a_node_gets_what_stands_under_its_name(file, namespace, seed):
    given = read_params_file(file(FILE), NODES, namespace)
    assert given == {"excitation": OF_EXCITATION, "sim_arm": {**OF_SIM_ARM, "seed": seed}}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("gain: 1", r"write NODE: \{ros__parameters"),
        ("[1, 2]", r"write NODE: \{ros__parameters"),
        ("", r"write NODE: \{ros__parameters"),
        ("ros__parameters: {gain: 1}", "below the name of a node"),
        ("excitation: {ros__parameters: 3}", "below the name of a node"),
        ("excitation: {a: [", "cannot be read: while parsing"),
        ("[" * 3000, "cannot be read"),
        ("excitaton: {ros__parameters: {gain: 1}}", "is for excitaton: name one of excitation"),
        ("/right/sim_arm: {ros__parameters: {seed: 1}}", "is for /right/sim_arm"),
        ("excitation: &x {ros__parameters: {g: *x}}", "cannot be read"),
    ],
)
def test_a_file_that_sets_nothing_is_rejected(file, text, sentence):
    with pytest.raises(ConfigError, match=sentence):
        read_params_file(file(text), NODES, "/left")
