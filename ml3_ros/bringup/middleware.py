"""What is set for Fast DDS, the middleware that ROS 2 comes with; others keep their own defaults.

Its shared memory is left out: a process that is killed in it holds up the others by a second, and
lets them miss messages. Where ROS 2 is told to stay on this machine it takes shared memory
whatever a profile says, so that a profile has to do that as well.
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
