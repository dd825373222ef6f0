# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reach optimizer: trains policies that reach goals, by episodes on the arm.

Torques leave only while the node is active and an episode goes on, each as the answer to a fresh
joint state, within limits. Nothing here knows a model of the arm: where the hand is comes over a
topic, and this process never imports Pinocchio or MuJoCo.
"""

from __future__ import annotations

import numpy as np
import torch
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import JointState

from ml3_ros.core.engine.process import return_large_blocks
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.errors import DataError
from ml3_ros.learners.reaching.arm_task import ArmTask
from ml3_ros.learners.reaching.run import ReachRun
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.process import run
from ml3_ros.nodes.kit.qos import SENSOR_1
from ml3_ros.nodes.reach_optimizer.episode_cycle import EpisodeCycle
from ml3_ros.nodes.reach_optimizer.goals import GoalInbox
from ml3_ros.nodes.reach_optimizer.hand_stream import HandStream, Pair
from ml3_ros.nodes.reach_optimizer.log import ReachLog
from ml3_ros.nodes.reach_optimizer.parameters import ReachOptimizerParameters
from ml3_ros.nodes.reach_optimizer.setup import GoalError, load_task, make_run

MOST_GOALS = 1000  # that may wait
MOST_SHOWN = 4  # of the policies that learn no more, the newest


class ReachOptimizer(Ml3Node[ReachOptimizerParameters]):
    """Goals, joint states and hand poses in; torques, status and results out.

    When the goals are reached, or given up, the node deactivates itself.
    """

    # made by `load`
    _log: ReachLog
    _loss: LearnedLoss
    _task: ArmTask
    _run: ReachRun  # anew with each `start`
    _stream: HandStream
    _goals: list[np.ndarray]  # that have come, poses (7,)
    _inbox: GoalInbox
    _cycle: EpisodeCycle

    def load(self) -> None:
        """Read the loss, make sure that the folder can be written, and connect."""
        p = self.parameters
        self._loss, self._task = load_task(p)
        self._run = make_run(self._task, self._loss, p)
        self._log = ReachLog(self, list(self._run.learners))
        counts, tolerance = self.diagnostics.counts, p.hand_pose_tolerance
        self._stream = HandStream(self._task.joints, counts, tolerance, p.base_frame)
        self._goals = []
        self._cycle = EpisodeCycle(self, self._task, self._stream, self._log)
        self._inbox = GoalInbox(self, self._on_goal)
        self.subscribe(PoseStamped, "hand_pose", self._on_pose, SENSOR_1)
        self.subscribe(JointState, "joint_states", self._on_state, SENSOR_1)
        self.diagnostics.expect("joint_states", "hand_pose")

    def start(self) -> None:
        """Begin with the goals that have come."""
        self.failed = False
        torch.set_num_threads(1)
        self._run = make_run(self._task, self._loss, self.parameters)
        for pose in self._goals:
            self._run.add_goal(pose)
        self._stream.forget()
        self._cycle.begin(self._run)
        self._log.begin(self._run, self._loss, self._goals)

    def stop(self) -> None:
        """End the episode: no torque after this."""
        self._cycle.end()
        self._log.save()

    def retune(self) -> None:
        """Pair joint states and hand poses by the new tolerance."""
        self._stream.tolerance = self.parameters.hand_pose_tolerance

    def diagnostic_values(self) -> dict[str, object]:
        """Return the phase and the counts of the run."""
        ended = {
            f"method {name} has ended at goal {goal + 1}": reason
            for (goal, name), reason in list(self._run.ended.items())[-MOST_SHOWN:]
        }
        return ended | {
            "phase": self._cycle.phase,
            "goals begun": len(self._run.goals),
            "episodes": len(self._run.outcomes),
            "episodes broken off in a row": self._cycle.broken,
            **self._inbox.diagnostic_values(),
        }

    # messages -----------------------------------------------------------------------------------
    def _on_goal(self, pose: np.ndarray) -> None:
        if len(self._goals) >= MOST_GOALS:
            raise GoalError(f"{MOST_GOALS} goals have come: clean up the node for more")
        try:
            self._run.add_goal(pose)
        except DataError as error:
            raise GoalError(str(error)) from None
        self._goals.append(pose)
        if self.active:
            self._log.show()

    def _on_pose(self, msg: PoseStamped) -> None:
        pair = self._stream.read_pose(msg)
        self.diagnostics.tick("hand_pose")
        self._go_on(pair)

    def _on_state(self, msg: JointState) -> None:
        pair = self._stream.read_state(msg)
        self.diagnostics.tick("joint_states")
        self._go_on(pair)

    def _go_on(self, pair: Pair | None) -> None:
        if pair is not None:
            sample, pose = pair
            self._cycle.on_state(sample, pose[: self._task.n_goals])


def main() -> int:
    """Run the node."""
    return_large_blocks()
    return run(lambda: ReachOptimizer("reach_optimizer"))
