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
"""
OF_OTHERS = """
camera: {ros__parameters: {fps: 30}}
/right/navigation/*: {ros__parameters: {gain: 9}}
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


def section(name, value):
    return f"{name}: {{ros__parameters: {{gain: {value}}}}}\n"


@pytest.mark.parametrize(
    ("weak", "strong"),
    [
        ("/**", "sim_arm"),
        ("/**", "/arms/left/sim_arm"),
        ("'*'", "sim_arm"),
        ("/arms/left/*", "sim_arm"),
        ("/**/sim_arm", "sim_arm"),
        ("sim_arm", "/arms/left/sim_arm"),
    ],
)
def test_wildcards_are_weaker_than_names_wherever_they_stand(file, weak, strong):
    for text in (section(weak, 1) + section(strong, 2), section(strong, 2) + section(weak, 1)):
        assert read_params_file(file(text), NODES, "arms/left")["sim_arm"] == {"gain": "2"}


@pytest.mark.parametrize("first", ["/**", "/*/left/sim_arm", "/arms/left/*", "/arms/**"])
@pytest.mark.parametrize("last", ["/**/sim_arm", "'*'", "sim_*", "/**"])
def test_among_wildcards_the_last_one_wins_as_in_ros(file, first, last):
    if first != last:
        text = section(first, 1) + section(last, 2)
        assert read_params_file(file(text), NODES, "arms/left")["sim_arm"] == {"gain": "2"}


@pytest.mark.parametrize("pattern", ["/*", "/*/sim_arm", "/arms/*", "/arms/left", "/sim_arm"])
def test_one_star_stands_for_one_name_of_a_path_as_in_ros(file, pattern):
    text = section(pattern, 1)
    assert not any(read_params_file(file(text), NODES, "arms/left", shared=True).values())


@pytest.mark.parametrize("text", [FILE + OF_OTHERS, OF_OTHERS + FILE])
def test_a_file_that_other_nodes_share_may_name_them(file, text):
    mine = read_params_file(file(FILE), NODES, "/left")
    assert read_params_file(file(text), NODES, "/left", shared=True) == mine
    assert read_params_file(file(OF_OTHERS), NODES, "", shared=True) == {n: {} for n in NODES}
    with pytest.raises(ConfigError, match="has no node camera; the nodes are excitation, sim_arm"):
        read_params_file(file(text), NODES, "/left")


@pytest.mark.parametrize("name", ["excitaton", "/left/excitaton", "/**/excitaton"])
def test_a_misspelt_node_is_named_beside_sections_that_fit(file, name):
    text = section("sim_arm", 1) + section(name, 2)
    with pytest.raises(ConfigError, match=r"no node \S*excitaton; did you mean excitation\?"):
        read_params_file(file(text), NODES, "/left")


def test_a_file_for_two_systems_side_by_side_names_both(file):
    text = section("/left/sim_arm", 1) + section("/right/sim_arm", 2) + section("/right/*", 3)
    assert read_params_file(file(text), NODES, "left")["sim_arm"] == {"gain": "1"}


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
        ("/right/sim_arm: {ros__parameters: {seed: 1}}", "is for /right/sim_arm"),
        ("excitation: &x {ros__parameters: {g: *x}}", "cannot be read"),
    ],
)
def test_a_file_that_sets_nothing_is_rejected(file, text, sentence):
    with pytest.raises(ConfigError, match=sentence):
        read_params_file(file(text), NODES, "/left")
