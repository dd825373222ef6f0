# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Lifecycle node that knows its own state, which rclpy keeps private."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from ml3_ros.nodes.kit.rclpy_versions import answer_impossible_transitions

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


class StatefulNode(LifecycleNode):
    """A lifecycle node whose transitions go through `passing`."""

    def __init__(self, name: str, **node_arguments: Any) -> None:
        """Begin unconfigured.

        Args:
            name: Name of the node.
            node_arguments: Passed on to rclpy's Node (context, parameter_overrides, ...).
        """
        super().__init__(name, **node_arguments)
        self._state_label = "unconfigured"
        answer_impossible_transitions(self)

    def destroy_node(self) -> None:
        """Destroy the node, and leave the ROS domain at once.

        rclpy leaves the state machine to the garbage collector. That machine holds the node, and
        the node the participant, whose threads would run on for as long.
        """
        super().destroy_node()
        self._state_machine.destroy_when_not_in_use()

    def state_name(self) -> str:
        """Return the label of the lifecycle state: unconfigured, inactive, active, finalized."""
        return self._state_label

    def passing(
        self,
        through: str,
        to: str,
        transition: Callable[[LifecycleState], TransitionCallbackReturn],
        state: LifecycleState,
    ) -> TransitionCallbackReturn:
        """Do a transition and note the states that rclpy's own machine has in and after it.

        Args:
            through: Label of the state while `transition` runs.
            to: Label of the state after its success.
            transition: Does it.
            state: The state before, to which a failure leads back.
        """
        self._state_label = through
        result = transition(state)
        if result == SUCCESS:
            self._state_label = to
        elif result == FAILURE:
            self._state_label = state.label
        return result  # after an error, rclpy calls on_error
