# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Cycle of episodes: the arm is reset and settles, a policy acts and learns, until all is done."""

from __future__ import annotations

import time
from concurrent.futures import Future as FutureOutcome
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from std_srvs.srv import Trigger

from ml3_ros.errors import DataError, reason_of
from ml3_ros.learners.reaching.arm_task import ArmTask
from ml3_ros.learners.reaching.run import Outcome, ReachRun
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.messages.joint_states import NANO, JointSample
from ml3_ros.nodes.reach_optimizer.arm_reset import ArmReset
from ml3_ros.nodes.reach_optimizer.hand_stream import HandStream
from ml3_ros.nodes.reach_optimizer.log import ReachLog
from ml3_ros.nodes.reach_optimizer.parameters import ReachOptimizerParameters
from ml3_ros.nodes.reach_optimizer.rollout import ArmRollout

POLL_S = 0.02  # period at which service and worker are polled
REQUEST_AGAIN_S = 0.3  # after a reset that was rejected


class EpisodeCycle:
    """Goes through the phases of episode after episode while the node is active.

    They are "idle" (no goal), "resetting" (the arm is sent to its start; "rejected" until that is
    requested again), "settling" (until it is at rest there), "acting" (torques) and "learning".
    When the goals are reached, or given up, the node deactivates itself.

    Attributes:
        phase: The present one.
        broken: Episodes that were broken off in a row.
    """

    # set by `begin`
    _run: ReachRun
    _worker: ThreadPoolExecutor
    # set in the course of an episode
    _began: int  # stamp of the first episode of this goal [ns]
    _outcome: FutureOutcome[Outcome]

    def __init__(
        self,
        node: Ml3Node[ReachOptimizerParameters],
        task: ArmTask,
        stream: HandStream,
        log: ReachLog,
    ) -> None:
        """Connect to the arm.

        Args:
            node: Whose parameters and lifecycle these are.
            task: What episodes are like.
            stream: Reads what comes from the arm.
            log: Publishes and keeps every outcome.
        """
        self._node, self._stream, self._log = node, stream, log
        self._rollout = ArmRollout(node, task, stream)
        client = node.client(Trigger, "reset_arm")
        self._reset = ArmReset(client, lambda: node.parameters.reset_timeout)
        self.phase, self.broken = "idle", 0
        self._entered = 0.0  # monotonic time of the phase's beginning [s]
        self._paired_at = 0.0  # that of the newest joint state with its hand pose [s]
        node.every(POLL_S, self._on_time)

    def begin(self, run: ReachRun) -> None:
        """Begin with the goals that have come."""
        self._run = run
        self._worker = ThreadPoolExecutor(1, "policy")
        self.broken = 0
        self._reset.forget()
        self._enter("idle")

    def end(self) -> None:
        """End the episode: no torque after this."""
        if self.phase == "acting":
            self._rollout.rest()
        self._enter("idle")
        self._worker.shutdown()

    def on_state(self, sample: JointSample, hand: np.ndarray) -> None:
        """Go on with a joint state and the hand at (n_goals,) [m, -]."""
        self._paired_at = time.monotonic()
        try:
            if self.phase == "settling" and self._rollout.settled(sample):
                self._rollout.begin(self._run.learner, self._run.goal, sample.stamp)
                if self._run.fresh:
                    self._began = sample.stamp
                self._enter("acting")
            if self.phase == "acting":
                episode = self._rollout.act(sample, hand)
                if episode is not None:
                    self._rollout.rest()
                    seconds = (sample.stamp - self._began) / NANO
                    self._outcome = self._worker.submit(self._run.finish, episode, seconds)
                    self._enter("learning")
        except Exception as error:  # whatever it is, no torque of this episode follows
            self._break_off(error)

    def _break_off(self, error: Exception) -> None:
        """Try the episode again, or give up after too many."""
        if self.phase == "acting":
            self._rollout.rest()
        self._enter("idle")
        self.broken += 1
        self._node.reject(error, kind="broken episodes")
        if self.broken > self._node.parameters.retries:
            self._node.fail(f"{self.broken} episodes in a row were broken off: {error}")

    # phases -------------------------------------------------------------------------------------
    def _enter(self, phase: str) -> None:
        self.phase, self._entered = phase, time.monotonic()
        self._paired_at = self._entered

    def _on_time(self) -> None:
        actions = {
            "idle": self._while_idle,
            "resetting": self._while_resetting,
            "rejected": self._while_rejected,
            "settling": self._while_settling,
            "acting": self._while_acting,
            "learning": self._while_learning,
        }
        try:
            actions[self.phase]()
        except Exception as error:
            self._break_off(error)

    def _while_idle(self) -> None:
        logger = self._node.get_logger()
        if self._run.done:
            logger.info(f"finished; results are in {self._log.folder.path}")
            if self._run.all_ended:
                self._node.fail("at the end of the run no policy was learning any more")
            else:
                self._node.trigger_deactivate()
        elif not self._run.prepare():
            logger.info("waiting for a goal", throttle_duration_sec=5.0)
        elif self._reset.ready:
            self._reset.request()
            self._enter("resetting")
        else:
            logger.info("waiting for the service reset_arm", throttle_duration_sec=5.0)

    def _while_resetting(self) -> None:
        reason = self._reset.rejection()
        if reason is None:
            self._check_patience("the service reset_arm does not answer")
        elif reason:  # an arm may need time to start
            logger = self._node.get_logger()
            logger.info(f"{reason}; it is requested again", throttle_duration_sec=5.0)
            self._enter("rejected")
        else:
            self._rollout.wait()
            self._enter("settling")

    def _while_rejected(self) -> None:
        if time.monotonic() - self._entered > REQUEST_AGAIN_S:
            self._enter("idle")

    def _while_settling(self) -> None:
        self._check_patience("no joint state with its hand pose shows the arm at rest")

    def _while_acting(self) -> None:
        silence = time.monotonic() - self._paired_at
        if silence > self._node.parameters.state_timeout:
            raise DataError(
                f"no joint state with its hand pose came for {silence:.1f} s amid an episode: it "
                "is broken off; does the arm's driver run?"
            )

    def _while_learning(self) -> None:
        if not self._outcome.done():
            return
        try:
            outcome = self._outcome.result()
        except Exception as error:  # else it would be raised here for ever
            raise DataError(f"nothing was learned from an episode: {reason_of(error)}") from error
        self.broken = 0
        self._enter("idle")
        self._log.publish(outcome, self._stream.stamp)

    def _check_patience(self, what: str) -> None:
        limit = self._node.parameters.reset_timeout
        if time.monotonic() - self._entered > limit:
            raise DataError(f"{what} within {limit:g} s of a reset: look at the arm's driver")
