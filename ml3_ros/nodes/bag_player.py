"""Streams the joint states of a recording as if the arm were there."""

from __future__ import annotations

import sys
import time

import numpy as np
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool

from ml3_msgs.msg import Adaptation
from ml3_ros.data.bags import read_joint_states
from ml3_ros.data.pacer import Pacer
from ml3_ros.errors import ConfigError
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.parameters import Param
from ml3_ros.nodes.kit.process import run
from ml3_ros.nodes.kit.qos import LATCHED_1, RELIABLE_100, RELIABLE_5000
from ml3_ros.nodes.messages.joint_states import NANO, JointSample, nanoseconds, sample_to_msg
from ml3_ros.robots.registry import load_robot

TICK_S = 0.004  # between looks at what is due
MOST_PER_S = 500.0  # samples that a learner in Python takes in without losing any [1/s]


class BagPlayer(Ml3Node):
    """Publishes every sample of a recording in order, once, at the pace of its stamps.

    It begins when a subscriber is there and skips nothing: late, it lets the robot's time slip.
    Faster than real time it sends no more than MOST_PER_S, and keeps at most `max_ahead` samples
    beyond what `adaptation` tells to have been used. After the last sample the latched topic
    `stream_finished` turns true.
    """

    PARAMETERS = (
        Param(name="bag", default="", help="rosbag2 recording: a folder, .db3 or .mcap"),
        Param(name="topic", default="", help="topic in the recording; empty: the only one with "
              "joint states"),
        Param(name="robot", default="", help="arm that names the joints: sawyer, reacher, or path "
              "of a URDF or MJCF; empty: those of the recording"),
        Param(name="joints", default=Parameter.Type.STRING_ARRAY, help="joint names, instead of "
              "the robot's"),
        Param(name="rate", default=1.0, help="robot seconds per second: 1 is real time [-]",
              limits=(0.1, 100.0)),
        Param(name="rebase_stamps", default=True, help="begin at the present time; false: publish "
              "the recorded stamps"),
        Param(name="max_ahead", default=300, help="samples that may be sent beyond the newest one "
              "that `adaptation` tells to have been used, where anybody tells; 0: any number",
              limits=(0, 1_000_000)),
        Param(name="subscribers", default=1, help="subscribers of joint_states to wait for",
              limits=(0, 100)),
        Param(name="subscriber_timeout", default=30.0, help="deadline for them to appear [s]",
              limits=(0.1, 600.0)),
    )  # fmt: skip

    def load(self) -> None:
        """Read and check the recording, and connect."""
        p = self.parameters
        if not p["bag"]:
            raise ConfigError("no recording to play: set the parameter bag to its path")
        joints = p["joints"] or (load_robot(p["robot"]).names if p["robot"] else None)
        self._recording = read_joint_states(p["bag"], p["topic"] or None, joints)
        self.get_logger().info(
            f"{p['bag']}: {self._recording.checks}, {self._recording.t[-1]:.1f} s at "
            f"{1.0 / self._recording.dt:.0f} Hz, joints {', '.join(self._recording.names)}"
        )
        self._sent, self._begun = 0, False
        self._states = self.publisher(JointState, "joint_states", RELIABLE_5000)
        self._finished = self.publisher(Bool, "stream_finished", LATCHED_1)
        self.subscribe(Adaptation, "adaptation", self._on_adaptation, RELIABLE_100)
        self.every(TICK_S, self._on_time)

    def start(self) -> None:
        """Begin with the first sample, as soon as somebody listens."""
        p = self.parameters
        self._sent, self._begun = 0, False
        self._deadline = time.monotonic() + p["subscriber_timeout"]
        rate = min(p["rate"], max(1.0, MOST_PER_S * self._recording.dt))
        if rate < p["rate"]:
            self.get_logger().info(f"playing at rate {rate:.3g}: more samples would get lost")
        self._pacer = Pacer(self._recording.t, rate=rate, max_ahead=p["max_ahead"])
        self._finished.publish(Bool(data=False))

    def diagnostic_values(self) -> dict[str, object]:
        """Tell how far the recording has been played."""
        if not self.active:
            return {}
        return {
            "samples sent": self._sent,
            "samples in the recording": len(self._recording.t),
            "finished": self._sent == len(self._recording.t),
        }

    def _on_time(self) -> None:
        if not self._begun and not self._begin():
            return
        before, count = self._sent, len(self._recording.t)
        for i in range(before, self._pacer.due(time.monotonic(), before)):
            self._states.publish(self._message(i))
            self.diagnostics.tick("joint_states")
            self._sent = i + 1
        if before < self._sent == count:
            self._finished.publish(Bool(data=True))
            self.get_logger().info(f"the recording has been played: {count} samples")

    def _begin(self) -> bool:
        """Return whether somebody listens; end the node when nobody came in time."""
        wanted = self.parameters["subscribers"]
        if self._states.get_subscription_count() >= wanted:
            now = self.get_clock().now().nanoseconds
            rebase = self.parameters["rebase_stamps"]
            self._first_stamp = now if rebase else self._recording.start_ns
            self._begun = True
        elif time.monotonic() > self._deadline:
            self.fail(
                f"joint_states has fewer than {wanted} subscriber(s) after "
                f"{self.parameters['subscriber_timeout']:g} s, nothing was played: start the "
                "learner first, or lower the parameter subscribers"
            )
        return self._begun

    def _message(self, i: int) -> JointState:
        recording = self._recording
        sample = JointSample(
            stamp=self._first_stamp + round(recording.t[i] * NANO),
            q=recording.q[i],
            v=recording.v[i],
            tau=recording.tau[i],
        )
        return sample_to_msg(sample, recording.names)

    def _on_adaptation(self, msg: Adaptation) -> None:
        if self._begun:
            used = (nanoseconds(msg.header.stamp) - self._first_stamp) / NANO
            count = int(np.searchsorted(self._recording.t, used + 1e-6, side="right"))
            if count <= self._sent:  # else it is not about what was played
                self._pacer.acknowledge(count, time.monotonic())


def main() -> int:
    """Run the node."""
    return run(lambda: BagPlayer("bag_player"))


if __name__ == "__main__":
    sys.exit(main())
