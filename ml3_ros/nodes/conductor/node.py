# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Conductor node: runs a system from its start to its end, in order and with deadlines.

The conductor is the one node that is no lifecycle node: it manages the others.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import rclpy
from geometry_msgs.msg import PoseStamped
from rclpy.action import ActionClient
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.signals import SignalHandlerOptions

from ml3_msgs.action import MetaTrain
from ml3_msgs.msg import Adaptation
from ml3_ros.errors import MessageError, Ml3Error
from ml3_ros.learners.reaching.goals import GoalRanges
from ml3_ros.nodes.adaptation.subscriptions import LOOK_S, MethodSubscriptions
from ml3_ros.nodes.conductor.lifecycle_client import (
    BringupError,
    InterruptError,
    LifecycleClient,
    Waiter,
)
from ml3_ros.nodes.conductor.parameters import ConductorParameters
from ml3_ros.nodes.kit.diagnostics import steady_timer
from ml3_ros.nodes.kit.name_guard import claim_name, reject_duplicate
from ml3_ros.nodes.kit.parameters.declared import DeclaredParameters
from ml3_ros.nodes.kit.process import LINGER_S, ignore_signals, requests_to_end
from ml3_ros.nodes.kit.qos import LATCHED_100, RELIABLE_100
from ml3_ros.nodes.messages.joint_states import listed, nanoseconds
from ml3_ros.nodes.messages.poses import pose_to_msg

MOST_METHODS = 50  # whose errors are shown
SHAPED, UNSHAPED = "ml3_shaped", "ml3_unshaped"


class Conductor(Node):
    """The script of a run; every step has a deadline."""

    parameters_type = ConductorParameters
    _goals: Publisher[PoseStamped]  # kept, because it is latched

    def __init__(
        self, executor: SingleThreadedExecutor, signals: Sequence[int], **node_arguments: Any
    ) -> None:
        """Declare parameters and find the nodes' services.

        Args:
            executor: Spins this node while it waits.
            signals: Signals received so far; any of them ends the run.
            node_arguments: Passed on to rclpy's Node (context, parameter_overrides, ...).

        Raises:
            ConfigError: Another conductor is at work here, on this machine.
        """
        super().__init__("conductor", **node_arguments)
        executor.add_node(self)
        self._claim = claim_name(self)
        self._declared = DeclaredParameters(self, self.parameters_type, lambda: True)
        self._born = time.monotonic()
        self._waiter = Waiter(executor, lambda: bool(signals), self.log_progress)
        self._managed: dict[str, LifecycleClient] = {}
        self._newest_by_method: dict[str, Adaptation] = {}  # the newest of each method
        self._newest: Adaptation | None = None
        self._first = self._time = 0  # stamps of the first and the newest [ns]
        self._training = ""
        methods = MethodSubscriptions(self, self._subscribe)
        steady_timer(self, LOOK_S, methods.look)

    @property
    def parameters(self) -> ConductorParameters:
        """The present values."""
        return self._declared.value

    def log_progress(self, text: str) -> None:
        """Log one line of progress."""
        self.get_logger().info(f"{time.monotonic() - self._born:.0f} s: {text}")

    def conduct(self) -> None:
        """Run the whole system.

        Raises:
            ConfigError: Another conductor is at work here, on another machine.
            BringupError: A node failed or a deadline passed.
            InterruptError: A signal came.
        """
        reject_duplicate(self, self._born + self.parameters.duplicate_wait)
        learner = self.parameters.learner
        sources = [name for name in self.parameters.sources if name]
        if self.parameters.record:
            self._node("recorder").activate()
        if self.parameters.loss == "train":
            self._train(sources)
        self._send_goals()
        self._node(learner).activate()
        for name in sources:
            self._node(name).activate()
        self.log_progress(f"{learner} adapts")
        self._wait_for_the_end_of(learner)
        for name in reversed(sources):
            self._node(name).deactivate()
        self.log_progress("finished")

    def _send_goals(self) -> None:
        """Publish the goals, latched, for as long as this node lives."""
        p = self.parameters
        ranges = GoalRanges(
            radius=p.goal_radius,
            angle=p.goal_angle,
            height=p.goal_height,
            orientation=p.goal_orientation,
            turn=p.goal_turn,
        )
        if p.goals:
            self._goals = self.create_publisher(PoseStamped, "goal", LATCHED_100)
            for pose in ranges.draw(p.goals, p.seed):
                stamp = self.get_clock().now().nanoseconds
                self._goals.publish(pose_to_msg(pose, stamp, p.base_frame))

    def _node(self, name: str) -> LifecycleClient:
        if name not in self._managed:
            self._managed[name] = LifecycleClient(
                self, name, self._waiter, start_timeout_s=lambda: self.parameters.start_timeout
            )
        return self._managed[name]

    def _train(self, sources: Sequence[str]) -> None:
        for name in ("rigid_body_prior", "meta_learner", *sources):
            self._node(name).activate()
        for name, use_prior in ((SHAPED, True), (UNSHAPED, False)):
            self._meta_train(name, use_prior)
        self._node("rigid_body_prior").shut_down()
        self.log_progress("the rigid-body prior is switched off")

    def _meta_train(self, name: str, use_prior: bool) -> None:
        client: ActionClient[Any, Any, Any] = ActionClient(self, MetaTrain, "meta_train")
        doing = f"meta-training {name}"
        cure = "look at the output of meta_learner above"
        self._waiter.until(client.server_is_ready, f"waiting for {doing}", 30.0, cure)
        goal = MetaTrain.Goal(
            name=name,
            task="inverse_dynamics",
            nle="learned",
            architecture="structured",
            use_prior=use_prior,
            iterations=self.parameters.iterations,
            seed=self.parameters.seed,
        )
        self._training = doing
        handle = self._waiter.result(
            client.send_goal_async(goal, self._on_feedback), doing, 30.0, cure
        )
        if not handle.accepted:
            raise BringupError(f"meta_learner rejects {doing}: {cure}")
        future = handle.get_result_async()
        self._waiter.until(
            future.done,
            lambda: self._training,
            lambda: self.parameters.train_timeout,
            "raise train_timeout",
        )
        result = future.result().result
        client.destroy()
        if not result.success:
            raise BringupError(f"{doing} failed: {result.message}")
        self.log_progress(f"{name} is trained: {result.message}")

    def _on_feedback(self, msg: MetaTrain.Impl.FeedbackMessage) -> None:
        feedback = msg.feedback
        name = self._training.partition(":")[0]
        doing = f"step {feedback.iteration} of {feedback.iterations}"
        if not feedback.iteration:
            doing = "recording the stream" if feedback.eta.sec else "preparing"
        loss = "" if math.isnan(feedback.task_loss) else f", task loss {feedback.task_loss:.3g}"
        self._training = f"{name}: {doing}{loss}, {feedback.eta.sec} s left"

    def _wait_for_the_end_of(self, learner: str) -> None:
        state = self._node(learner).wait_while_active(
            self._progress, lambda: self.parameters.run_timeout
        )
        if state != "inactive":
            raise BringupError(f"{learner} ended {state}: its message above says why")

    def _subscribe(self, topic: str) -> None:
        self.create_subscription(Adaptation, topic, self._on_adaptation, RELIABLE_100)

    def _on_adaptation(self, msg: Adaptation) -> None:
        try:
            stamp = nanoseconds(msg.header.stamp)
        except MessageError:
            return
        self._first = self._first or stamp
        self._newest, self._time = msg, stamp
        method = listed([msg.method])
        if len(self._newest_by_method) < MOST_METHODS or method in self._newest_by_method:
            self._newest_by_method[method] = msg

    def _progress(self) -> str:
        if self._newest is None:
            return "waiting for the first samples"
        t = (self._time - self._first) * 1e-9
        if not self._newest.nmse:  # reach_optimizer: a policy learns, no model of the dynamics
            doing = "learning" if self._newest.learning else "held out"
            return f"{doing}, robot time {t:.0f} s, {listed([self._newest.method])}"
        learning = any(msg.learning for msg in self._newest_by_method.values())
        doing = "learning" if learning else "held out"
        errors = "  ".join(
            f"{name} {msg.nmse_mean:.3g}{' (ended)' if learning and not msg.learning else ''}"
            for name, msg in self._newest_by_method.items()
        )
        return f"{doing}, robot time {t:.0f} s, update {self._newest.update}, NMSE: {errors}"


def main() -> int:
    """Conduct; return 0 at the end of the run or when a signal ends it, 1 if a node failed."""
    signals = requests_to_end()
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    executor = SingleThreadedExecutor()
    try:
        Conductor(executor, signals).conduct()
        return 0
    except InterruptError:
        return 0
    except Ml3Error as error:
        for node in executor.get_nodes():  # the conductor, also one that could not be made whole
            node.get_logger().error(str(error))
        time.sleep(LINGER_S)  # what is sent only now would be lost with its writer
        return 1
    finally:
        nodes = executor.get_nodes()
        executor.shutdown()
        for node in nodes:
            node.destroy_node()
        rclpy.try_shutdown()
        ignore_signals()
