"""Reach optimizer: trains policies that reach goals, by episodes on the arm.

Torques leave only while the node is active and an episode goes on, each as the answer to a fresh
joint state, within limits. Nothing here knows a model of the arm: where the hand is comes over a
topic, and this process never imports Pinocchio or MuJoCo.
"""

from __future__ import annotations

import time
from concurrent.futures import Future as FutureOutcome
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from geometry_msgs.msg import PoseStamped
from rclpy.lifecycle import LifecyclePublisher
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger

from ml3_ros.core.engine.process import return_large_blocks
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.errors import DataError, reason_of
from ml3_ros.learners.reaching.arm_task import ArmTask
from ml3_ros.learners.reaching.episodes import Episode, Recorder
from ml3_ros.learners.reaching.run import Outcome, ReachRun
from ml3_ros.nodes.kit.hand_stream import HandStream, Pair
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.process import run
from ml3_ros.nodes.kit.qos import LATCHED_100, RELIABLE_1, SENSOR_1
from ml3_ros.nodes.messages.joint_states import NANO, JointSample, effort_to_msg
from ml3_ros.nodes.messages.poses import pose_from_msg
from ml3_ros.nodes.reach_optimizer.arm_reset import ArmReset
from ml3_ros.nodes.reach_optimizer.log import ReachLog
from ml3_ros.nodes.reach_optimizer.parameters import ReachOptimizerParameters
from ml3_ros.nodes.reach_optimizer.setup import GoalError, load_task, make_run

POLL_S = 0.02  # period at which service and worker are polled
REQUEST_AGAIN_S = 0.3  # after a reset that was rejected
MOST_GOALS = 1000  # that may wait
MOST_SHOWN = 4  # of the policies that learn no more, the newest


class ReachOptimizer(Ml3Node[ReachOptimizerParameters]):
    """Goals, joint states and hand poses in; torques, status and results out.

    An episode goes through the phases "idle" (no goal), "resetting" (the arm is sent to its start;
    "rejected" until that is requested again), "settling" (until it is at rest there), "acting"
    (torques) and "learning". When the goals are reached, or given up, the node deactivates itself.
    """

    # made by `load`
    _log: ReachLog
    _loss: LearnedLoss
    _task: ArmTask
    _stream: HandStream
    _limits: np.ndarray  # torque [N m], shape (n,)
    _goals: list[np.ndarray]  # that have come, poses (7,)
    _commands: LifecyclePublisher[JointState]
    _reset: ArmReset
    _phase: str
    _entered: float  # monotonic time of the phase's beginning [s]
    _paired_at: float  # monotonic time of the newest joint state with its hand pose [s]
    _broken: int  # episodes in a row
    # set by `start`
    _run: ReachRun
    _worker: ThreadPoolExecutor
    # set in the course of an episode
    _since: int | None  # stamp of the first joint state after the reset [ns]
    _began: int  # stamp of the first episode of this goal [ns]
    _recorder: Recorder
    _torque: np.ndarray
    _outcome: FutureOutcome[Outcome]

    def load(self) -> None:
        """Read the loss, make sure that the folder can be written, and connect."""
        p = self.parameters
        self._log = ReachLog(self)
        self._loss, self._task = load_task(p)
        self._run = make_run(self._task, self._loss, p)
        counts, tolerance = self.diagnostics.counts, p.hand_pose_tolerance
        self._stream = HandStream(self._task.joints, counts, tolerance)
        self._limits = p.torque_share * np.array(self._task.limits)
        self._goals = []
        self._phase, self._broken = "idle", 0
        self._commands = self.publisher(JointState, "joint_command", RELIABLE_1)
        self._reset = ArmReset(self.client(Trigger, "reset_arm"), p.reset_timeout)
        self.subscribe(PoseStamped, "goal", self._on_goal, LATCHED_100, always=True)
        self.subscribe(PoseStamped, "hand_pose", self._on_pose, SENSOR_1)
        self.subscribe(JointState, "joint_states", self._on_state, SENSOR_1)
        self.every(POLL_S, self._on_time)

    def start(self) -> None:
        """Begin with the goals that have come."""
        self.failed = False
        torch.set_num_threads(1)
        self._run = make_run(self._task, self._loss, self.parameters)
        for pose in self._goals:
            self._run.add_goal(pose)
        self._worker = ThreadPoolExecutor(1, "policy")
        self._stream.forget()
        self._broken = 0
        self._reset.forget()
        self._enter("idle")
        self._log.begin(self._run, self._loss)

    def stop(self) -> None:
        """End the episode: no torque after this."""
        if self._phase == "acting":
            self._rest()
        self._enter("idle")
        self._worker.shutdown()
        self._log.save()

    def diagnostic_values(self) -> dict[str, object]:
        """Return the phase and the counts of the run."""
        ended = {
            f"method {name} has ended at goal {goal + 1}": reason
            for (goal, name), reason in list(self._run.ended.items())[-MOST_SHOWN:]
        }
        return ended | {
            "phase": self._phase,
            "goals begun": len(self._run.goals),
            "episodes": len(self._run.outcomes),
            "episodes broken off in a row": self._broken,
        }

    # messages -----------------------------------------------------------------------------------
    def _on_goal(self, msg: PoseStamped) -> None:
        _, pose = pose_from_msg(msg, "goal")
        if len(self._goals) >= MOST_GOALS:
            raise GoalError(f"{MOST_GOALS} goals have come: clean up the node for more")
        try:
            self._run.add_goal(pose)
        except DataError as error:
            raise GoalError(str(error)) from None
        self._goals.append(pose)

    def _on_pose(self, msg: PoseStamped) -> None:
        self._go_on(self._stream.read_pose(msg))

    def _on_state(self, msg: JointState) -> None:
        pair = self._stream.read_state(msg)
        self.diagnostics.tick("joint_states")
        self._go_on(pair)

    def _go_on(self, pair: Pair | None) -> None:
        if pair is None:
            return
        sample, hand = pair[0], pair[1][: self._task.n_goals]
        self._paired_at = time.monotonic()
        try:
            if self._phase == "settling":
                self._settle(sample, hand)
            elif self._phase == "acting":
                self._act(sample, hand)
        except Exception as error:  # whatever it is, no torque of this episode follows
            self._break_off(error)

    # an episode ---------------------------------------------------------------------------------
    def _settle(self, sample: JointSample, hand: np.ndarray) -> None:
        """Begin the episode when the arm has come to rest where episodes begin."""
        if self._since is None:
            self._since = sample.stamp
        if sample.stamp - self._since < self.parameters.settle_time * NANO:
            return
        if np.abs(sample.v).max() > self.parameters.rest_velocity:
            return
        self._task.check_start(sample.q, self.parameters.start_tolerance)
        goal, gap = self._run.goal, self.parameters.largest_gap
        self._recorder = Recorder(self._task, goal, sample.stamp, gap)
        if self._run.fresh:
            self._began = sample.stamp
        self._enter("acting")
        self._act(sample, hand)

    def _act(self, sample: JointSample, hand: np.ndarray) -> None:
        """Answer a joint state with torques, or end the episode."""
        if self._recorder.due(sample.stamp):
            if self._recorder.at_end():
                self._learn(self._recorder.finish(hand))
                return
            state = np.concatenate([sample.q, sample.v])
            action = self._run.learner.act(state, self._run.goal)
            self._torque = np.clip(action, -self._limits, self._limits)
            self._recorder.add(state, hand, self._torque)
        self._send(self._torque)

    def _learn(self, episode: Episode) -> None:
        self._rest()
        seconds = (self._stream.stamp - self._began) / NANO
        self._outcome = self._worker.submit(self._run.finish, episode, seconds)
        self._enter("learning")

    def _break_off(self, error: Exception) -> None:
        """Try the episode again, or give up after too many."""
        if self._phase == "acting":
            self._rest()
        self._enter("idle")
        self._broken += 1
        self.reject(error, kind="broken episodes")
        if self._broken > self.parameters.retries:
            self.fail(f"{self._broken} episodes in a row were broken off: {error}")

    def _send(self, torque: np.ndarray) -> None:
        self._commands.publish(effort_to_msg(torque, self._task.joints, self._stream.stamp))
        self.diagnostics.tick("joint_command")

    def _rest(self) -> None:
        """Take back the torque; the arm then holds itself."""
        self._send(np.zeros(len(self._limits)))

    # phases -------------------------------------------------------------------------------------
    def _enter(self, phase: str) -> None:
        self._phase, self._entered = phase, time.monotonic()
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
            actions[self._phase]()
        except Exception as error:
            self._break_off(error)

    def _while_idle(self) -> None:
        logger = self.get_logger()
        if self._run.done:
            logger.info(f"finished; results are in {self._log.folder.path}")
            if self._run.all_ended:
                self.fail("at the end of the run no policy was learning any more")
            else:
                self.trigger_deactivate()
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
            logger = self.get_logger()
            logger.info(f"{reason}; it is requested again", throttle_duration_sec=5.0)
            self._enter("rejected")
        else:
            # states that were on their way when the arm was reset are not yet those of its start
            self._since = self._stream.newest()
            self._enter("settling")

    def _while_rejected(self) -> None:
        if time.monotonic() - self._entered > REQUEST_AGAIN_S:
            self._enter("idle")

    def _while_settling(self) -> None:
        self._check_patience("no joint state with its hand pose shows the arm at rest")

    def _while_acting(self) -> None:
        silence = time.monotonic() - self._paired_at
        if silence > self.parameters.state_timeout:
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
        self._broken = 0
        self._enter("idle")
        self._log.publish(outcome, self._stream.stamp)

    def _check_patience(self, what: str) -> None:
        limit = self.parameters.reset_timeout
        if time.monotonic() - self._entered > limit:
            raise DataError(f"{what} within {limit:g} s of a reset: look at the arm's driver")


def main() -> int:
    """Run the node."""
    return_large_blocks()
    return run(lambda: ReachOptimizer("reach_optimizer"))
