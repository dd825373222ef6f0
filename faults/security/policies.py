# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What nodes use of a ROS graph, and what SROS 2 policies let them use."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rclpy.node import Node

from ml3_ros.bringup.node_arguments import ENCLAVES
from ml3_ros.files import write_atomically

# For a Sawyer, and for arms behind ros2_control whose controllers have the usual names.
POLICIES = (
    Path("config/security/sawyer_policies.xml"),
    Path("config/security/ros2_control_policies.xml"),
)
ACTION = "/_action/"
# (list, element, what is allowed, field of Use)
RULES = (
    ("topics", "topic", "publish", "publish"),
    ("topics", "topic", "subscribe", "subscribe"),
    ("services", "service", "reply", "reply"),
    ("services", "service", "request", "request"),
    ("actions", "action", "execute", "execute"),
    ("actions", "action", "call", "call"),
)


@dataclass(slots=True)
class Use:
    """Full names of what one node uses, or may use."""

    publish: set[str] = field(default_factory=set)
    subscribe: set[str] = field(default_factory=set)
    reply: set[str] = field(default_factory=set)
    request: set[str] = field(default_factory=set)
    execute: set[str] = field(default_factory=set)
    call: set[str] = field(default_factory=set)

    def minus(self, other: Use) -> list[str]:
        """Return what `other` lacks, in words."""
        return [
            f"{rule} {name}"
            for _, _, rule, name_of in RULES
            for name in sorted(getattr(self, name_of) - getattr(other, name_of))
        ]

    def size(self) -> int:
        """Return how many permissions that is."""
        return sum(len(getattr(self, name)) for _, _, _, name in RULES)

    def add(self, other: Use) -> None:
        """Use what `other` uses, too."""
        for _, _, _, name in RULES:
            getattr(self, name).update(getattr(other, name))


def use_in_graph(onlooker: Node, name: str) -> Use:
    """Return what the node `name` uses, as `onlooker` sees it by now."""
    use = Use()
    for names, ask, act in (
        (use.publish, onlooker.get_publisher_names_and_types_by_node, set()),
        (use.subscribe, onlooker.get_subscriber_names_and_types_by_node, set()),
        (use.reply, onlooker.get_service_names_and_types_by_node, use.execute),
        (use.request, onlooker.get_client_names_and_types_by_node, use.call),
    ):
        for full, _ in ask(name, "/"):
            action, separator, _ = full.partition(ACTION)
            (act if separator else names).add(action)
    return use


def read_policies(path: Path) -> dict[str, Use]:
    """Return what each enclave of a policy file allows, by the name of its node.

    Raises:
        ValueError: It is not of the shape that `write_policies` makes.
    """
    policies = {}
    root = ET.parse(path).getroot()
    if root.tag != "policy" or root.get("version") != "0.2.0":
        raise ValueError(f"{path} is no SROS 2 policy of version 0.2.0")
    for enclave in root.iterfind("enclaves/enclave"):
        for profile in enclave.iterfind("profiles/profile"):
            node, ns = profile.attrib["node"], profile.attrib["ns"]
            if enclave.attrib["path"] != f"{ENCLAVES}/{node}" or ns != "/":
                raise ValueError(f"enclave {enclave.attrib['path']} is not that of {ns}{node}")
            policies[node] = _read(profile, node)
    return policies


def _read(profile: ET.Element, node: str) -> Use:
    use = Use()
    rules = {(kind, rule): (element, name) for kind, element, rule, name in RULES}
    for group in profile:
        for rule, verdict in group.attrib.items():
            element, name = rules[group.tag, rule]
            if verdict != "ALLOW" or any(child.tag != element for child in group):
                raise ValueError(f"{node}: a rule {group.tag} {group.attrib} is not understood")
            getattr(use, name).update(_full(child.text or "", node) for child in group)
    return use


def write_policies(policies: Mapping[str, Use], path: Path) -> None:
    """Write a policy file, with names as short as they can be."""
    root = ET.Element("policy", version="0.2.0")
    enclaves = ET.SubElement(root, "enclaves")
    for node in sorted(policies):
        enclave = ET.SubElement(enclaves, "enclave", path=f"{ENCLAVES}/{node}")
        profile = ET.SubElement(ET.SubElement(enclave, "profiles"), "profile", ns="/", node=node)
        for kind, element, rule, name in RULES:
            allowed = sorted(getattr(policies[node], name))
            if allowed:
                group = ET.SubElement(profile, kind, {rule: "ALLOW"})
                for full in allowed:
                    ET.SubElement(group, element).text = _short(full, node)
    ET.indent(root)
    text = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    write_atomically(path, text + b"\n")


def _full(name: str, node: str) -> str:
    if name.startswith("~/"):
        return f"/{node}{name[1:]}"
    return name if name.startswith("/") else f"/{name}"


def _short(full: str, node: str) -> str:
    own = f"/{node}/"
    return f"~/{full.removeprefix(own)}" if full.startswith(own) else full.removeprefix("/")
