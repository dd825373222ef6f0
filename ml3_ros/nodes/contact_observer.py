# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Contact observer: external torque of an arm from its joint states, by a model it learns."""

from __future__ import annotations

import sys
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from rclpy.lifecycle import LifecyclePublisher
from sensor_msgs.msg import JointState

from ml3_msgs.msg import ExternalTorque, LearnedModel
from ml3_ros.identification.live.external_torque import (
    ExternalTorqueConfig,
    ExternalTorqueObserver,
)
from ml3_ros.identification.live.model_file import physical_to_bytes
from ml3_ros.identification.live.physical_model import PhysicalModel, PhysicalModelConfig
from ml3_ros.nodes.kit.filtered_stream import FilteredStream, FilterParameters
from ml3_ros.nodes.kit.intake.sources import ArmSource
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.parameters.annotated import Param
from ml3_ros.nodes.kit.parameters.payload import PayloadParameters
from ml3_ros.nodes.kit.process import run
from ml3_ros.nodes.kit.qos import LATCHED_1, RELIABLE_5000
from ml3_ros.nodes.kit.rclpy_versions import MessageInfo
from ml3_ros.nodes.messages.ml3 import external_torque_to_msg, model_to_msg
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot

METHOD = "physical_live"  # on learned_model
_CONFIG, _MODEL = ExternalTorqueConfig(), PhysicalModelConfig()


@dataclass(frozen=True, kw_only=True)
class ContactObserverParameters(FilterParameters, PayloadParameters):
    """The arm, how its physical model is learned, and when it counts as touched."""

    robot: Annotated[str, Param("the arm: sawyer, reacher, or path of a URDF or MJCF")] = "sawyer"
    fit: Annotated[
        Literal["learned", "robust", "least_squares"],
        Param(
            "what the model learns under: robust and learned (a learned loss) leave out what "
            "touches the arm, least_squares does not"
        ),
    ] = "robust"
    bandwidth: Annotated[
        float,
        Param("of the observer; an estimate is 1 / bandwidth late [1/s]", (5.0, 1000.0)),
    ] = _CONFIG.gain
    touched: Annotated[
        float,
        Param(
            "standard deviations beyond what dry friction holds that make a joint touched [-]",
            (0.5, 100.0),
        ),
    ] = _CONFIG.touched
    free: Annotated[
        float, Param("standard deviations below which it is free again [-]", (0.5, 100.0))
    ] = _CONFIG.free
    update_period: Annotated[
        float, Param("time between updates of the model [s]", (0.1, 60.0))
    ] = _MODEL.update_period
    presliding: Annotated[
        tuple[float, ...],
        Param(
            "how far joints creep before they slip: a friction term for each; unset: none [rad]",
            (1e-5, 1.0),
        ),
    ] = _MODEL.displacements


class ContactObserver(Ml3Node[ContactObserverParameters]):
    """Joint states in, external torques out, one for each, as soon as it has come.

    The physical model begins at the arm as described and learns in a thread of its own; what it
    has learned is lost when the node is cleaned up.
    """

    # made by `load`
    _names: tuple[str, ...]
    _base: str  # frame
    _stream: FilteredStream
    _arm: PinocchioModel  # as described
    _model: PhysicalModel
    _observer: ExternalTorqueObserver
    _torques: LifecyclePublisher[ExternalTorque]
    _thread: ThreadPoolExecutor
    _learning: Future[None] | None
    _models: LifecyclePublisher[LearnedModel]
    _published: int  # updates of the model that was published last

    def load(self) -> None:
        """Load the arm as described and connect."""
        p = self.parameters
        config = ExternalTorqueConfig(gain=p.bandwidth, touched=p.touched, free=p.free)
        learned = PhysicalModelConfig(
            fit=p.fit,
            displacements=p.presliding,
            update_period=p.update_period,
            payload=p.payload,
        )
        description = load_robot(p.robot)
        self._names, self._base = description.names, description.base
        self._stream = FilteredStream(
            self._names,
            self.diagnostics.counts,
            p,
            self.get_logger().info,
            ArmSource(self, "joint_states"),
        )
        self.diagnostics.complaint = lambda: self._stream.complaint if self.active else ""
        self._model = PhysicalModel(PinocchioModel(description), description.home, learned)
        self._arm = PinocchioModel(description)
        self._observer = ExternalTorqueObserver(self._model, self._arm, config)
        torch.set_num_threads(1)  # fits are small, and the arm's other nodes need the cores
        self._thread, self._learning = ThreadPoolExecutor(1, "physical model"), None
        self._torques = self.publisher(ExternalTorque, "external_torque", RELIABLE_5000)
        self._models = self.publisher(LearnedModel, "learned_model", LATCHED_1)
        self._published = -1
        self.subscribe(JointState, "joint_states", self._on_state, RELIABLE_5000, informed=True)
        self.diagnostics.expect("joint_states")

    def unload(self) -> None:
        """End the thread that learns."""
        self._thread.shutdown()

    def diagnostic_values(self) -> dict[str, object]:
        """Return how far the model is, and what no model explains."""
        units = self._arm.limits.effort_units
        noise = zip(self._names, units, self._model.learned.scale, strict=True)
        return {
            **self._stream.diagnostic_values(),
            "updates of the model": self._model.updates,
            **{f"noise of {name} [{unit}]": float(scale) for name, unit, scale in noise},
        }

    def _on_state(self, msg: JointState, info: MessageInfo) -> None:
        samples = self._stream.read(msg, info)
        self.diagnostics.tick("joint_states")
        state = self._stream.newest
        if state is None:  # velocities are taken from positions, of which too few have come
            return
        t = self._stream.stream.seconds(state.stamp)
        found = self._observer.observe(t, state.q, state.v, state.tau)
        self._torques.publish(
            external_torque_to_msg(
                self._names,
                state.stamp,
                found.torque,
                found.std,
                found.touched,
                update=self._model.updates,
                frame_id=self._base,
            )
        )
        self.diagnostics.tick("external_torque")
        due = any([self._model.take(sample) for sample in samples])
        if due and (self._learning is None or self._learning.done()):
            self._learn()

        if self._model.updates != self._published:
            self._publish_model(state.stamp)

    def _publish_model(self, stamp: int) -> None:
        """Hand the model out as it is now, for controllers that feed it forward."""
        self._published = self._model.updates
        msg = model_to_msg(
            METHOD,
            physical_to_bytes(self._model),
            stamp=stamp,
            update=self._published,
            joint_names=self._names,
            frame_id=self._base,
        )
        self._models.publish(msg)

    def _learn(self) -> None:
        """Begin the next update of the model, after the last one."""
        last, rows = self._learning, self._model.drain()
        self._learning = self._thread.submit(self._model.learn, rows)
        if last is not None:
            last.result()  # raises what has ended it, and this node counts and logs that


def main() -> int:
    """Run the node."""
    return run(lambda: ContactObserver("contact_observer"))


if __name__ == "__main__":
    sys.exit(main())
