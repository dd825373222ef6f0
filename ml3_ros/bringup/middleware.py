"""Settings of Fast DDS, the default middleware of ROS 2; others keep their own defaults.

Shared memory is off: a process that is killed while it uses it holds up the others by a second,
and lets them miss messages. Where ROS 2 is restricted to this machine it turns shared memory on
whatever the profile sets, so the profile restricts the traffic itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from ml3_ros.bringup.paths import config_file

RANGE, PROFILE = "ROS_AUTOMATIC_DISCOVERY_RANGE", "FASTDDS_DEFAULT_PROFILES_FILE"
FAST_DDS = ("rmw_fastrtps_cpp", "rmw_fastrtps_dynamic_cpp")  # ROS 2 takes the first by default


def middleware(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for nodes that start in `env`; none where the user has a profile."""
    other = env.get("RMW_IMPLEMENTATION", "") not in ("", *FAST_DDS)
    if other or PROFILE in env:
        return {}
    if env.get(RANGE) != "LOCALHOST":
        return {PROFILE: str(config_file("fastdds.xml"))}
    return {PROFILE: str(config_file("fastdds_localhost.xml")), RANGE: "SYSTEM_DEFAULT"}
