# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Messages of the robot are found at run time, or rejected in one sentence."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from ml3_ros.errors import ConfigError
from ml3_ros.robots.sawyer.interface import FIELDS, message_types

TEST_PACKAGE = "ml3_sawyer_test_msgs"


@pytest.fixture
def port(monkeypatch):
    """A port of the messages that tests may spoil."""
    module = ModuleType("some_port.msg")
    for name, fields in FIELDS.items():
        fields = dict.fromkeys(fields.split(), "")
        message = SimpleNamespace(fields=fields, get_fields_and_field_types=lambda f=fields: f)
        setattr(module, name, message)
    monkeypatch.setitem(sys.modules, "some_port", ModuleType("some_port"))
    monkeypatch.setitem(sys.modules, "some_port.msg", module)
    return module


def test_the_messages_for_tests_are_built_and_complete():
    try:
        messages = message_types(TEST_PACKAGE)
    except ConfigError as error:
        pytest.fail(f"{error}\nrun `python3 tools/setup_env.py --tests`, as `make test` does")
    assert messages.JointCommand(mode=3).mode == messages.JointCommand.TORQUE_MODE


def test_a_port_with_more_fields_is_taken(port):
    port.SEAJointState.fields["actual_current"] = ""
    assert message_types("some_port").SEAJointState is port.SEAJointState


def test_a_missing_package_is_rejected_with_how_to_get_it():
    with pytest.raises(ConfigError, match=r"no ROS 2 package 'no_such_msgs'.*parameter_bridge"):
        message_types("no_such_msgs")


def test_a_missing_message_is_rejected_by_name(port):
    del port.IODeviceStatus
    with pytest.raises(ConfigError, match=r"has no message IODeviceStatus: build"):
        message_types("some_port")


def test_a_field_of_another_spelling_is_rejected_by_name(port):
    fields = port.RobotAssemblyState.fields
    fields["low_voltage"] = fields.pop("lowvoltage")
    with pytest.raises(ConfigError, match=r"RobotAssemblyState has no field lowvoltage: build"):
        message_types("some_port")
