# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Each method has a topic of its own, whatever its name is, and whoever wants all finds them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rclpy.expand_topic_name import expand_topic_name
from rclpy.validate_full_topic_name import validate_full_topic_name
from std_msgs.msg import String

from ml3_msgs.msg import Adaptation
from ml3_ros.nodes.adaptation.names import topics_of
from ml3_ros.nodes.adaptation.subscriptions import MethodSubscriptions
from ml3_ros.nodes.kit.qos import RELIABLE_100
from test.node.policy_optimizer.bench import a_loss, up
from test.node.policy_optimizer.conftest import optimizer  # noqa: F401 - a fixture

METHOD_NAMES = st.lists(st.text(max_size=200) | st.sampled_from(["a b", "a-b", "a_b"]), max_size=8)


def test_names_that_topics_may_have_stay():
    methods = ("ml3_shaped", "adam_tuned", "ml3_reach", "random_search")
    assert topics_of(methods) == {method: f"adaptation/{method}" for method in methods}


@given(METHOD_NAMES)
def test_every_name_gets_a_topic_of_its_own(methods):
    topics = topics_of(methods)
    assert set(topics) == set(methods)
    assert len(set(topics.values())) == len(topics)
    for topic in topics.values():
        full = expand_topic_name(topic, "node", "/ns")
        validate_full_topic_name(full)  # raises
        assert full.startswith("/ns/adaptation/")
        assert "/_" not in full and "__" not in full  # ROS hides the first


def test_a_topic_carries_one_method(graph, optimizer, tmp_path):  # noqa: F811
    a_loss().save(tmp_path / "mine.safetensors")
    node, arm = optimizer(losses=[f"my-loss.1={tmp_path / 'mine.safetensors'}"])
    heard = {
        topic: graph.listen(arm.probe, Adaptation, f"adaptation/{topic}", RELIABLE_100)
        for topic in ("my_loss_1", "sgd_tuned", "adam_tuned")
    }
    up(node)
    arm.stream(300)
    graph.until(lambda: all(heard.values()))
    assert {topic: {msg.method for msg in msgs} for topic, msgs in heard.items()} == {
        "my_loss_1": {"my-loss.1"}, "sgd_tuned": {"sgd_tuned"}, "adam_tuned": {"adam_tuned"},
    }  # fmt: skip
    assert "adaptation" not in {
        name.removeprefix(f"{graph.namespace}/") for name, _ in node.get_topic_names_and_types()
    }


def test_methods_are_found_whenever_they_appear_and_nothing_else_is(graph):
    probe, seeker = graph.plain(), graph.plain("seeker")
    found = []
    methods = MethodSubscriptions(seeker, found.append)

    def look():
        methods.look()
        return found

    publishers = [
        probe.create_publisher(Adaptation, "elsewhere/adaptation/x", RELIABLE_100),
        probe.create_publisher(Adaptation, "adaptations/x", RELIABLE_100),
        probe.create_publisher(String, "adaptation/other_type", RELIABLE_100),
        probe.create_publisher(Adaptation, "adaptation/first", RELIABLE_100),
    ]
    graph.until(look)
    publishers.append(probe.create_publisher(Adaptation, "adaptation/second", RELIABLE_100))
    graph.until(lambda: len(look()) == 2)
    look()
    assert found == [f"{graph.namespace}/adaptation/{name}" for name in ("first", "second")]
