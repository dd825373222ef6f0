# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Watch a system learn over ROS 2: a small rclpy node that reads the results from topics.

It listens to `adaptation/METHOD`, on which policy_optimizer publishes the error of each method,
says each second how far learning is, and ends when the models are frozen. Start `ml3 up
sawyer_invdyn` in another terminal first, or let this node start a system:

    python examples/watch_adaptation.py
    python examples/watch_adaptation.py --up reacher_invdyn loss:=none duration:=10
"""

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

from ml3_msgs.msg import Adaptation


class AdaptationWatcher(Node):
    """Keeps the newest status of each method while it learns."""

    def __init__(self) -> None:
        super().__init__("adaptation_watcher")
        self.newest: dict[str, Adaptation] = {}
        self.frozen: set[str] = set()
        self.topics: set[str] = set()
        self.create_timer(0.5, self._look_for_methods)
        self.create_timer(1.0, self._log_progress)

    @property
    def finished(self) -> bool:
        """Whether there were methods, and none of them learns any more."""
        return bool(self.newest) and self.frozen >= set(self.newest)

    def _look_for_methods(self) -> None:
        qos = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
        base = self.resolve_topic_name("adaptation")
        for topic, types in self.get_topic_names_and_types():
            ours = topic.startswith(f"{base}/") and "ml3_msgs/msg/Adaptation" in types
            if ours and topic not in self.topics:
                self.topics.add(topic)
                self.create_subscription(Adaptation, topic, self._on_status, qos)

    def _on_status(self, msg: Adaptation) -> None:
        if msg.learning:
            self.newest[msg.method] = msg
        elif msg.method in self.newest:
            self.frozen.add(msg.method)

    def _log_progress(self) -> None:
        errors = (f"{name} {msg.nmse_mean:.3f}" for name, msg in sorted(self.newest.items()))
        self.get_logger().info(", ".join(errors) or "waiting for messages on adaptation/METHOD")


@contextmanager
def running(words: list[str]) -> Iterator[Callable[[], bool]]:
    """Keep `ml3 up WORDS` running, if there are words; yield whether it may still be running."""
    if not words:
        yield lambda: True  # somebody else has started it
        return
    process = subprocess.Popen([sys.executable, "-m", "ml3_ros.cli.main", "up", *words])
    try:
        yield lambda: process.poll() is None
        process.wait()  # frozen models are tested, and the run is reported
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Watch until learning has ended, and print the last error of each method."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--up", nargs="+", default=[], metavar="WORD", help="system to start")
    args = parser.parse_args()
    rclpy.init(args=[])
    watcher = AdaptationWatcher()
    with running(args.up) as alive:
        try:
            while alive() and not watcher.finished:
                rclpy.spin_once(watcher, timeout_sec=1.0)
        except (KeyboardInterrupt, ExternalShutdownException):
            pass  # Ctrl-C: the errors so far are printed all the same
        watcher.destroy_node()
        rclpy.try_shutdown()
        print("torque error of the last 5 s of learning (prequential NMSE, mean over joints)")
        for method, msg in sorted(watcher.newest.items()):
            print(f"  {method:<14} {msg.nmse_mean:.3f} after {msg.update} updates")


if __name__ == "__main__":
    main()
