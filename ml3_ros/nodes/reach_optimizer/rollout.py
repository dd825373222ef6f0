# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Rollout of a policy on the arm: it waits for rest, then answers joint states with torques."""

from __future__ import annotations

import numpy as np
from sensor_msgs.msg import JointState

from ml3_ros.learners.reaching.arm_task import ArmTask
from ml3_ros.learners.reaching.episodes import Episode, Recorder
from ml3_ros.learners.reaching.policy_learner import PolicyLearner
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.qos import RELIABLE_1
from ml3_ros.nodes.messages.joint_states import NANO, JointSample, effort_to_msg
from ml3_ros.nodes.reach_optimizer.hand_stream import HandStream
from ml3_ros.nodes.reach_optimizer.parameters import ReachOptimizerParameters


class ArmRollout:
    """One episode on the arm; torques are held for a period of the task, within limits."""

    # set by `wait`
    _since: int | None  # stamp of the first joint state after the reset [ns]
    # set by `begin`
    _learner: PolicyLearner
    _goal: np.ndarray  # (n_goals,)
    _recorder: Recorder
    # set by `act`
    _torque: np.ndarray

    def __init__(
        self, node: Ml3Node[ReachOptimizerParameters], task: ArmTask, stream: HandStream
    ) -> None:
        """Command the arm of `node`, each torque as the answer to what `stream` has read last."""
        self._node, self._task, self._stream = node, task, stream
        self._commands = node.publisher(JointState, "joint_command", RELIABLE_1)

    def wait(self) -> None:
        """Wait for rest from now on: the arm has just been reset."""
        # states that were on their way when the arm was reset are not yet those of its start
        self._since = self._stream.newest()

    def settled(self, sample: JointSample) -> bool:
        """Return whether the arm has come to rest where episodes begin.

        Raises:
            DataError: It rests elsewhere.
        """
        p = self._node.parameters
        if self._since is None:
            self._since = sample.stamp
        if sample.stamp - self._since < p.settle_time * NANO:
            return False
        if np.abs(sample.v).max() > p.rest_velocity:
            return False
        self._task.check_start(sample.q, p.start_tolerance)
        return True

    def begin(self, learner: PolicyLearner, goal: np.ndarray, stamp: int) -> None:
        """Begin an episode in which the policy of a learner acts.

        Args:
            learner: Whose policy it is.
            goal: Where the hand shall be (n_goals,).
            stamp: Of the joint state with which it begins [ns].
        """
        self._learner, self._goal = learner, goal
        self._recorder = Recorder(self._task, goal, stamp, self._node.parameters.largest_gap)

    def act(self, sample: JointSample, hand: np.ndarray) -> Episode | None:
        """Answer a joint state, with the hand at (n_goals,), or return the episode it ends.

        Raises:
            DataError: Joint states are missing from the episode.
        """
        if self._recorder.due(sample.stamp):
            if self._recorder.at_end():
                return self._recorder.finish(hand)
            state = np.concatenate([sample.q, sample.v])
            action = self._learner.act(state, self._goal)
            limits = self._node.parameters.torque_share * np.array(self._task.limits)
            self._torque = np.clip(action, -limits, limits)
            self._recorder.add(state, hand, self._torque)
        self._send(self._torque)
        return None

    def rest(self) -> None:
        """Take back the torque; the arm then holds itself."""
        self._send(np.zeros(len(self._task.limits)))

    def _send(self, torque: np.ndarray) -> None:
        stamp, base = self._stream.stamp, self._node.parameters.base_frame
        self._commands.publish(effort_to_msg(torque, self._task.joints, stamp, base))
        self._node.diagnostics.tick("joint_command")
