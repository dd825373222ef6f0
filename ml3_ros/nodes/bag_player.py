# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recording player: streams the joint states of a bag as the arm itself would."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from rclpy.lifecycle import LifecyclePublisher
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool

from ml3_msgs.msg import Adaptation
from ml3_ros.data.bags.reader import read_joint_states
from ml3_ros.data.filters import Array
from ml3_ros.data.rate import Pauses, PlaybackRate
from ml3_ros.data.read_recording import joints_recorded
from ml3_ros.data.recording import JointRecording
from ml3_ros.errors import ConfigError
from ml3_ros.nodes.adaptation.subscriptions import LOOK_S, MethodSubscriptions
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.parameters.annotated import Param
from ml3_ros.nodes.kit.parameters.base_frame import FrameParameters
from ml3_ros.nodes.kit.process import run
from ml3_ros.nodes.kit.qos import LATCHED_1, RELIABLE_100, RELIABLE_5000
from ml3_ros.nodes.messages.joint_states import NANO, JointSample, nanoseconds, sample_to_msg
from ml3_ros.robots.registry import movable_joints

TICK_S = 0.004  # between looks at what is due
MOST_PER_S = 500.0  # samples that a learner in Python takes in without losing any [1/s]


@dataclass(frozen=True, kw_only=True)
class BagPlayerParameters(FrameParameters):
    """The recording, and the pace at which it is played."""

    bag: Annotated[str, Param("rosbag2 recording to play: a folder, .db3 or .mcap")] = ""
    topic: Annotated[
        str, Param("topic in the recording; empty: the one that carries the joints")
    ] = ""
    rename: Annotated[
        str,
        Param(
            "recorded names in terms of those of the arm: a prefix, or RECORDED=NAME,...; empty: "
            "one prefix that tells all names apart is found"
        ),
    ] = ""
    robot: Annotated[
        str,
        Param(
            "arm that names the joints: sawyer, reacher, or path of a URDF or MJCF; empty: the "
            "joints are those of the recording"
        ),
    ] = ""
    joints: Annotated[tuple[str, ...], Param("joint names in place of the robot's")] = ()
    rate: Annotated[
        float,
        Param(
            "robot seconds per second: 1 is real time, 2 twice as fast [-]", (0.1, 100), live=True
        ),
    ] = 1.0
    rebase_stamps: Annotated[
        bool, Param("let stamps begin at the present time; false: publish the recorded ones")
    ] = True
    max_ahead: Annotated[
        int,
        Param(
            "number of samples that may be sent beyond the newest one that a learner has used "
            "according to `adaptation`; 0: any number [-]",
            (0, 1_000_000),
            live=True,
        ),
    ] = 300
    subscribers: Annotated[
        int,
        Param("number of subscribers of joint_states to wait for [-]", (0, 100), live=True),
    ] = 1
    subscriber_timeout: Annotated[
        float,
        Param(
            "time to wait for these subscribers; then the node fails [s]", (0.1, 600), live=True
        ),
    ] = 30.0


class BagPlayer(Ml3Node[BagPlayerParameters]):
    """Publishes every sample of a recording in order, once, at the pace of its stamps.

    It begins when a subscriber is there and skips no sample: late, it lets the robot's time slip.
    Pauses of the recording are cut short, so that nobody waits or takes them for its end.
    Faster than real time it sends no more than MOST_PER_S, and keeps at most `max_ahead` samples
    beyond those that a method reports as used on `adaptation/METHOD`. After the last sample the
    latched topic `stream_finished` turns true.
    """

    # made by `load`
    _recording: JointRecording
    _pauses: Pauses
    _states: LifecyclePublisher[JointState]
    _finished: LifecyclePublisher[Bool]
    # set by `start`
    _sent: int
    _begun: bool  # whether a subscriber has come
    _started: float  # monotonic time [s]
    _playback: PlaybackRate
    _first_stamp: int  # of the recording as it is published [ns]

    def load(self) -> None:
        """Read and check the recording, and connect."""
        p = self.parameters
        if not p.bag:
            raise ConfigError("no recording to play: set the parameter bag to its path")
        topic, joints = p.topic or None, p.joints or None
        if joints is None and p.robot:
            joints = joints_recorded(p.bag, movable_joints(p.robot), topic, p.rename)
        self._recording = read_joint_states(p.bag, topic, joints, p.rename)
        self.get_logger().info(
            f"{p.bag}: {self._recording.checks}, {self._recording.t[-1]:.1f} s at "
            f"{1.0 / self._recording.dt:.0f} Hz, joints {', '.join(self._recording.names)}"
        )
        self._pauses = Pauses.of(self._recording.t, self._recording.dt)
        if self._pauses.sentence:
            self.get_logger().info(self._pauses.sentence)
        self._sent, self._begun = 0, False
        self._states = self.publisher(JointState, "joint_states", RELIABLE_5000)
        self._finished = self.publisher(Bool, "stream_finished", LATCHED_1)
        methods = MethodSubscriptions(self, self._subscribe)
        self.every(LOOK_S, methods.look)
        self.every(TICK_S, self._on_time)

    def start(self) -> None:
        """Begin with the first sample, as soon as there is a subscriber."""
        p = self.parameters
        self._sent, self._begun = 0, False
        self._started = time.monotonic()
        rate = self._possible_rate()
        self._playback = PlaybackRate(self._pauses.played, rate=rate, max_ahead=p.max_ahead)
        self._finished.publish(Bool(data=False))

    def retune(self) -> None:
        """Go on at the new pace."""
        if self.active:
            self._playback.set(rate=self._possible_rate(), max_ahead=self.parameters.max_ahead)

    def _possible_rate(self) -> float:
        wanted = self.parameters.rate
        rate = min(wanted, max(1.0, MOST_PER_S * self._recording.dt))
        if rate < wanted:
            self.get_logger().info(f"playing at rate {rate:.3g}: more samples would get lost")
        return rate

    def diagnostic_values(self) -> dict[str, object]:
        """Return how far the recording has been played."""
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
        for i in range(before, self._playback.due(time.monotonic(), before)):
            self._states.publish(self._message(i))
            self.diagnostics.tick("joint_states")
            self._sent = i + 1
        if before < self._sent == count:
            self._finished.publish(Bool(data=True))
            self.get_logger().info(f"the recording has been played: {count} samples")

    def _begin(self) -> bool:
        """Return whether there are subscribers; end the node when none came in time."""
        needed = self.parameters.subscribers
        if self._states.get_subscription_count() >= needed:
            now = self.get_clock().now().nanoseconds
            rebase = self.parameters.rebase_stamps
            self._first_stamp = now if rebase else self._recording.start_ns
            self._begun = True
        elif time.monotonic() > self._started + self.parameters.subscriber_timeout:
            self.fail(
                f"joint_states has fewer than {needed} subscriber(s) after "
                f"{self.parameters.subscriber_timeout:g} s, nothing was played: start the "
                "learner first, or lower the parameter subscribers"
            )
        return self._begun

    @property
    def _stamped(self) -> Array:
        """Times that samples bear, from the first one on [s]."""
        return self._pauses.stamped if self.parameters.rebase_stamps else self._recording.t

    def _message(self, i: int) -> JointState:
        recording = self._recording
        sample = JointSample(
            stamp=self._first_stamp + round(self._stamped[i] * NANO),
            q=recording.q[i],
            v=recording.v[i],
            tau=recording.tau[i],
        )
        return sample_to_msg(sample, recording.names, self.parameters.base_frame)

    def _subscribe(self, topic: str) -> None:
        self.subscribe(Adaptation, topic, self._on_adaptation, RELIABLE_100)

    def _on_adaptation(self, msg: Adaptation) -> None:
        if self._begun:
            used = (nanoseconds(msg.header.stamp) - self._first_stamp) / NANO
            count = int(np.searchsorted(self._stamped, used + 1e-6, side="right"))
            if count <= self._sent:  # else it is not about what was played
                self._playback.acknowledge(count, time.monotonic())


def main() -> int:
    """Run the node."""
    return run(lambda: BagPlayer("bag_player"))


if __name__ == "__main__":
    sys.exit(main())
