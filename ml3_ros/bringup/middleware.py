# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Settings of Fast DDS, the default middleware of ROS 2: a profile for the nodes of a system.

A profile of the user, and another middleware, stay as they are.

Shared memory is off: a process that is killed while it uses it holds up the others by a second,
and lets them miss messages. Where ROS 2 is restricted to this machine it turns shared memory on
whatever the profile sets, so the profile restricts the traffic itself. The service by which
processes ask each other for types is off: ROS 2 has no use for it, and its thread crashed one.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from ament_index_python.packages import get_package_share_directory

from ml3_ros.bringup.paths import config_file

RANGE = "ROS_AUTOMATIC_DISCOVERY_RANGE"
# Fast DDS 3, as of Kilted, reads the first, and the second with a warning; Fast DDS 2 the second.
PROFILES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
RMW_PACKAGE, RMW_OF_FAST_DDS_3 = "rmw_fastrtps_shared_cpp", 9
FAST_DDS = ("rmw_fastrtps_cpp", "rmw_fastrtps_dynamic_cpp")  # ROS 2 takes the first by default


def middleware(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for nodes that start in `env`; none to keep the user's choice."""
    other = env.get("RMW_IMPLEMENTATION", "") not in ("", *FAST_DDS)
    if other or any(variable in env for variable in PROFILES):
        return {}
    if env.get(RANGE) != "LOCALHOST":
        return {profile_variable(): str(config_file("fastdds.xml"))}
    return {profile_variable(): str(config_file("fastdds_localhost.xml")), RANGE: "SYSTEM_DEFAULT"}


@functools.cache
def profile_variable() -> str:
    """Return the variable by which the Fast DDS that is installed finds its profile."""
    try:
        package = Path(get_package_share_directory(RMW_PACKAGE), "package.xml")
        version = ElementTree.parse(package).findtext("version") or ""
    except (LookupError, OSError):  # no Fast DDS, so either will do
        return PROFILES[0]
    return PROFILES[int(version.partition(".")[0]) < RMW_OF_FAST_DDS_3]
