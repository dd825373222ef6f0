# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of every node: described by fields, rejected with their range, locked in use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest
from rclpy.parameter import Parameter

from ml3_ros.errors import ConfigError
from ml3_ros.nodes.kit.parameters.annotated import Param, rows_of
from test.node.kit.relay import SUCCESS, Relay, RelayParameters, change


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"rate": 5000.0}, "Min: 1.0, Max: 500.0"),
        ({"rate": float("nan")}, "Min: 1.0, Max: 500.0"),
        ({"mode": "other"}, "mode must be one of fast, slow, got 'other'"),
        ({"gains": [1.0, 11.0]}, "gains must be from 0 to 10, got 11"),
        ({"fixed": 2}, "read-only"),
    ],
)
def test_a_value_out_of_range_is_rejected_with_the_range(graph, values, reason):
    node = graph.add(Relay, "relay")
    before = node.parameters
    result = change(node, **values)
    assert not result.successful
    assert reason in result.reason
    assert node.parameters == before


def test_a_bad_override_is_one_sentence(graph):
    with pytest.raises(ConfigError, match=r"rate is rejected.*Max: 500"):
        graph.add(Relay, "relay", rate=1e6)
    with pytest.raises(ConfigError, match=r"rate must be a float, so write 1\.0 and not 1"):
        graph.add(Relay, "relay", rate=5)


def test_a_list_that_is_not_set_is_empty(graph):
    assert graph.add(Relay, "relay").parameters.joints == ()
    assert graph.add(Relay, "relay2", joints=["a"]).parameters.joints == ("a",)


@pytest.mark.parametrize(
    "given",
    [
        {"parameter_overrides": [Parameter("raet", value=3.0)]},
        {"cli_args": ["--ros-args", "-p", "raet:=3.0"]},
    ],
    ids=["in code", "on the command line"],
)
def test_a_misspelt_parameter_is_named(graph, capfd, given):
    node = Relay("relay", namespace=graph.namespace, context=graph.context, **given)
    graph.executor.add_node(node)
    assert (
        "there is no parameter 'raet', it is ignored: did you mean 'rate'?"
        in capfd.readouterr().err
    )


def test_ros_describes_a_parameter_as_its_field_does(graph):
    node = graph.add(Relay, "relay")
    rate, mode, gains = node.describe_parameters(["rate", "mode", "gains"])
    assert rate.description == "messages per second [Hz]"
    assert (rate.floating_point_range[0].to_value, rate.read_only) == (500.0, False)
    assert mode.additional_constraints == "one of fast, slow"
    assert gains.additional_constraints == (
        "every element from 0 to 10; set it while the node is unconfigured"
    )
    assert node.describe_parameter("fixed").read_only


@dataclass(frozen=True, kw_only=True)
class SlowParameters(RelayParameters):
    """Another default, and one more."""

    delay: Annotated[float, Param("before it is sent on [s]")] = 1.0
    rate: float = 2.0


def test_a_subclass_gives_a_parameter_another_default():
    rows = {row.name: row for row in rows_of(SlowParameters)}
    assert rows["rate"].default == 2.0
    assert rows["rate"].param.help == "messages per second [Hz]"
    assert next(iter(rows)) == "delay"


@dataclass(frozen=True, kw_only=True)
class Bare:
    """Without a description."""

    rate: float = 2.0


def test_a_field_without_a_description_is_named():
    with pytest.raises(TypeError, match=r"Bare: describe rate by Annotated"):
        rows_of(Bare)


def test_what_configure_reads_is_locked_until_cleanup(graph):
    node = graph.add(Relay, "relay")
    assert node.trigger_configure() == SUCCESS
    result = change(node, rate=50.0)
    assert not result.successful
    assert "deactivate and clean up" in result.reason
    assert change(node, mode="slow").successful
    assert (node.parameters.rate, node.parameters.mode) == (100.0, "slow")
    node.trigger_cleanup()
    assert change(node, rate=50.0).successful
    assert node.parameters.rate == 50.0
