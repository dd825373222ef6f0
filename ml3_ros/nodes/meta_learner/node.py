# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Meta-learner: trains losses on the stream of an arm by an action that can be resumed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from sensor_msgs.msg import JointState

from ml3_msgs.action import MetaTrain
from ml3_msgs.msg import InertiaPrior
from ml3_msgs.msg import LearnedLoss as LearnedLossMsg
from ml3_msgs.srv import LoadLearnedLoss, SaveLearnedLoss
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.data.stream_memory import StreamMemory
from ml3_ros.errors import ConfigError, LossFileError
from ml3_ros.files import remove_unfinished, user_path
from ml3_ros.nodes.kit import loss_files
from ml3_ros.nodes.kit.filtered_stream import FilteredStream
from ml3_ros.nodes.kit.intake.sources import ArmSource
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.process import run
from ml3_ros.nodes.kit.qos import LATCHED_1, RELIABLE_5000
from ml3_ros.nodes.kit.rclpy_versions import MessageInfo
from ml3_ros.nodes.messages.ml3 import prior_from_msg
from ml3_ros.nodes.meta_learner.action import AGAIN, MetaTrainAction
from ml3_ros.nodes.meta_learner.goal import make_folder, needs_prior, training_of
from ml3_ros.nodes.meta_learner.parameters import MetaLearnerParameters
from ml3_ros.tasks.inverse_dynamics.stream_training import (
    MetaTrainingWorker,
    Signals,
    Training,
    forget,
    kept_trainer,
    resumable,
)

FEEDBACK_S = 0.5
PRIOR_DUE_S = 2.0  # of joint states, within which the first prior is to come
PRIOR_LOGGED_EVERY = 10.0  # [s]


class MetaLearner(Ml3Node[MetaLearnerParameters]):
    """Joint states and priors in, learned losses out: one latched message for each name.

    A goal first waits until the stream has shown enough, then trains in a thread of its own.
    """

    _folder: Path
    _losses_folder: Path
    _losses: dict[str, LearnedLoss]
    _trained: set[str]  # by this process: sent again, they are trained anew
    _latched: dict[str, Any]
    _stream: FilteredStream
    _memory: StreamMemory

    def __init__(self, name: str, **node_arguments: Any) -> None:
        """Declare the parameters; the rest is made by `load`."""
        super().__init__(name, **node_arguments)
        self._action: MetaTrainAction | None = None
        self._worker: MetaTrainingWorker | None = None  # the newest one

    def load(self) -> None:
        """Make sure that the folder can be written, and connect."""
        p = self.parameters
        if not p.joints:
            raise ConfigError("the parameter `joints` is not set: give the joint names in order")
        self._folder = user_path(p.out)
        self._losses_folder = self._folder / "losses"
        if not p.resume:
            forget(self._folder / "training")
        make_folder(self._losses_folder)
        for folder in (self._losses_folder, *(self._folder / "training").glob("*/")):
            remove_unfinished(folder)
        self._losses, self._trained, self._latched = {}, set(), {}
        self._forget_stream()
        self.subscribe(JointState, "joint_states", self._on_state, RELIABLE_5000, informed=True)
        self.diagnostics.expect("joint_states")
        self.subscribe(InertiaPrior, "inertia_prior", self._on_prior, RELIABLE_5000)
        self.serve(SaveLearnedLoss, "~/save_learned_loss", self._on_save)
        self.serve(LoadLearnedLoss, "~/load_learned_loss", self._on_load)
        self._action = MetaTrainAction(self, self._check, self._begin, self._keep, p.iterations)
        self.every(FEEDBACK_S, self._action.tick)

    def start(self) -> None:
        """Watch the stream from now on."""
        self._forget_stream()

    def stop(self) -> None:
        """End the training; its checkpoint stays."""
        if self._action is not None:
            self._action.end(f"deactivated: {AGAIN}")

    def unload(self) -> None:
        """Withdraw the action."""
        if self._action is not None:
            self._action.destroy()
            self._action = None

    def retune(self) -> None:
        """Keep as much of the stream as trainings need from now on."""
        self._memory.seconds = self._kept_seconds()
        if self._worker is not None:
            self._worker.checkpoint_period = self.parameters.checkpoint_period

    def _kept_seconds(self) -> float:
        # lost samples and those without prior do not count, so more than is needed is kept
        return 2.0 * self.parameters.record_seconds

    def diagnostic_values(self) -> dict[str, object]:
        """Return how much of the stream is kept, what is being trained, and what cannot be."""
        if self._action is None:
            return {}
        rejected: dict[str, object] = {"last rejected goal": self._action.rejection or "none"}
        if not self.active:
            return rejected
        return rejected | {
            "samples": self._memory.count(with_prior=False),
            "samples with prior": self._memory.count(with_prior=True),
            "training": self._action.name or "nothing",
            "losses": ", ".join(self._losses),
            **self._stream.diagnostic_values(),
        }

    # the stream ---------------------------------------------------------------------------------
    def _forget_stream(self) -> None:
        p = self.parameters
        report, source = self.get_logger().info, ArmSource(self, "joint_states")
        self._stream = FilteredStream(p.joints, self.diagnostics.counts, p, report, source)
        self.diagnostics.complaint = lambda: self._stream.complaint if self.active else ""
        self._memory = StreamMemory(self._kept_seconds())

    def _on_state(self, msg: JointState, info: MessageInfo) -> None:
        samples = self._stream.read(msg, info)
        self.diagnostics.tick("joint_states")
        for sample in samples:
            self._memory.add(self._stream.stream.stamp(sample.t), sample)

    def _on_prior(self, msg: InertiaPrior) -> None:
        self._memory.add_prior(*prior_from_msg(msg, self.parameters.joints))
        self.diagnostics.tick("inertia_prior")

    # training -----------------------------------------------------------------------------------
    def _check(self, goal: MetaTrain.Goal) -> None:
        """Reject a goal that cannot be trained here and now.

        Raises:
            ConfigError: A field does not fit, the folder cannot be written, or the training before
                has been ended, but its last step goes on.
            DataError: It would go on from samples or a checkpoint that do not fit.
            LossFileError: Its name is no file name.
        """
        if self._worker is not None and not self._worker.ended.is_set():
            raise ConfigError(f"the training before this one is still ending: wait, then {AGAIN}")
        training, folder = self._training(goal), self._training_folder(goal)
        make_folder(folder)
        if self._goes_on(goal, training):
            kept_trainer(folder, training)

    def _begin(self, goal: MetaTrain.Goal) -> MetaTrainingWorker | float:
        """Train, or return how long the stream has to go on before [s].

        What was begun before goes on at once.
        """
        training, folder = self._training(goal), self._training_folder(goal)
        fresh: Signals | None = None
        if not self._goes_on(goal, training):
            with_prior, rate = needs_prior(goal), self._stream.rate
            needed = round(rate * self.parameters.record_seconds)
            missing = needed - self._memory.count(with_prior=with_prior)
            if missing > 0 or not rate:
                self._log_missing_prior(with_prior)
                return missing / rate if rate else math.nan
            fresh = self._memory.arrays(needed, with_prior=with_prior)
            fresh["rate"] = np.array([rate])
        worker = MetaTrainingWorker(training, folder, fresh, self.parameters.checkpoint_period)
        worker.start()
        self._worker = worker
        self._trained.discard(goal.name)
        return worker

    def _training(self, goal: MetaTrain.Goal) -> Training:
        return training_of(goal, self.parameters, self._losses_folder)

    def _training_folder(self, goal: MetaTrain.Goal) -> Path:
        return self._folder / "training" / goal.name

    def _goes_on(self, goal: MetaTrain.Goal, training: Training) -> bool:
        """Return whether a goal goes on with what its folder holds."""
        return goal.name not in self._trained and resumable(self._training_folder(goal), training)

    def _log_missing_prior(self, needed: bool) -> None:
        """Log what a goal waits for, where joint states come and none of them has its prior."""
        due = round(PRIOR_DUE_S * self._stream.rate)
        samples, known = (
            self._memory.count(with_prior=with_prior) for with_prior in (False, True)
        )
        if needed and not known and samples > due:
            self.get_logger().warning(
                "the goal waits for inertia_prior: activate rigid_body_prior, or send a goal with "
                "use_prior false and nle learned",
                throttle_duration_sec=PRIOR_LOGGED_EVERY,
            )

    # losses -------------------------------------------------------------------------------------
    def _keep(self, name: str, loss: LearnedLoss) -> LearnedLossMsg:
        """Save and publish a finished loss.

        How it was made stays: sent again to the process that follows a killed one, the goal is
        soon done.
        """
        loss.save(loss_files.inside(self._losses_folder, name))
        self._trained.add(name)
        return self._publish(name, loss)

    def _publish(self, name: str, loss: LearnedLoss) -> LearnedLossMsg:
        """Publish on the latched publisher of this name; late subscribers get the newest."""
        if name not in self._latched:
            self._latched[name] = self.publisher(LearnedLossMsg, "learned_loss", LATCHED_1)
            self._latched[name].on_activate(None)
        now, base = self.get_clock().now().nanoseconds, self.parameters.base_frame
        msg = loss_files.message(name, loss, now, base)
        self._losses[name] = loss
        self._latched[name].publish(msg)
        self.get_logger().info(f"published loss {name}, sha256 {msg.sha256[:8]}")
        return msg

    def _on_save(
        self, request: SaveLearnedLoss.Request, response: SaveLearnedLoss.Response
    ) -> SaveLearnedLoss.Response:
        loss = self._losses.get(request.name)
        if loss is None:
            known = ", ".join(self._losses) or "none yet"
            raise LossFileError(f"there is no loss '{request.name}' here: there is {known}")
        path = loss.save(loss_files.inside(self._losses_folder, request.file or request.name))
        response.success, response.message = True, f"{request.name} is saved"
        response.path = str(path)
        return response

    def _on_load(
        self, request: LoadLearnedLoss.Request, response: LoadLearnedLoss.Response
    ) -> LoadLearnedLoss.Response:
        if not self.active:
            raise ConfigError("the loss cannot be published: activate the node first")
        path = loss_files.to_load(self._losses_folder, request.file)
        loss = LearnedLoss.load(path)
        loss.check_labels(self.parameters.joints)
        name = loss_files.method_of(path)
        response.learned_loss = self._publish(name, loss)
        response.success, response.message = True, f"{path} is published as {name}"
        return response


def main() -> int:
    """Run the node."""
    return run(lambda: MetaLearner("meta_learner"))
