# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Policy optimizer: adapts inverse-dynamics models online, every method on the same samples.

Nothing in this process knows a model of the arm: it never imports Pinocchio or MuJoCo.
"""

from __future__ import annotations

import time

import torch
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool

from ml3_msgs.msg import LearnedLoss as LearnedLossMsg
from ml3_msgs.srv import LoadLearnedLoss, ResetOptimizee
from ml3_ros.core.engine.process import return_large_blocks
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.data.filters import FilteredSample
from ml3_ros.data.run_files import RunFolder
from ml3_ros.errors import ConfigError, DataError, LossFileError, MessageError, reason_of
from ml3_ros.files import remove_unfinished, user_path
from ml3_ros.learners.inverse_dynamics.run_log import RunLog
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.learners.inverse_dynamics.worker import AdaptationWorker
from ml3_ros.nodes.kit import loss_files
from ml3_ros.nodes.kit.filtered_stream import FilteredStream
from ml3_ros.nodes.kit.intake.sources import ArmSource
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.process import run
from ml3_ros.nodes.kit.qos import LATCHED_1, LATCHED_10, stream_qos
from ml3_ros.nodes.kit.rclpy_versions import MessageInfo
from ml3_ros.nodes.messages.joint_states import listed
from ml3_ros.nodes.messages.ml3 import loss_from_msg
from ml3_ros.nodes.policy_optimizer import ended_methods
from ml3_ros.nodes.policy_optimizer.first_samples import FirstSamples
from ml3_ros.nodes.policy_optimizer.model_feed import ModelFeed
from ml3_ros.nodes.policy_optimizer.parameters import PolicyOptimizerParameters
from ml3_ros.nodes.policy_optimizer.setup import (
    kept_units,
    make_learner,
    methods_of,
    plan_of,
    replace_loss,
    run_config,
)
from ml3_ros.nodes.policy_optimizer.shelf import LossShelf
from ml3_ros.nodes.policy_optimizer.status_feed import StatusFeed
from ml3_ros.nodes.policy_optimizer.stream_end import StreamEnd

STATUS_S = 0.5


class PolicyOptimizer(Ml3Node[PolicyOptimizerParameters]):
    """Joint states and learned losses in; adaptation status, checkpoints and results out.

    When the plan is done the results are written and the node deactivates itself.
    """

    # made by `load`
    _folder: RunFolder
    _shelf: LossShelf
    _statuses: StatusFeed
    _feed: ModelFeed  # with `model_period`
    _stream: FilteredStream | None
    _source: ArmSource
    _worker: AdaptationWorker | None
    _early: FirstSamples  # before there is a worker
    # set by `start`
    _end: StreamEnd
    _ended: ended_methods.EndedMethods

    def load(self) -> None:
        """Read the losses, make sure that the folder can be written, and connect."""
        p = self.parameters
        self._folder = RunFolder.create(p.out)
        for folder in (self._folder.path, self._folder.checkpoint("online").parent):
            remove_unfinished(folder)
        self._shelf = LossShelf(p, self.get_logger().info)
        if p.resume and self._folder.checkpoint("online").exists():
            self._shelf.kept_units = kept_units(self._folder, self._shelf.joints())
        self._stream = self._worker = None
        self._source = ArmSource(self, "joint_states")
        self._early = FirstSamples(p.units_samples)
        self._statuses = StatusFeed(self, methods_of(self._shelf.methods, p))
        qos = stream_qos(p.reliable)
        self.subscribe(JointState, "joint_states", self._on_state, qos, informed=True)
        self.diagnostics.expect("joint_states")
        self.subscribe(LearnedLossMsg, "learned_loss", self._on_loss, LATCHED_10, always=True)
        self.subscribe(Bool, "stream_finished", self._on_stream_finished, LATCHED_1)
        self.serve(ResetOptimizee, "~/reset_optimizee", self._on_reset)
        self.serve(LoadLearnedLoss, "~/load_learned_loss", self._on_load)
        self.every(STATUS_S, self._on_time)
        if p.model_period:
            self._feed = ModelFeed(self)
            self.every(p.model_period, self._on_model_time)

    def start(self) -> None:
        """Wait for the first joint state."""
        self.failed = False
        self._end = StreamEnd(self)
        self._ended = ended_methods.EndedMethods(self)

    def stop(self) -> None:
        """End the thread; what it has learned is on disk."""
        if self._worker is not None:
            self._worker.stop()
            self._publish()
            self._ended.log_new(self._worker)
            self._log_error()
        self._stream = self._worker = None
        self._early.clear()

    def check(self, new: PolicyOptimizerParameters) -> None:
        """Reject another time to learn after it is over."""
        if self._worker is None or self._worker.learning:
            return
        if new.learn_duration != self.parameters.learn_duration:
            raise ConfigError(
                "the models are frozen already: learn_duration can be set until then, or for the "
                "next run"
            )

    def retune(self) -> None:
        """Go on by the new plan."""
        if self._worker is not None:
            self._worker.plan = plan_of(self.parameters)

    def fault(self) -> str:
        """Return that nothing is learned any more, while that is so."""
        if self._worker is None or not self._worker.all_ended:
            return ""
        return "all methods have ended: nothing is learned from the stream any more"

    def diagnostic_values(self) -> dict[str, object]:
        """Return the ages of the losses, and how the learner keeps up."""
        if self._stream is None or self._worker is None:
            return self._stream.diagnostic_values() if self._stream is not None else {}
        now = time.monotonic()
        ages = {f"age of loss {n} [s]": now - born for n, born in self._shelf.born.items()}
        return {
            **ages,
            **ended_methods.diagnostic_values(self._worker),
            **self._stream.diagnostic_values(),
            "samples waiting": self._worker.waiting,
            "age of the newest sample [s]": self._end.silence,
        }

    # the stream ---------------------------------------------------------------------------------
    def _on_state(self, msg: JointState, info: MessageInfo) -> None:
        joints = self._shelf.joints()
        if not joints:
            unknown = "the joints are not known yet: a learned loss names them, or set `joints`"
            raise ConfigError(unknown)
        if self._stream is None:
            counts, report = self.diagnostics.counts, self.get_logger().info
            self._stream = FilteredStream(joints, counts, self.parameters, report, self._source)
            self.diagnostics.complaint = lambda: self._stream.complaint if self._stream else ""
        samples = self._stream.read(msg, info)
        self._end.note()
        self.diagnostics.tick("joint_states")
        for sample in samples:
            self._learn_from(sample)

    def _on_stream_finished(self, msg: Bool) -> None:
        self._end.finish(msg.data)

    def _learn_from(self, sample: FilteredSample) -> None:
        if self._worker is not None:
            if not self._worker.offer(sample):
                reason = "the learner does not keep up, samples are lost: lower steps_per_window"
                self.reject(DataError(reason), kind="lost samples")
            return
        self._early.add(sample)
        units = self._shelf.units(self._early)
        if units is not None and not self._shelf.missing():
            try:
                self._start_worker(units)
            except Exception as error:
                self.fail(reason_of(error))
        else:
            self._shelf.wait(self._early)

    def _start_worker(self, units: Units) -> None:
        p = self.parameters
        torch.set_num_threads(1)
        losses = {name: self._shelf.losses[name] for name in self._shelf.methods}
        online = make_learner(units, losses, p, self.get_logger().info)
        assert self._stream is not None  # samples come of it
        begin, window = self._stream.stream.stamp(0.0), online.config.sampling.window
        self._folder.save_config(run_config(p, units, begin, window))
        log = RunLog(online, self._folder)
        if p.resume and log.restore(p.learn_duration):
            self.get_logger().info(f"resumed after {online.n_steps} updates")
        self._worker = AdaptationWorker(online, log, plan_of(p), self.reject)
        self._worker.start()
        for sample in self._early:
            self._worker.offer(sample)
        self.get_logger().info(f"adapting {units.n_joints} joints by {', '.join(online.names)}")

    # status -------------------------------------------------------------------------------------
    def _on_time(self) -> None:
        if self._worker is None:
            self._on_waiting(self._shelf.waits_for(self._early))
            return
        self._publish()
        self._ended.log_new(self._worker)
        self._end.end_run(self._worker, self.parameters.silence_timeout)
        if self._worker.finished:
            self.get_logger().info(f"finished; results are in {self._folder.path}")
            if self._worker.all_ended:
                self.fail("at the end of the run no method was learning any more")
            else:
                self.trigger_deactivate()
        elif self._worker.error is not None:
            self.trigger_shutdown()

    def _on_waiting(self, reason: str) -> None:
        if not self._end.fail_if_over(reason) and reason:
            self.get_logger().info(reason, throttle_duration_sec=5.0)

    def _on_model_time(self) -> None:
        if self._worker is not None and self._stream is not None:
            self._feed.publish(self._worker, self._stream.stream)

    def _publish(self) -> None:
        if self._worker is not None and self._stream is not None:
            self._statuses.publish(self._worker, self._stream.stream, self.parameters.base_frame)

    def _log_error(self) -> None:
        error = self._worker.error if self._worker else None
        if error is not None:
            self.failed = True
            self.get_logger().error(f"the adaptation has ended: {reason_of(error)}")

    # losses -------------------------------------------------------------------------------------
    def _on_loss(self, msg: LearnedLossMsg) -> None:
        if msg.name not in self._shelf.methods:
            raise MessageError(
                f"learned_loss '{listed([msg.name])}' is no method of this run, it is ignored: "
                f"the methods with learned losses are {', '.join(self._shelf.methods) or 'none'}"
            )
        source = f"the learned loss '{msg.name}'"
        self._use(msg.name, LearnedLoss.from_bytes(loss_from_msg(msg), source))

    def _use(self, name: str, loss: LearnedLoss) -> None:
        """Take a loss for method `name`, from now on.

        Raises:
            LossFileError: It is for other joints or units, or cannot train; the one in use stays.
        """
        self._shelf.check(name, loss)
        if self._worker is not None:
            self._worker.request(lambda online: replace_loss(online, name, loss))
        else:
            self._shelf.check_units(name, loss)
        self._shelf.put(name, loss)
        self.get_logger().info(f"method {name} uses loss {loss.sha256()[:8]}")

    def _on_load(
        self, request: LoadLearnedLoss.Request, response: LoadLearnedLoss.Response
    ) -> LoadLearnedLoss.Response:
        path = loss_files.to_load(user_path(self.parameters.loss_folder), request.file)
        loss = LearnedLoss.load(path)
        name = loss_files.method_of(path)
        if name not in self._shelf.methods:
            raise LossFileError(
                f"{path.name} does not say which method it is for: let its name end with one of "
                f"{', '.join(self._shelf.methods)}"
            )
        now, base = self.get_clock().now().nanoseconds, self.parameters.base_frame
        msg = loss_files.message(name, loss, now, base)
        self._use(name, loss)
        response.learned_loss = msg
        response.success, response.message = True, f"{name} uses {path} from now on"
        return response

    def _on_reset(
        self, request: ResetOptimizee.Request, response: ResetOptimizee.Response
    ) -> ResetOptimizee.Response:
        if self._worker is None:
            raise DataError("nothing is learned yet: activate the node and stream joint_states")
        if request.seed < 0:
            raise ConfigError(f"seed must be >= 0, got {request.seed}")
        methods = list(request.methods)
        self._worker.request(lambda online: online.reset(methods, request.seed))
        response.success = True
        response.message = f"{', '.join(methods) or 'all methods'} start from new parameters"
        return response


def main() -> int:
    """Run the node."""
    return_large_blocks()
    return run(lambda: PolicyOptimizer("policy_optimizer"))
