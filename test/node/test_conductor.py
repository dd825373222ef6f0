# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the conductor says reaches whoever reads the log of a running system."""

from __future__ import annotations

import subprocess
import sys

from rcl_interfaces.msg import Log
from rclpy.qos import DurabilityPolicy, QoSProfile


def test_progress_and_the_reason_of_a_failure_are_in_the_log_of_the_system(graph):
    logs = []
    latched = QoSProfile(depth=1000, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    graph.plain("log_reader").create_subscription(Log, "/rosout", logs.append, latched)
    words = ["--ros-args"]
    for setting in ("learner:=nobody", "start_timeout:=2.5", "duplicate_wait:=0.0"):
        words += ["-p", setting]
    process = subprocess.Popen(
        [sys.executable, "-m", "ml3_ros.nodes.conductor", *words],
        stdout=subprocess.PIPE,
        text=True,
    )

    def logged(level, text):
        return any(m.name == "conductor" and m.level == level and text in m.msg for m in logs)

    try:
        graph.until(lambda: logged(Log.INFO, "waiting for nobody to start"))
        graph.until(
            lambda: logged(Log.ERROR, "waiting for nobody to start took longer than 2.5 s")
        )
        assert process.wait(timeout=120.0) == 1
        assert process.stdout.read() == ""  # nothing goes past the log
    finally:
        process.kill()
        process.wait()
