"""SIGKILL of those who learn: they go on from their checkpoints, and nothing before is lost."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rclpy.action import ActionClient

from faults.listener import Listener
from faults.processes import BenchError, Kills, Processes, spread, until
from faults.result import Row
from ml3_msgs.action import MetaTrain
from ml3_msgs.msg import Adaptation
from ml3_ros.bringup.description import Process
from ml3_ros.core.checkpoints import unpack
from ml3_ros.data.run_files import RunFolder
from ml3_ros.nodes.kit.loss_files import LEARNED
from ml3_ros.tasks.inverse_dynamics.recipes import Recipe
from ml3_ros.tasks.inverse_dynamics.stream_training import MetaTrainingWorker, Training

WRITE_S = 15.0  # within this a checkpoint is being written
TRAINING_S = 300.0


def kill_meta_learner(
    processes: Processes,
    count: int,
    rng: np.random.Generator,
    process: Process,
    listener: Listener,
) -> list[Row]:
    """Kill it while it trains; compare each loss with that of an undisturbed training."""
    out = processes.folder / "out"
    trainer = _Trainer(listener)
    kills, lost, same, trained = Kills(), [], 0, 0
    seed = 0
    while len(kills.times) + len(kills.failures) < count:
        goal = _goal(LEARNED[0], use_prior=True, seed=seed)
        folder = out / "training" / goal.name
        trainer.send(goal)
        until(lambda: trainer.iteration >= 1, "a training", 60.0)
        undisturbed = processes.folder / "undisturbed"
        shutil.rmtree(undisturbed, ignore_errors=True)
        undisturbed.mkdir()
        for name in ("goal.json", "samples.safetensors"):
            shutil.copy(folder / name, undisturbed)
        while len(kills.times) + len(kills.failures) < count and trainer.result is None:
            _wait_for_the_moment(folder, "checkpoint", rng, lambda: trainer.result is not None)
            if trainer.result is not None:
                break
            reached = trainer.iteration
            at = processes.kill(process.name)
            kept = _step(folder / "checkpoint.safetensors")
            lost.append(reached - kept)
            processes.start(process)
            trainer.send(goal)
            kills.wait(lambda kept=kept: trainer.iteration > kept, at)
        until(lambda: trainer.result is not None, "the end of a training", TRAINING_S)
        trained += 1
        loss = (out / "losses" / f"{goal.name}.safetensors").read_bytes()
        same += loss == _undisturbed(undisturbed)
        seed += 1
    at = processes.kill(process.name)
    processes.start(process)
    trainer.send(goal)
    again = Kills()
    again.wait(lambda: trainer.result is not None, at)
    kept_same = loss == (out / "losses" / f"{goal.name}.safetensors").read_bytes()
    trainer.send(_goal(LEARNED[1], use_prior=False, seed=0))
    until(lambda: trainer.result is not None, "the other loss", TRAINING_S)
    return [
        kills.row("meta_learner: it trains beyond its checkpoint"),
        Row(
            "meta_learner: outer steps that a kill took",
            spread(lost, "steps"),
            "those since the last checkpoint",
        ),
        Row(
            "meta_learner: losses equal to those of undisturbed trainings, byte by byte",
            f"{same} of {trained}",
            "all",
            same == trained,
        ),
        again.row("meta_learner: killed after the end, the same goal is done again"),
        Row(
            "meta_learner: that loss, byte by byte",
            "the same" if kept_same else "another",
            "the same",
            kept_same,
        ),
    ]


def kill_policy_optimizer(
    processes: Processes,
    count: int,
    rng: np.random.Generator,
    process: Process,
    listener: Listener,
) -> list[Row]:
    """Kill it while it learns; compare each checkpoint with the one before."""
    folder = RunFolder(processes.folder / "out")
    checkpoint = folder.checkpoint("online")
    told = listener.hear(Adaptation, "adaptation")
    kills, lost, problems, litter = Kills(), [], [], 0
    processes.start(process)
    until(checkpoint.exists, "a first checkpoint", 60.0)
    before = _Kept(checkpoint)
    for _ in range(count):
        _wait_for_the_moment(checkpoint.parent, "online", rng)
        at = processes.kill(process.name)
        kept = _Kept(checkpoint)
        problems += kept.problems(before, folder)
        before = kept
        reached = max((msg.update for _, msg in told.since(at - 5.0)), default=0)
        lost.append(max(reached - kept.n_steps, 0))
        processes.start(process)
        begun = time.time()
        kills.wait(
            lambda begun=begun, n=kept.n_steps: any(
                msg.update > n for _, msg in told.since(begun)
            ),
            at,
        )
        updates = [msg.update for _, msg in told.since(begun)]
        if updates and min(updates) < kept.n_steps:
            problems.append(f"update {min(updates)} after a checkpoint of {kept.n_steps}")
        litter += len(_unfinished(checkpoint.parent, "online")) > 1
    processes.kill(process.name, 2)
    return [
        kills.row("policy_optimizer: it learns beyond its checkpoint"),
        Row("policy_optimizer: updates that a kill took", spread(lost, "updates")),
        Row(
            "policy_optimizer: updates that went back, samples of a checkpoint missing in the "
            "next, samples without or with two predictions",
            "; ".join(sorted(set(problems))[:3]) or "none",
            "none",
            not problems,
        ),
        Row(
            "policy_optimizer: half-written files that stayed after the next start",
            str(litter),
            "0",
            litter == 0,
        ),
    ]


class _Trainer:
    """Sends goals and keeps what comes back of the newest."""

    def __init__(self, listener: Listener) -> None:
        self._client = ActionClient(listener.node, MetaTrain, "meta_train")
        self.iteration = 0
        self.result: MetaTrain.Result | None = None

    def send(self, goal: MetaTrain.Goal) -> None:
        """Send a goal until it is accepted: who was killed is forgotten after a while."""
        self.iteration, self.result = 0, None
        end = time.monotonic() + 30.0
        while time.monotonic() < end:
            until(self._client.server_is_ready, "meta_learner's action", 30.0)
            answer = self._client.send_goal_async(goal, self._on_feedback)
            try:
                until(answer.done, "an answer to a goal", 3.0)
            except BenchError:
                continue
            if answer.result().accepted:
                answer.result().get_result_async().add_done_callback(self._on_result)
                return
        raise BenchError("meta_learner accepts no goal within 30 s")

    def _on_feedback(self, msg: MetaTrain.Impl.FeedbackMessage) -> None:
        self.iteration = msg.feedback.iteration

    def _on_result(self, future) -> None:
        self.result = future.result().result


class _Kept:
    """What a checkpoint of policy_optimizer holds."""

    def __init__(self, path: Path) -> None:
        self.tensors, header = unpack(path.read_bytes())
        self.n_steps, self.n_learned = header["n_steps"], header["n_learned"]
        self.t = self.tensors["times"].numpy()

    def problems(self, before: _Kept, folder: RunFolder) -> list[str]:
        """Return what is not as it should be after the checkpoint `before`."""
        found = []
        if self.n_steps < before.n_steps:
            found.append(f"{self.n_steps} updates after {before.n_steps}")
        for name, x in before.tensors.items():
            if name == "times" or name.startswith("samples."):
                mine = self.tensors[name]
                if len(mine) < len(x) or not bool((mine[: len(x)] == x).all()):
                    found.append(f"{name} lost")
        predicted = folder.load_predictions().t
        missing = int((~np.isin(self.t[: self.n_learned], predicted)).sum())
        if missing:
            found.append(f"{missing} samples without a prediction")
        if len(np.unique(predicted)) != len(predicted):
            found.append("samples with two predictions")
        return found


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


def _wait_for_the_moment(
    folder: Path,
    name: str,
    rng: np.random.Generator,
    enough: Callable[[], bool] = lambda: False,
) -> None:
    """Wait for a random while; then, every other time, until a checkpoint is being written."""
    time.sleep(rng.uniform(0.3, 1.5))
    if rng.uniform() < 0.5:
        return
    end = time.monotonic() + WRITE_S
    before = _unfinished(folder, name)  # of those who were killed before
    while _unfinished(folder, name) <= before and not enough() and time.monotonic() < end:
        time.sleep(0.0005)


def _unfinished(folder: Path, name: str) -> set[Path]:
    """Return the files of `write_atomically` that are not in their place yet."""
    return set(folder.glob(f".{name}.safetensors.*.part"))


def _step(checkpoint: Path) -> int:
    """Return the outer steps of a checkpoint; 0 where there is none yet."""
    return unpack(checkpoint.read_bytes())[1]["step"] if checkpoint.exists() else 0
