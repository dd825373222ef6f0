# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""SIGKILL of meta_learner: trainings go on from their checkpoints, to the same loss."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.task import Future

from faults.kills.checkpoint_writes import wait_for_a_moment
from faults.rig.bench_node import BenchNode
from faults.rig.processes import Processes
from faults.rig.recoveries import Recoveries, spread
from faults.rig.result import Row
from faults.rig.waiting import BenchError, require, until
from ml3_msgs.action import MetaTrain
from ml3_ros.bringup.description import Process
from ml3_ros.core.checkpoints import unpack
from ml3_ros.nodes.kit.loss_files import LEARNED
from ml3_ros.tasks.inverse_dynamics.recipes import Recipe
from ml3_ros.tasks.inverse_dynamics.stream_training import MetaTrainingWorker, Training

TRAINING_S = 300.0
GOAL_S = 3.0  # within this a goal is accepted, or it was lost


def kill_meta_learner(
    processes: Processes,
    count: int,
    rng: np.random.Generator,
    process: Process,
    bench: BenchNode,
) -> list[Row]:
    """Kill it while it trains; compare each loss with that of an undisturbed training."""
    learner = _KilledMetaLearner(processes, process, _Trainer(bench.node))
    same: list[bool] = []
    while learner.recoveries.count < count:
        goal = _goal(LEARNED[0], use_prior=True, seed=len(same))
        same.append(learner.train(goal, count, rng))
    before, again = learner.loss(goal), learner.train_again(goal)
    kept_same = before == learner.loss(goal)
    learner.trainer.send(_goal(LEARNED[1], use_prior=False, seed=0))
    require(lambda: learner.trainer.result is not None, "the other loss", TRAINING_S)
    return [
        learner.recoveries.row("meta_learner: it trains beyond its checkpoint"),
        Row(
            "meta_learner: outer steps that a kill took",
            spread(learner.lost, "steps"),
            "those since the last checkpoint",
        ),
        Row(
            "meta_learner: losses equal to those of undisturbed trainings, byte by byte",
            f"{sum(same)} of {len(same)}",
            "all",
            all(same),
        ),
        again.row("meta_learner: killed after the end, the same goal is done again"),
        Row(
            "meta_learner: that loss, byte by byte",
            "the same" if kept_same else "another",
            "the same",
            kept_same,
        ),
    ]


class _KilledMetaLearner:
    """A meta_learner that is killed while it trains, and what its trainings became.

    Attributes:
        recoveries: From the kills amid trainings.
        lost: Outer steps that each of these kills took.
    """

    def __init__(self, processes: Processes, process: Process, trainer: _Trainer) -> None:
        """Use a node that runs already."""
        self._processes, self._process, self.trainer = processes, process, trainer
        self._out = processes.folder / "out"
        self.recoveries = Recoveries()
        self.lost: list[int] = []

    def loss(self, goal: MetaTrain.Goal) -> bytes:
        """Return the file of the trained loss."""
        return (self._out / "losses" / f"{goal.name}.safetensors").read_bytes()

    def train(self, goal: MetaTrain.Goal, count: int, rng: np.random.Generator) -> bool:
        """Let it train, killed until `count` kills are done or the training ends.

        Returns:
            Whether the loss is that of an undisturbed training, byte by byte.
        """
        folder, trainer = self._out / "training" / goal.name, self.trainer
        trainer.send(goal)
        require(lambda: trainer.iteration >= 1, "a training")
        undisturbed = self._processes.folder / "undisturbed"
        shutil.rmtree(undisturbed, ignore_errors=True)
        undisturbed.mkdir()
        for name in ("goal.json", "samples.safetensors"):
            shutil.copy(folder / name, undisturbed)
        while self.recoveries.count < count and trainer.result is None:
            wait_for_a_moment(folder, "checkpoint", rng, lambda: trainer.result is not None)
            if trainer.result is None:
                self._kill_amid(goal, folder / "checkpoint.safetensors")
        require(lambda: trainer.result is not None, "the end of a training", TRAINING_S)
        return self.loss(goal) == _undisturbed(undisturbed)

    def train_again(self, goal: MetaTrain.Goal) -> Recoveries:
        """Kill it after the end of a training, and let it train by the same goal."""
        again = Recoveries()
        at = self._processes.kill(self._process.name)
        self._restart(goal)
        again.wait(lambda: self.trainer.result is not None, at)
        return again

    def _kill_amid(self, goal: MetaTrain.Goal, checkpoint: Path) -> None:
        reached = self.trainer.iteration
        at = self._processes.kill(self._process.name)
        kept = _step(checkpoint)
        self.lost.append(reached - kept)
        self._restart(goal)
        self.recoveries.wait(lambda: self.trainer.iteration > kept, at)

    def _restart(self, goal: MetaTrain.Goal) -> None:
        self._processes.start(self._process)
        self.trainer.send(goal)


class _Trainer:
    """Sends goals and keeps what comes back of the newest."""

    def __init__(self, node: Node) -> None:
        self._client: ActionClient[Any, Any, Any] = ActionClient(node, MetaTrain, "meta_train")
        self.iteration = 0
        self.result: MetaTrain.Result | None = None

    def send(self, goal: MetaTrain.Goal) -> None:
        """Send a goal until it is accepted: who was killed is forgotten after a while."""
        self.iteration, self.result = 0, None
        end = time.monotonic() + 30.0
        while time.monotonic() < end:
            require(self._client.server_is_ready, "meta_learner's action", 30.0)
            response = self._client.send_goal_async(goal, self._on_feedback)
            until(response.done, GOAL_S)
            goal_handle = response.result()
            if goal_handle is not None and goal_handle.accepted:
                goal_handle.get_result_async().add_done_callback(self._on_result)
                return
        raise BenchError("meta_learner accepts no goal within 30 s")

    def _on_feedback(self, msg: MetaTrain.Impl.FeedbackMessage) -> None:
        self.iteration = msg.feedback.iteration

    def _on_result(self, future: Future[Any]) -> None:
        response = future.result()
        self.result = response.result if response is not None else None


def _goal(name: str, *, use_prior: bool, seed: int) -> MetaTrain.Goal:
    """Return the goal that the conductor sends."""
    return MetaTrain.Goal(
        name=name,
        task="inverse_dynamics",
        nle="learned",
        architecture="structured",
        use_prior=use_prior,
        seed=seed,
    )


def _undisturbed(folder: Path) -> bytes:
    """Return the loss of a training on the same samples that nobody kills."""
    goal = json.loads((folder / "goal.json").read_text())
    recipe = Recipe(**goal.pop("recipe"))
    training = Training(recipe=recipe, **goal | {"joint_names": tuple(goal["joint_names"])})
    worker = MetaTrainingWorker(training, folder, None, checkpoint_period=TRAINING_S)
    worker.run()
    if worker.loss is None:
        raise BenchError(f"the undisturbed training failed: {worker.error}")
    return worker.loss.to_bytes()


def _step(checkpoint: Path) -> int:
    """Return the outer steps of a checkpoint; 0 where there is none yet."""
    return unpack(checkpoint.read_bytes())[1]["step"] if checkpoint.exists() else 0
