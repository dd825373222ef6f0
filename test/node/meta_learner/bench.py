# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A client of meta_learner's action, and the goals that tests send."""

from __future__ import annotations

from rclpy.action import ActionClient
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, QoSProfile

from ml3_msgs.action import MetaTrain
from ml3_msgs.msg import LearnedLoss as LearnedLossMsg

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
JOINTS = ("a", "b")
ALIKE = {"joints": list(JOINTS), "robot": "toy", "segment_seconds": 1.0}  # who goes on has these
GOAL = {
    "name": "ml3_unshaped",
    "task": "inverse_dynamics",
    "nle": "learned",
    "architecture": "structured",
    "use_prior": False,
    "iterations": 3,
}


class Client:
    """Sends goals and keeps what comes back of the newest that was accepted."""

    def __init__(self, graph, node):
        self.graph, self.feedback = graph, []
        self.action = ActionClient(node, MetaTrain, "meta_train")

    def send(self, **fields):
        """Return the handle of a goal, accepted or not."""
        return self.send_goal(MetaTrain.Goal(**GOAL | fields))

    def send_goal(self, goal):
        """Return the handle of a goal as it is."""
        feedback = []
        self.graph.until(self.action.server_is_ready)
        future = self.action.send_goal_async(goal, lambda msg: feedback.append(msg.feedback))
        self.graph.until(future.done)
        if future.result().accepted:
            self.feedback = feedback
        return future.result()

    def result(self, handle):
        """Return status and result of an accepted goal."""
        future = handle.get_result_async()
        self.graph.until(future.done)
        return future.result().status, future.result().result

    def cancelled(self, handle, node):
        """Cancel a goal of a learner; return status and result once its last step has ended."""
        self.graph.until(handle.cancel_goal_async().done)
        status_and_result = self.result(handle)
        self.graph.until(lambda: node._worker is None or node._worker.ended.is_set())
        return status_and_result


def latched(graph, node):
    """Return the list of losses that a subscriber gets which comes now."""
    qos = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    return graph.listen(node, LearnedLossMsg, "learned_loss", qos)
