# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Action server of meta_train: one goal at a time, feedback, cancel; a worker trains."""

from __future__ import annotations

import math
from collections.abc import Callable

from builtin_interfaces.msg import Duration
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.task import Future

from ml3_msgs.action import MetaTrain
from ml3_msgs.msg import LearnedLoss as LearnedLossMsg
from ml3_ros.core.checks import printable, quoted
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.errors import ConfigError, Ml3Error, reason_of
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.tasks.inverse_dynamics.stream_training import MetaTrainingWorker

AGAIN = "send the same goal again to go on"
JOIN_S = 2.0  # less than a node has for its own end


class MetaTrainAction:
    """Connects goals with workers; `tick` is called regularly while the node is active.

    Attributes:
        rejection: Which goal was rejected last and why, "" for none.
    """

    def __init__(
        self,
        node: Ml3Node,
        check: Callable[[MetaTrain.Goal], object],
        begin: Callable[[MetaTrain.Goal], MetaTrainingWorker | float],
        keep: Callable[[str, LearnedLoss], LearnedLossMsg],
        iterations: int,
    ) -> None:
        """Offer the action.

        Args:
            node: Where.
            check: Raises Ml3Error for a goal that cannot be done: it is rejected.
            begin: Returns a started worker for a goal, or how long the stream still has to be
                recorded [s], NaN if unknown; raises Ml3Error where it cannot be done any more.
            keep: Saves and publishes a finished loss under a name; returns its message.
            iterations: Outer steps of a goal that names none.
        """
        self.rejection = ""
        self._node, self._check, self._begin, self._keep = node, check, begin, keep
        self._iterations = iterations
        self._goal: ServerGoalHandle | None = None
        self._worker: MetaTrainingWorker | None = None
        self._recording_s = math.nan
        self._outcome: Future | None = None
        self._server = ActionServer(
            node,
            MetaTrain,
            "meta_train",
            execute_callback=_too_late,
            goal_callback=self._on_goal,
            handle_accepted_callback=self._on_accepted,
            cancel_callback=lambda _goal: CancelResponse.ACCEPT,
        )

    @property
    def name(self) -> str:
        """Name of the loss that is being trained, or ""."""
        return self._goal.request.name if self._goal is not None else ""

    def tick(self) -> None:
        """Begin a training, publish its feedback, or end it."""
        goal = self._goal
        if goal is None:
            return
        try:
            if goal.is_cancel_requested:
                self.end(f"cancelled: {AGAIN}")
            elif self._worker is None:
                begun = self._begin(goal.request)
                if isinstance(begun, MetaTrainingWorker):
                    self._worker = begun
                else:
                    self._recording_s = begun
            elif self._worker.ended.is_set():
                self._conclude(self._worker)
        except Exception as error:  # whatever it is, the client shall not wait for ever
            if not isinstance(error, Ml3Error):
                self._node.reject(error)
            self.end(printable(reason_of(error)))
        if self._goal is goal and goal.is_active:
            goal.publish_feedback(self._feedback(goal.request))

    def end(self, message: str) -> None:
        """End the goal without a loss; the checkpoint of its worker stays.

        A worker ends after its present outer step. One whose step takes longer than JOIN_S is left
        to itself: `check` has to reject goals until it has ended.
        """
        if self._worker is not None:
            self._worker.cancel()
            self._worker.join(JOIN_S)
            if self._worker.is_alive():
                self._node.get_logger().warning(
                    f"{self.name}: an outer step takes longer than {JOIN_S:g} s, so the training "
                    "ends later; no other one begins before"
                )
        self._settle(MetaTrain.Result(message=message))

    def destroy(self) -> None:
        """Withdraw the action."""
        self._server.destroy()

    def _conclude(self, worker: MetaTrainingWorker) -> None:
        if worker.loss is None:
            why = reason_of(worker.error) if worker.error is not None else "its thread has ended"
            self.end(f"the training failed: {why}")
            return
        at = worker.progress()
        message = f"task loss {at.task_loss:.4g} after {at.iteration} outer steps"
        kept = self._keep(self.name, worker.loss)
        self._settle(MetaTrain.Result(success=True, message=message, learned_loss=kept))

    def _settle(self, result: MetaTrain.Result) -> None:
        """Give the goal its result; the coroutine of `_on_accepted` returns it."""
        goal, worker = self._goal, self._worker
        if goal is None or self._outcome is None:
            return
        result.task_loss = math.nan
        if worker is not None:
            result.iterations = worker.progress().iteration
            result.task_loss = worker.progress().task_loss
        if result.success:
            goal.succeed()
        elif goal.is_cancel_requested:
            goal.canceled()
        else:
            self._node.get_logger().error(f"{self.name}: {result.message}")
            goal.abort()
        outcome = self._outcome
        self._goal = self._worker = self._outcome = None
        outcome.set_result(result)

    def _feedback(self, request: MetaTrain.Goal) -> MetaTrain.Feedback:
        if self._worker is None:
            total = request.iterations or self._iterations
            eta = 0.0 if math.isnan(self._recording_s) else self._recording_s
            return MetaTrain.Feedback(iterations=total, task_loss=math.nan, eta=_duration(eta))
        progress = self._worker.progress()
        return MetaTrain.Feedback(
            iteration=progress.iteration,
            iterations=progress.iterations,
            task_loss=progress.task_loss,
            eta=_duration(progress.eta),
        )

    def _on_goal(self, goal: MetaTrain.Goal) -> GoalResponse:
        """Accept a goal that can be done; what is raised here would end the process."""
        try:
            if not self._node.active:
                raise ConfigError("activate the node first")
            if self._goal is not None:
                raise ConfigError(f"{self.name} is being trained; cancel it, or wait")
            self._check(goal)
        except Ml3Error as error:
            self._reject(goal, printable(str(error)))
            return GoalResponse.REJECT
        except Exception as error:
            self._node.reject(error)
            self._reject(goal, printable(reason_of(error)))
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT

    def _reject(self, goal: MetaTrain.Goal, reason: str) -> None:
        """Say why, where it can be said: the response to a goal has no text."""
        self.rejection = f"{quoted(goal.name)}: {reason}"
        self._node.diagnostics.counts["rejected goals"] += 1
        self._node.get_logger().warning(f"goal {quoted(goal.name)} is rejected: {reason}")

    def _on_accepted(self, handle: ServerGoalHandle) -> None:
        """Take the goal before another one can be accepted.

        Where the node has been deactivated since, nobody would ever settle it: it came too late.
        """
        if self._goal is not None or not self._node.active:
            handle.execute()
            return
        outcome: Future[MetaTrain.Result] = Future(executor=self._node.executor)
        self._goal, self._outcome, self._recording_s = handle, outcome, math.nan

        async def settled(_handle: ServerGoalHandle) -> MetaTrain.Result:
            return await outcome  # nothing here blocks the executor

        handle.execute(settled)


async def _too_late(goal: ServerGoalHandle) -> MetaTrain.Result:
    goal.abort()
    return MetaTrain.Result(message=f"the goal came too late: {AGAIN}", task_loss=math.nan)


def _duration(seconds: float) -> Duration:
    return Duration(sec=int(seconds), nanosec=int(seconds % 1.0 * 1e9))
