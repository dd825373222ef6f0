# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Results of reach_optimizer: a message and a line of log an episode, files at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from safetensors.torch import save
from std_msgs.msg import Float64

from ml3_msgs.msg import Adaptation
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.files import write_atomically
from ml3_ros.learners.reaching.files import EXPERIMENT, ReachFolder
from ml3_ros.learners.reaching.run import Outcome, ReachRun
from ml3_ros.nodes.adaptation.publishers import MethodPublishers
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.qos import RELIABLE_100
from ml3_ros.nodes.messages.joint_states import time_msg
from ml3_ros.nodes.reach_optimizer.markers import ReachMarkers
from ml3_ros.nodes.reach_optimizer.parameters import ReachOptimizerParameters
from ml3_ros.nodes.reach_optimizer.setup import LEARNED


class ReachLog:
    """Publishes the outcome of every episode, and writes the folder of the run."""

    _run: ReachRun
    _goals: Sequence[np.ndarray]  # poses (7,)
    _ended: tuple[int, str] | None  # the last policy for which its end was logged

    def __init__(self, node: Ml3Node[ReachOptimizerParameters], methods: Sequence[str]) -> None:
        """Make sure that the folder can be written, and connect the topics of all methods.

        Raises:
            DataError: It cannot.
        """
        self._node = node
        self.folder = ReachFolder.create(node.parameters.out)
        self._statuses = MethodPublishers(node, methods)
        self._distances = node.publisher(Float64, "goal_distance", RELIABLE_100)
        self._markers = ReachMarkers(node, LEARNED)

    def begin(self, run: ReachRun, loss: LearnedLoss, goals: Sequence[np.ndarray]) -> None:
        """Write what is about to be done; `goals` are all that have come, and will hold more."""
        self._run, self._goals = run, goals
        self._ended = None
        self.folder.save_config(
            {
                **asdict(self._node.parameters),
                "experiment": EXPERIMENT,
                "methods": list(run.learners),
                "arm_task": run.task.to_dict(),
                "loss_sha256": loss.sha256(),
            }
        )
        self.show()

    def show(self) -> None:
        """Publish goals and paths of the hand as markers."""
        oriented = self._run.task.n_goals > 3
        self._markers.publish(self._goals, self._run.outcomes, oriented=oriented)

    def publish(self, outcome: Outcome, stamp: int) -> None:
        """Publish an outcome; after the test of a policy, write all files.

        Args:
            outcome: Of the newest episode.
            stamp: Of its end [ns].
        """
        far = float(outcome.episode.distance[-1])
        self._distances.publish(Float64(data=far))
        tested = outcome.number == self._run.updates
        msg = Adaptation(
            method=outcome.method,
            joint_names=list(self._run.task.joints),
            update=outcome.number,
            samples=len(self._run.outcomes) * self._run.task.horizon,
            lost_samples=sum(self._node.diagnostics.counts.values()),
            meta_loss_value=outcome.value,
            nmse_mean=float("nan"),
            learning=not (tested or outcome.ended),
        )
        msg.header.stamp = time_msg(stamp)
        msg.header.frame_id = self._node.parameters.base_frame
        self._statuses.publish(msg)
        self.show()
        self._node.get_logger().info(
            f"goal {outcome.goal + 1}, {outcome.method}, after {outcome.number} updates: ends "
            f"{1e3 * far:.0f} mm from the goal"
        )
        policy = outcome.goal, outcome.method
        if outcome.ended and policy != self._ended:
            self._ended = policy
            self._node.get_logger().error(
                f"method {outcome.method} has ended after {outcome.number} updates "
                f"({outcome.ended}): its policy acts on as it was until the next goal"
            )
        if tested:
            theta = self._run.learners[outcome.method].theta
            path = self.folder.checkpoint(f"{outcome.method}_goal_{outcome.goal + 1}")
            write_atomically(path, save({k: p.contiguous() for k, p in theta.items()}))
            self.save()

    def save(self) -> None:
        """Write the episodes so far."""
        outcomes = list(self._run.outcomes)
        if outcomes:
            self.folder.save_outcomes(outcomes, self._run.goals, list(self._run.learners))
