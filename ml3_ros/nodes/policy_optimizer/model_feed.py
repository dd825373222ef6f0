# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Publisher of the models that are being learned, for controllers that feed them forward."""

from __future__ import annotations

from typing import Any

from ml3_msgs.msg import LearnedModel
from ml3_ros.learners.inverse_dynamics.worker import AdaptationWorker
from ml3_ros.nodes.kit.joint_stream import JointStream
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.qos import LATCHED_1
from ml3_ros.nodes.messages.ml3 import model_to_msg


class ModelFeed:
    """The topic learned_model: one latched publisher a method, so late controllers get them all.

    A model that does not change is published again too: without messages, a controller knows that
    no model is learned any more.
    """

    def __init__(self, node: Ml3Node) -> None:
        """Publish for `node`."""
        self._node = node
        self._latched: dict[str, Any] = {}

    def publish(self, worker: AdaptationWorker, stream: JointStream) -> None:
        """Send the model of every method as it is now; before the first update, nothing."""
        for model in worker.models():
            if model.method not in self._latched:
                self._latched[model.method] = self._node.publisher(
                    LearnedModel, "learned_model", LATCHED_1
                )
                self._latched[model.method].on_activate(None)
            msg = model_to_msg(
                model.method,
                model.data,
                stamp=stream.stamp(model.t),
                update=model.update,
                joint_names=stream.names,
                frame_id=self._node.parameters.base_frame,
            )
            self._latched[model.method].publish(msg)
