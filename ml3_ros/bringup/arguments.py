# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Arguments of a system, `name:=value`: their types, limits and texts."""

from __future__ import annotations

import json
import math
import os
import re
from dataclasses import dataclass
from typing import Any

from ml3_ros.bringup.paths import find_program, has_package
from ml3_ros.errors import ConfigError

TOPIC_NAME = r"/?[A-Za-z_]\w*(/[A-Za-z_]\w*)*"  # also in a namespace
ARM_FRAMES, ROBOT_STATE_PUBLISHER, NOBODY = "arm_frames", "robot_state_publisher", "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Argument:
    """One `name:=value` of a system.

    Attributes:
        name: Name of the argument.
        default: Value without one; its type is the argument's type. None: it must be given.
        help: What it does, with its unit in brackets.
        choices: The only values allowed, if not empty.
        file: What else than a choice is allowed, as in a help text: a file. "" for nothing.
        limits: Smallest and largest number allowed.
        pattern: Regular expression that a text has to match.
    """

    name: str
    default: Any
    help: str
    choices: tuple[str, ...] = ()
    limits: tuple[float, float] | None = None
    pattern: str = ""
    file: str = ""

    @property
    def only(self) -> tuple[str, ...]:
        """The only values allowed; () where there are others."""
        return () if self.file else self.choices

    def parse(self, text: str) -> Any:
        """Return the value that `text` stands for.

        Raises:
            ConfigError: It is of the wrong kind or outside what it may be.
        """
        kind = str if self.default is None else type(self.default)
        try:
            value: Any = _parse_bool(text) if kind is bool else kind(text)
        except ValueError as error:
            expected = {int: "a whole number", float: "a number", bool: "true or false"}[kind]
            raise ConfigError(f"{self.name}:={text} is not {expected}: {self.help}") from error
        if self.only and value not in self.only:
            choices = ", ".join(self.only)
            raise ConfigError(f"{self.name} must be one of {choices}, got '{text}'")
        if self.file and not text:
            raise ConfigError(f"{self.name} must be {', '.join(self.choices)} or {self.file}")
        if self.limits is not None and not self.limits[0] <= value <= self.limits[1]:
            lower, upper = self.limits
            raise ConfigError(f"{self.name} must be from {lower:g} to {upper:g}, got {text}")
        if self.pattern and not re.fullmatch(self.pattern, text):
            raise ConfigError(f"{self.name}:={text} is not possible: {self.help}")
        return value


def _frames_publisher() -> str:
    """Return the node that publishes the frames of an arm on this machine by default."""
    secure = os.environ.get("ROS_SECURITY_ENABLE") == "true"  # the policies are for ours
    if find_program(ROBOT_STATE_PUBLISHER, ROBOT_STATE_PUBLISHER) and not secure:
        return ROBOT_STATE_PUBLISHER
    return ARM_FRAMES if has_package("tf2_msgs") else NOBODY


# Those that launch files commonly have; every system has them.
COMMON = (
    Argument(
        name="namespace",
        default="",
        help="namespace of all nodes and topics, of letters, digits and _, as in arms/left",
        pattern=r"(/?[A-Za-z_]\w*)(/[A-Za-z_]\w*)*|/?",
    ),
    Argument(
        name="use_sim_time", default=False, help="clocks of the nodes follow the topic /clock"
    ),
    Argument(
        name="params_file",
        default="",
        help="ROS 2 parameter file for the nodes; NODE.PARAMETER:=VALUE is stronger",
    ),
    Argument(
        name="log_level",
        default="info",
        help="messages that our nodes log; the middleware and other packages keep their level",
        choices=("debug", "info", "warn", "error", "fatal"),
    ),
    Argument(
        name="frames",
        default=_frames_publisher(),
        help="node that publishes robot_description and tf of the arm: none where another "
        "robot_state_publisher does",
        choices=(ARM_FRAMES, ROBOT_STATE_PUBLISHER, NOBODY),
    ),
    Argument(name="rviz", default=False, help="RViz shows the arm, goals and paths of the hand"),
    Argument(name="foxglove", default=False, help="foxglove_bridge offers all topics to Foxglove"),
)


def yaml_text(value: Any) -> str:
    """Return a parameter value as ROS reads it: one YAML word that keeps its type."""
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    return json.dumps(value)


def names_of(text: str) -> list[str]:
    """Return the names in a text such as [a, b] or a,b."""
    words = text.strip().removeprefix("[").removesuffix("]").split(",")
    return [name for word in words if (name := word.strip(" \"'"))]


def _parse_bool(text: str) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if text.lower() not in words:
        raise ValueError(text)
    return words[text.lower()]
