# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Layouts of RViz, Foxglove and PlotJuggler name topics of our nodes, and fields of these."""

from __future__ import annotations

import importlib
import json
import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest
import yaml
from geometry_msgs.msg import PoseStamped
from rclpy.lifecycle import TransitionCallbackReturn
from std_msgs.msg import String
from visualization_msgs.msg import MarkerArray

from ml3_msgs.msg import Adaptation
from ml3_ros.bringup.paths import config_file
from ml3_ros.bringup.systems.viewing import VIEWED
from ml3_ros.nodes.adaptation.names import topics_of
from ml3_ros.nodes.arm_frames import ArmFrames
from ml3_ros.nodes.reach_optimizer.node import ReachOptimizer
from ml3_ros.nodes.reach_optimizer.setup import BASELINE, LEARNED
from ml3_ros.nodes.sim_arm import SimArm
from ml3_ros.nodes.tracking_controller.node import TrackingControllerNode
from ml3_ros.zoo import shipped

RVIZ = yaml.safe_load(config_file("ml3.rviz").read_text())["Visualization Manager"]
FOXGLOVE = json.loads(config_file("foxglove_ml3.json").read_text())
PLOTJUGGLER = ET.parse(config_file("plotjuggler_ml3.xml")).getroot()
DISPLAYED = {  # by RViz's displays
    "rviz_default_plugins/RobotModel": String,
    "rviz_default_plugins/MarkerArray": MarkerArray,
    "rviz_default_plugins/Pose": PoseStamped,
    "rviz_default_plugins/SetGoal": PoseStamped,
}
METHODS = {name.removeprefix("sawyer_") for name in shipped() if name.startswith("sawyer_")}


@pytest.fixture
def published(graph, tmp_path):
    """Return the types of the topics that nodes of our systems publish or subscribe to."""
    pytest.importorskip("tf2_msgs.msg", reason="run `make setup` again")
    found: dict[str, Any] = {"/rosout": None}
    for kind, parameters in (
        (SimArm, {"robot": "sawyer"}),
        (ArmFrames, {"robot": "sawyer"}),
        (TrackingControllerNode, {"robot": "sawyer", "out": ""}),
        (ReachOptimizer, {"robot": "sawyer", "out": str(tmp_path)}),
    ):
        node = graph.add(kind, kind.__name__.lower(), **parameters)
        assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
        for one in (*node.publishers, *node.subscriptions):
            found[one.topic_name.removeprefix(graph.namespace)] = one.msg_type
    methods = [*METHODS, LEARNED, BASELINE, "adam_tuned", "sgd_tuned"]
    return found | {f"/{topic}": Adaptation for topic in topics_of(methods).values()}


def rviz_topics():
    """Return (topic, class of what shows it) of RViz's view."""
    for one in (*RVIZ["Displays"], *RVIZ["Tools"]):
        for key in ("Topic", "Description Topic"):
            if key in one:
                yield one[key]["Value"], one["Class"]


def holds(msg_type, path):
    """Whether a message has the field of a path of names and indices."""
    for name in path:
        fields = msg_type.get_fields_and_field_types()
        if name not in fields:
            return False
        kind = re.sub(r"(sequence<|>|\[\d*\])", "", fields[name])
        if "/" not in kind:
            return name == path[-1]
        package, _, message = kind.partition("/")
        msg_type = getattr(importlib.import_module(f"{package}.msg"), message)
    return True


def test_rviz_shows_topics_of_the_right_types_and_follows_the_namespace(published):
    shown = dict(rviz_topics())
    assert {"/robot_description", "/reach_markers", "/hand_pose", "/goal"} == set(shown)
    for topic, display in shown.items():
        assert published[topic] is DISPLAYED[display], topic
    assert {topic.strip("/") for topic in shown} | {"tf", "tf_static"} == set(VIEWED)
    assert {"/tf", "/tf_static"} <= set(published)


def test_latched_topics_are_latched_in_rviz_too():
    for one in RVIZ["Displays"]:
        topic = one.get("Topic") or one.get("Description Topic")
        if topic is not None:
            latched = topic["Value"] in ("/robot_description", "/reach_markers")
            durability = "Transient Local" if latched else "Volatile"
            assert topic["Durability Policy"] == durability


def test_foxglove_shows_topics_and_fields_that_are_there(published):
    panels = FOXGLOVE["configById"]

    def leaves(layout):
        if isinstance(layout, str):
            return [layout]
        return leaves(layout["first"]) + leaves(layout["second"])

    assert sorted(leaves(FOXGLOVE["layout"])) == sorted(panels)
    for panel in panels.values():
        named = [*panel.get("topics", {}), panel.get("topicToRender")]
        assert set(filter(None, named)) <= set(published)
        if "publish" in panel:
            assert published[panel["publish"]["poseTopic"]] is PoseStamped
        for path in panel.get("paths", []):
            topic, *fields = re.sub(r"\[\d+\]", "", path["value"]).split(".")
            assert holds(published[topic], fields), path["value"]


def test_plotjuggler_plots_topics_and_fields_that_are_there(published):
    selected = {topic.get("name") for topic in PLOTJUGGLER.iter("topic")}
    assert selected <= set(published)
    curves = [curve.get("name") for curve in PLOTJUGGLER.iter("curve")]
    assert len(curves) > 20
    for curve in curves:
        topic = max((t for t in selected if curve.startswith(f"{t}/")), key=len)
        fields = curve.removeprefix(f"{topic}/").split("/")
        assert holds(published[topic], fields), curve
