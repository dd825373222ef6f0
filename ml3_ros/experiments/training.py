"""Meta-training to files: a run that was killed goes on, one that is done is loaded."""

import importlib.metadata
import subprocess
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from ml3_ros.core.checkpoints import restore_trainer, trainer_to_bytes
from ml3_ros.core.learned_loss import LearnedLoss
from ml3_ros.core.meta_training import MetaTrainer
from ml3_ros.experiments.results import resolved
from ml3_ros.files import write_atomically
from ml3_ros.tasks.inverse_dynamics.recipes import learned_loss
from ml3_ros.tasks.inverse_dynamics.units import Units

CHECKPOINT_STEPS = 50  # outer steps between checkpoints


def train_losses(
    trainer: MetaTrainer,
    folder: Path,
    units: Units,
    robot: str,
    report: Callable[[str], None] = print,
) -> list[LearnedLoss]:
    """Run `trainer` to its end and save the loss of every seed.

    Args:
        trainer: Freshly built; it is put where an earlier run in `folder` stopped.
        folder: Where losses (`seed_N.safetensors`) and the checkpoint are kept.
        units: The robot's units.
        robot: Its name.
        report: Called with a line of text at the end.

    Returns:
        The losses, in the order of the trainer's seeds.
    """
    paths = [folder / f"seed_{seed}.safetensors" for seed in trainer.seeds]
    provenance = {"revision": revision(), "meta_training": resolved(trainer.config)}
    fresh = [learned_loss(trainer, i, units, robot, provenance) for i in range(len(paths))]
    saved = [LearnedLoss.load(path) for path in paths if path.exists()]
    if len(saved) == len(paths) and all(
        old.spec == new.spec
        and old.provenance.get("meta_training") == new.provenance["meta_training"]
        and old.provenance.get("units") == resolved(units)
        for old, new in zip(saved, fresh, strict=True)
    ):
        return saved
    diverged = run_to_end(trainer, folder / "checkpoint.safetensors", folder.name)
    losses = [learned_loss(trainer, i, units, robot, provenance) for i in range(len(paths))]
    for path, loss in zip(paths, losses, strict=True):
        loss.save(path)
    report(f"{folder}: meta-trained {len(paths)} losses, {diverged} models diverged on the way")
    return losses


def run_to_end(trainer: MetaTrainer, checkpoint: Path, name: str) -> int:
    """Make all outer steps that are left, with a progress bar; return how many models diverged.

    Args:
        trainer: Freshly built; it is put where `checkpoint` was taken, if there is one.
        checkpoint: Written on the way, removed at the end.
        name: Shown before the bar.
    """
    if checkpoint.exists():
        restore_trainer(trainer, checkpoint.read_bytes())
    else:  # a place that cannot be written is found now, not at the end
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
            bar.set_postfix(task_loss=f"{float(step.task_loss.mean()):.3f}", refresh=False)
            bar.update()
            if step.step % CHECKPOINT_STEPS == 0:
                write_atomically(checkpoint, trainer_to_bytes(trainer))
    checkpoint.unlink(missing_ok=True)
    return diverged


def revision() -> str:
    """Return the git revision of the package's sources, or its version where there is no git."""
    try:
        found = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5.0,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return f"version {importlib.metadata.version('ml3_ros')}"
    return found.stdout.strip()
