# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The SROS 2 policies are complete in themselves, and allow nobody more than is meant."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from faults.benches.security import POLICIES
from faults.security.policies import Use, read_policies, write_policies
from ml3_ros.robots.sawyer import interface as sawyer

ROOT = Path(__file__).resolve().parents[3]
# What these use is named by the controllers of the arm: docs/security.md tells how to make theirs.
NAMED_BY_THE_ARM = {"effort_bridge", "ros2_control_emulator", "trajectory_commander"}


@pytest.fixture(scope="module")
def policies():
    return read_policies(ROOT / POLICIES)


def everything(policies, rule):
    return set().union(*(getattr(policy, rule) for policy in policies.values()))


def executables():
    """Return the nodes that setup.py installs, whether or not that has been done."""
    for statement in ast.parse((ROOT / "setup.py").read_text()).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "NODES":
            return set(ast.literal_eval(statement.value))
    raise AssertionError("setup.py has no NODES")


def test_every_executable_has_an_enclave_and_nothing_else_but_the_operator(policies):
    assert executables() > NAMED_BY_THE_ARM
    assert set(policies) == executables() - NAMED_BY_THE_ARM | {"ml3_operator"}


@pytest.mark.parametrize(
    ("needs", "gives"), [("subscribe", "publish"), ("request", "reply"), ("call", "execute")]
)
def test_what_one_may_subscribe_to_or_call_another_may_offer(policies, needs, gives):
    unoffered = everything(policies, needs) - everything(policies, gives)
    assert unoffered <= {sawyer.SUPPRESS_GRAVITY}  # which a driver never does


@pytest.mark.parametrize(
    ("rule", "name", "allowed"),
    [
        ("publish", "/joint_command", {"excitation", "reach_optimizer", "tracking_controller"}),
        ("publish", sawyer.JOINT_COMMAND, {"sawyer_driver"}),
        ("publish", sawyer.SUPER_ENABLE, {"sawyer_driver"}),
        ("request", "/sawyer_driver/enable", {"ml3_operator"}),
        ("request", "/sawyer_driver/reset", {"ml3_operator"}),
        ("request", "/sawyer_driver/stop", {"ml3_operator"}),
        ("request", "/excitation/change_state", {"conductor"}),
        ("request", "/reach_optimizer/change_state", {"conductor"}),
        ("request", "/reset_arm", {"ml3_operator", "reach_optimizer"}),
        ("publish", "/goal", {"conductor"}),
        ("request", "/sawyer_driver/set_parameters", set()),
        ("call", "/meta_train", {"conductor"}),
    ],
)
def test_who_may_do_what_moves_an_arm(policies, rule, name, allowed):
    assert {node for node, policy in policies.items() if name in getattr(policy, rule)} == allowed


def test_nothing_is_allowed_by_a_wildcard(policies):
    for rule in ("publish", "subscribe", "reply", "request", "execute", "call"):
        assert not [name for name in everything(policies, rule) if set(name) & set("*?[")]


def test_policies_are_read_as_they_were_written(tmp_path):
    use = Use(publish={"/a", "/n/b"}, reply={"/n/c"}, call={"/d"})
    write_policies({"n": use}, tmp_path / "policies.xml")
    assert "~/b" in (tmp_path / "policies.xml").read_text()
    assert read_policies(tmp_path / "policies.xml") == {"n": use}
    assert use.minus(Use(publish={"/a"}, reply={"/n/c"})) == ["publish /n/b", "call /d"]


def test_an_enclave_of_another_node_is_rejected(tmp_path):
    write_policies({"n": Use(publish={"/a"})}, tmp_path / "policies.xml")
    text = (tmp_path / "policies.xml").read_text().replace('node="n"', 'node="m"')
    (tmp_path / "policies.xml").write_text(text)
    with pytest.raises(ValueError, match="is not that of /m"):
        read_policies(tmp_path / "policies.xml")
