# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The SROS 2 policies are complete in themselves, and allow nobody more than is meant."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from faults.security.policies import POLICIES, Use, read_policies, write_policies
from ml3_ros.robots.sawyer import interface as sawyer

ROOT = Path(__file__).resolve().parents[3]
SAWYER, ROS2_CONTROL = POLICIES
BRIDGED = {"effort_bridge", "ros2_control_emulator", "trajectory_commander"}  # no Sawyer has them
SAWYERS = {"sawyer_driver", "sawyer_emulator", "sim_arm", "reach_optimizer"}
APART = {"bag_player", "contact_observer"}  # play recordings, or are in Sawyer's systems alone


@pytest.fixture(scope="module", params=POLICIES, ids=lambda path: path.stem)
def any_policies(request):
    return read_policies(ROOT / request.param)


@pytest.fixture(scope="module")
def policies():
    return read_policies(ROOT / SAWYER)


@pytest.fixture(scope="module")
def bridged():
    return read_policies(ROOT / ROS2_CONTROL)


def everything(policies, rule):
    return set().union(*(getattr(policy, rule) for policy in policies.values()))


def executables():
    """Return the nodes that setup.py installs, whether or not that has been done."""
    for statement in ast.parse((ROOT / "setup.py").read_text()).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "NODES":
            return set(ast.literal_eval(statement.value))
    raise AssertionError("setup.py has no NODES")


def test_every_executable_has_an_enclave_and_nothing_else_but_what_commands_run(policies, bridged):
    assert set(policies) == executables() - BRIDGED | {"ml3_operator"}
    assert set(bridged) == executables() - SAWYERS - APART | {"ml3_operator", "ml3_listener"}


@pytest.mark.parametrize(
    ("needs", "gives"), [("subscribe", "publish"), ("request", "reply"), ("call", "execute")]
)
def test_what_one_may_subscribe_to_or_call_another_may_offer(any_policies, needs, gives):
    unoffered = everything(any_policies, needs) - everything(any_policies, gives)
    # which a driver never does, and a player of recordings alone
    assert unoffered <= {sawyer.SUPPRESS_GRAVITY, "/stream_finished"}


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


@pytest.mark.parametrize(
    ("rule", "name", "allowed"),
    [
        ("publish", "/joint_command", {"excitation", "tracking_controller"}),
        ("publish", "/forward_effort_controller/commands", {"effort_bridge"}),
        (
            "publish",
            "/joint_trajectory_controller/joint_trajectory",
            {"trajectory_commander"},
        ),
        ("call", "/joint_trajectory_controller/follow_joint_trajectory", {"trajectory_commander"}),
        ("request", "/controller_manager/switch_controller", {"effort_bridge"}),
        ("request", "/effort_bridge/enable", {"ml3_operator"}),
        ("request", "/effort_bridge/stop", {"ml3_operator"}),
        ("request", "/trajectory_commander/enable", {"ml3_operator"}),
        ("publish", "/joint_states", {"ros2_control_emulator"}),
    ],
)
def test_who_may_do_what_moves_an_arm_behind_ros2_control(bridged, rule, name, allowed):
    assert {node for node, policy in bridged.items() if name in getattr(policy, rule)} == allowed


def test_nothing_is_allowed_by_a_wildcard(any_policies):
    for rule in ("publish", "subscribe", "reply", "request", "execute", "call"):
        assert not [name for name in everything(any_policies, rule) if set(name) & set("*?[")]


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
