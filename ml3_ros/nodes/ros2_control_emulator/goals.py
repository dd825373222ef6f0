# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Goals of the emulated joint_trajectory_controller: a new one takes the place of the last."""

from __future__ import annotations

from typing import Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.task import Future

from ml3_ros.errors import Ml3Error
from ml3_ros.nodes.messages.trajectories import points_from_msg
from ml3_ros.nodes.ros2_control_emulator.topics import Emulator, TrajectoryTopics

TICK_S = 0.02


class TrajectoryGoals:
    """Offers FollowJointTrajectory; `destroy` withdraws it."""

    def __init__(self, node: Emulator, kind: Any, topics: TrajectoryTopics) -> None:
        """Offer the action of type `kind`; `topics` hands trajectories on."""
        self._node, self._kind, self._topics = node, kind, topics
        self._goal: ServerGoalHandle | None = None
        self._outcome: Future | None = None
        self._server = ActionServer(
            node,
            kind,
            f"{topics.name}/follow_joint_trajectory",
            execute_callback=self._not_followed,
            goal_callback=self._on_goal,
            handle_accepted_callback=self._on_accepted,
            cancel_callback=lambda _goal: CancelResponse.ACCEPT,
        )
        node.every(TICK_S, self._tick)

    def destroy(self) -> None:
        """End the goal, and withdraw the action."""
        self._settle(self._kind.Result.INVALID_GOAL, "the controller has ended")
        self._server.destroy()

    def _tick(self) -> None:
        if self._goal is None:
            return
        if self._goal.is_cancel_requested:
            self._topics.hold()
            self._settle(self._kind.Result.SUCCESSFUL, "cancelled")
        elif self._topics.done():
            self._settle(self._kind.Result.SUCCESSFUL, "")

    def _on_goal(self, goal: Any) -> GoalResponse:
        try:
            self._topics.reject_if_inactive()
            points_from_msg(goal.trajectory, self._topics.joints)
        except Ml3Error as error:
            self._node.reject(error)
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT

    def _on_accepted(self, handle: ServerGoalHandle) -> None:
        self._settle(self._kind.Result.INVALID_GOAL, "a newer goal has taken its place")
        try:
            self._topics.follow(handle.request.trajectory)
        except Ml3Error as error:
            self._node.reject(error)
            handle.execute()
            return
        outcome: Future = Future(executor=self._node.executor)
        self._goal, self._outcome = handle, outcome

        async def settled(_handle: ServerGoalHandle) -> Any:
            return await outcome  # nothing here blocks the executor

        handle.execute(settled)

    async def _not_followed(self, handle: ServerGoalHandle) -> Any:
        handle.abort()
        return self._kind.Result(error_code=self._kind.Result.INVALID_GOAL)

    def _settle(self, code: int, why: str) -> None:
        goal, outcome = self._goal, self._outcome
        self._goal = self._outcome = None
        if goal is None or outcome is None:
            return
        if goal.is_cancel_requested:
            goal.canceled()
        elif code == self._kind.Result.SUCCESSFUL:
            goal.succeed()
        else:
            goal.abort()
        outcome.set_result(self._kind.Result(error_code=code, error_string=why))
