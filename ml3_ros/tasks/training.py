# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Meta-training to files: a run that was killed goes on, one that is done is loaded."""

import importlib.metadata
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from ml3_ros.core.checkpoints import restore_trainer, trainer_to_bytes
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.outer.alternating import Trainer
from ml3_ros.core.outer.objective import task_loss_of
from ml3_ros.data.metrics import resolved
from ml3_ros.files import write_atomically

CHECKPOINT_STEPS = 50  # outer steps between checkpoints

AnyTrainer = TypeVar("AnyTrainer", bound=Trainer)
MakeLoss = Callable[[AnyTrainer, int, dict[str, Any]], LearnedLoss]


def train_losses(
    trainer: AnyTrainer, make_loss: MakeLoss[AnyTrainer], folder: Path
) -> list[LearnedLoss]:
    """Run `trainer` to its end and save the loss of every seed.

    Args:
        trainer: Freshly built; it is put where an earlier run in `folder` stopped.
        make_loss: (trainer, index of the seed, provenance to add) -> its loss as an artefact.
        folder: Where losses (`seed_N.safetensors`) and the checkpoint are kept.

    Returns:
        The losses, in the order of the trainer's seeds.
    """
    paths = [folder / f"seed_{seed}.safetensors" for seed in trainer.seeds]
    provenance = {"revision": revision(), "meta_training": resolved(trainer.config)}
    fresh = [make_loss(trainer, i, provenance) for i in range(len(paths))]
    saved = [LearnedLoss.load(path) for path in paths if path.exists()]
    if len(saved) == len(paths) and all(map(_same_training, saved, fresh)):
        return saved
    run_to_end(trainer, folder / "checkpoint.safetensors", folder.name)
    losses = [make_loss(trainer, i, provenance) for i in range(len(paths))]
    for path, loss in zip(paths, losses, strict=True):
        loss.save(path)
    return losses


def _same_training(one: LearnedLoss, other: LearnedLoss) -> bool:
    """Return whether two losses are trained alike, by the same or another revision."""
    plain = [json.loads(json.dumps(loss.provenance)) for loss in (one, other)]
    for provenance in plain:
        for key in ("outer_steps", "revision"):
            provenance.pop(key, None)
    return one.spec == other.spec and plain[0] == plain[1]


def provenance_of(trainer: Trainer, task_family: str, **about: Any) -> dict[str, Any]:
    """Return what the loss of a trainer with one seed was made from, for its file.

    Args:
        trainer: Of the loss.
        task_family: Name of what it was trained on.
        **about: More of it; JSON-able.
    """
    return {
        "task_family": task_family,
        **about,
        "seed": trainer.seeds[0],
        "revision": revision(),
        "meta_training": resolved(trainer.config),
    }


def train_to_file(
    trainer: Trainer,
    out: Path,
    make_loss: Callable[[], LearnedLoss],
    report: Callable[[str], None],
) -> LearnedLoss:
    """Run `trainer` to its end and save its one loss; a run that was killed goes on.

    Args:
        trainer: Freshly built, of one seed.
        out: File of the loss; the checkpoint has its name, with the suffix ".checkpoint".
        make_loss: Returns the trained loss as an artefact.
        report: Called with where it is.
    """
    run_to_end(trainer, out.with_suffix(".checkpoint"), out.stem)
    loss = make_loss()
    report(f"loss: {loss.save(out)}")
    return loss


def run_to_end(trainer: Trainer, checkpoint: Path, name: str) -> int:
    """Make all outer steps that are left, with a progress bar; return how many models diverged.

    Args:
        trainer: Freshly built; it is put where `checkpoint` was taken, if there is one.
        checkpoint: Written on the way, removed at the end.
        name: Shown before the bar.
    """
    if checkpoint.exists():
        restore_trainer(trainer, checkpoint.read_bytes())
    else:  # a place that cannot be written raises now, not at the end
        write_atomically(checkpoint, trainer_to_bytes(trainer))
    diverged = 0
    bar = tqdm(
        total=trainer.config.n_outer_steps,
        initial=trainer.step_count,
        desc=name,
        leave=False,
        mininterval=1.0,
    )
    with bar:
        while not trainer.done:
            step = trainer.step()
            diverged += int(step.diverged.sum())
            task_loss = float(task_loss_of(step.task_loss.mean(), trainer.config))
            bar.set_postfix(task_loss=f"{task_loss:.3g}", refresh=False)
            bar.update()
            if step.step % CHECKPOINT_STEPS == 0:
                write_atomically(checkpoint, trainer_to_bytes(trainer))
    checkpoint.unlink(missing_ok=True)
    return diverged


def revision() -> str:
    """Return the git revision of the package's sources, or its version where there is no git."""
    try:
        result = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5.0,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return f"version {importlib.metadata.version('ml3_ros')}"
    return result.stdout.strip()
