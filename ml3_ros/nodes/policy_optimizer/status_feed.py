# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Publisher of how the methods of a run are doing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ml3_msgs.msg import Adaptation
from ml3_ros.learners.inverse_dynamics.worker import AdaptationWorker
from ml3_ros.nodes.adaptation.publishers import MethodPublishers
from ml3_ros.nodes.kit.joint_stream import JointStream
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.messages.joint_states import time_msg


class StatusFeed:
    """The topics adaptation/METHOD of a run."""

    def __init__(self, node: Ml3Node[Any], methods: Sequence[str]) -> None:
        """Publish for `node` on the topics of `methods`."""
        self._node = node
        self._publishers = MethodPublishers(node, methods)

    def publish(self, worker: AdaptationWorker, stream: JointStream, frame: str) -> None:
        """Publish the status of every method, in `frame`; before the first window, nothing."""
        lost = sum(self._node.diagnostics.counts.values())
        for status in worker.status():
            msg = Adaptation(
                method=status.method,
                joint_names=list(stream.names),
                update=status.update,
                samples=status.samples,
                lost_samples=lost,
                meta_loss_value=status.meta_loss_value,
                nmse=status.nmse.tolist(),
                nmse_mean=float(status.nmse.mean()),
                learning=status.learning,
            )
            msg.header.stamp = time_msg(stream.stamp(status.t))
            msg.header.frame_id = frame
            self._publishers.publish(msg)
