# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Rigid-body prior: publishes M(q) and nle(q, v) at every joint state, for meta-training."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated

from rclpy.lifecycle import LifecyclePublisher
from sensor_msgs.msg import JointState

from ml3_msgs.msg import InertiaPrior
from ml3_ros.nodes.kit.joint_stream import JointStream
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.parameters.annotated import NodeParameters, Param
from ml3_ros.nodes.kit.process import run
from ml3_ros.nodes.kit.qos import RELIABLE_5000
from ml3_ros.nodes.messages.ml3 import prior_to_msg
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot


@dataclass(frozen=True, kw_only=True)
class RigidBodyPriorParameters(NodeParameters):
    """The arm whose dynamics are published."""

    robot: Annotated[str, Param("the arm: sawyer, reacher, or path of a URDF or MJCF")] = "sawyer"


class RigidBodyPrior(Ml3Node[RigidBodyPriorParameters]):
    """Joint states in, rigid-body dynamics of the nominal model out; for meta-training only."""

    # made by `load`
    _model: PinocchioModel
    _base: str  # frame
    _stream: JointStream
    _priors: LifecyclePublisher[InertiaPrior]

    def load(self) -> None:
        """Load the model and connect it."""
        description = load_robot(self.parameters.robot)
        self._model, self._base = PinocchioModel(description), description.base
        self._stream = JointStream(self._model.names, self.diagnostics.counts)
        self._priors = self.publisher(InertiaPrior, "inertia_prior", RELIABLE_5000)
        self.subscribe(JointState, "joint_states", self._on_state, RELIABLE_5000)
        self.diagnostics.expect("joint_states")

    def _on_state(self, msg: JointState) -> None:
        sample = self._stream.read(msg)
        self.diagnostics.tick("joint_states")
        names, q, v = self._model.names, sample.q, sample.v
        M, nle = self._model.M(q), self._model.nle(q, v)
        prior = prior_to_msg(names, sample.stamp, q, v, M, nle, self._base)
        self._priors.publish(prior)
        self.diagnostics.tick("inertia_prior")


def main() -> int:
    """Run the node."""
    return run(lambda: RigidBodyPrior("rigid_body_prior"))


if __name__ == "__main__":
    sys.exit(main())
